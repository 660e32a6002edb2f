/** `PUT /auth/v1/admin/users/{id}`: changes a person, with the attributes that auth-js sends. */
import type { TransactionSql } from "postgres";
import { checkPassword } from "../accounts/check-password.ts";
import { isUuid } from "../accounts/find-current-user.ts";
import { checkMetadata, mergeMetadata } from "../accounts/metadata.ts";
import { requireEmail } from "../accounts/normalize-email.ts";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import { tellOfNewPassword } from "../accounts/tell-of-new-password.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { checkBreached } from "../defence/check-breached.ts";
import { authErrors } from "../errors.ts";
import { flagOf, objectOf, textOf } from "../http/read-json.ts";
import { NOTHING_WAITS } from "../mailed/change-email.ts";
import { voidTokens } from "../mailed/one-time-token.ts";
import { requirePhone } from "../phone/normalize-phone.ts";
import { putPhoneIdentity } from "../phone/store.ts";
import { audit, publish, SERVICE } from "../record.ts";
import type { JsonObject, UserPatch, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction, isAddressConflict } from "../store.ts";
import { readPasswordHash } from "./password-hash.ts";
import { readBan, readRole } from "./user-fields.ts";

/** Null = as it is. */
interface Changes {
  /** Normalised. */
  readonly email: string | null;
  readonly emailConfirm: boolean;
  /** Digits, as stored. */
  readonly phone: string | null;
  readonly phoneConfirm: boolean;
  readonly passwordHash: string | null;
  readonly role: string | null;
  /** Null = lift it; undefined = as it is. */
  readonly bannedUntil: Date | null | undefined;
  readonly userMetadata: JsonObject | null;
  readonly appMetadata: JsonObject | null;
}

/**
 * A new password ends every session and what was mailed before; a ban keeps the sessions, which are
 * refused until it is over. Null values in metadata remove keys.
 * @throws user_not_found, email_exists, phone_exists, weak_password, validation_failed
 */
export async function adminUpdateUser(
  state: AuthState,
  caller: Caller,
  id: string,
  body: JsonObject,
): Promise<UserJson> {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  const changes = await readChanges(state, body);
  const work = inTransaction(state.sql(caller.tenant), (store, tx) =>
    applyChanges(state, store, tx, caller, id, changes),
  );
  const { row, identities } = await work.catch((error: unknown) => {
    if (isAddressConflict(error)) throw authErrors.email_exists();
    throw error;
  });
  state.outbox.wake(caller.tenant);
  return presentUser(row, identities);
}

async function readChanges(state: AuthState, body: JsonObject): Promise<Changes> {
  const email = textOf(body, "email");
  const phone = textOf(body, "phone");
  const rest = {
    phone: phone === "" ? null : requirePhone(phone),
    phoneConfirm: flagOf(body, "phone_confirm"),
    email: email === "" ? null : requireEmail(email),
    emailConfirm: flagOf(body, "email_confirm"),
    role: readRole(textOf(body, "role")),
    bannedUntil: readBan(state, textOf(body, "ban_duration")),
    userMetadata: objectOf(body, "user_metadata"),
    appMetadata: objectOf(body, "app_metadata"),
  };
  return { ...rest, passwordHash: await readPassword(state, body) };
}

async function readPassword(state: AuthState, body: JsonObject): Promise<string | null> {
  const given = readPasswordHash(body);
  if (given !== null) return given;
  const password = textOf(body, "password");
  if (password === "") return null;
  checkPassword(password, state.config.password_min_length);
  await checkBreached(state, password);
  return state.hasher.hash(password);
}

async function applyChanges(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  id: string,
  changes: Changes,
) {
  const now = state.now();
  // Sessions before their person, as refreshing locks them: the other order would deadlock.
  if (changes.passwordHash !== null) await store.deleteSessions(id, {});
  const before = await store.lockUser(id);
  if (!before) throw authErrors.user_not_found();
  const { email, phone, passwordHash } = changes;
  const isMoved =
    (email !== null && email !== before.email) || (phone !== null && phone !== before.phone);
  const isTaken = passwordHash !== null || isMoved;
  const patch = { ...patchOf(before, changes, now), ...(isTaken ? NOTHING_WAITS : {}) };
  const row = await store.updateUser(id, patch);
  if (!row) throw await takenBy(store, id, changes.phone);
  if (phone !== null) {
    const verified = row.phone_confirmed_at !== null;
    const identity = { id: state.deps.ids.uuid(), userId: id, phone, verified, now };
    await putPhoneIdentity(tx, identity);
  }
  if (email !== null) {
    const isKept = email === before.email && before.email_confirmed_at !== null;
    const verified = changes.emailConfirm || state.config.autoconfirm || isKept;
    await store.putEmailIdentity(state.deps.ids.uuid(), id, email, verified, now);
  }
  if (isTaken) await voidTokens(tx, id);
  if (passwordHash !== null) await tellOfNewPassword(state, caller, tx, before);
  const facts = { user_id: id, changed: namesOf(changes) };
  await audit(state, store, caller, SERVICE, "user_modified", facts);
  await publish(state, tx, caller, "auth.user_updated", id, facts);
  return { row, identities: await store.identitiesOf([id]) };
}

async function takenBy(store: AuthStore, id: string, phone: string | null): Promise<Error> {
  const holder = phone === null ? null : await store.findUserByPhone(phone);
  return holder && holder.id !== id ? authErrors.phone_exists() : authErrors.email_exists();
}

/** A new number counts as the person's only when that is said. */
function phonePatch(user: UserRow, { phone, phoneConfirm }: Changes, now: Date): UserPatch {
  const isOther = phone !== null && phone !== user.phone;
  const known = isOther ? null : user.phone_confirmed_at;
  return {
    updated_at: now,
    ...(phone === null ? {} : { phone }),
    ...(isOther || phoneConfirm
      ? { phone_confirmed_at: phoneConfirm ? (known ?? now) : known }
      : {}),
  };
}

function patchOf(user: UserRow, changes: Changes, now: Date): UserPatch {
  const { email, emailConfirm, passwordHash, role, bannedUntil } = changes;
  const address = email ?? user.email;
  const merged = (
    name: "user_metadata" | "app_metadata",
    base: JsonObject | null,
    more: JsonObject,
  ) => checkMetadata(name, mergeMetadata(base, more));
  const { userMetadata, appMetadata } = changes;
  return {
    ...phonePatch(user, changes, now),
    ...(email === null ? {} : { email }),
    ...(emailConfirm && address !== null
      ? { email_confirmed_at: user.email_confirmed_at ?? now, proven_email: address }
      : {}),
    ...(passwordHash === null ? {} : { encrypted_password: passwordHash }),
    ...(role === null ? {} : { role }),
    ...(bannedUntil === undefined ? {} : { banned_until: bannedUntil }),
    ...(userMetadata === null
      ? {}
      : { raw_user_meta_data: merged("user_metadata", user.raw_user_meta_data, userMetadata) }),
    ...(appMetadata === null
      ? {}
      : { raw_app_meta_data: merged("app_metadata", user.raw_app_meta_data, appMetadata) }),
  };
}

/** What was changed, for the audit log: names, never values. */
function namesOf(changes: Changes): string[] {
  const { bannedUntil } = changes;
  return [
    changes.email !== null && "email",
    changes.emailConfirm && "email_confirm",
    changes.phone !== null && "phone",
    changes.phoneConfirm && "phone_confirm",
    changes.passwordHash !== null && "password",
    changes.role !== null && "role",
    bannedUntil !== undefined && (bannedUntil === null ? "ban_lifted" : "ban"),
    changes.userMetadata !== null && "user_metadata",
    changes.appMetadata !== null && "app_metadata",
  ].filter((name) => name !== false);
}
