/** `POST /auth/v1/admin/users`: the project's own server makes an account for somebody. */

import { checkPassword } from "../accounts/check-password.ts";
import { createUser, type UserDraft } from "../accounts/create-user.ts";
import { checkMetadata } from "../accounts/metadata.ts";
import { requireEmail } from "../accounts/normalize-email.ts";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { checkBreached } from "../defence/check-breached.ts";
import { authErrors } from "../errors.ts";
import { flagOf, objectOf, textOf } from "../http/read-json.ts";
import { requirePhone } from "../phone/normalize-phone.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, createStore, inTransaction } from "../store.ts";
import { readPasswordHash } from "./password-hash.ts";
import { readBan, readId, readRole } from "./user-fields.ts";

/**
 * Without a password the account gets one that nobody knows. @throws email_exists, phone_exists,
 * user_already_exists (the id), weak_password, validation_failed
 */
export async function adminCreateUser(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<UserJson> {
  const draft = await readDraft(state, body);
  const sql = state.sql(caller.tenant);
  const created = await inTransaction(sql, (store, tx) =>
    createUser(state, store, tx, caller, draft),
  );
  if (created) return presentUser(created.user, created.identities);
  throw await takenBy(createStore(sql), draft);
}

async function takenBy(store: AuthStore, { email, phone }: UserDraft): Promise<Error> {
  if (email !== null && (await store.findUserByEmail(email))) return authErrors.email_exists();
  if (phone && (await store.findUserByPhone(phone))) return authErrors.phone_exists();
  return authErrors.user_id_exists();
}

async function readDraft(state: AuthState, body: JsonObject): Promise<UserDraft> {
  const person = readPerson(state, body);
  const imported = readPasswordHash(body);
  if (imported !== null) return { ...person, passwordHash: imported };
  const given = textOf(body, "password");
  if (given !== "") {
    checkPassword(given, state.config.password_min_length);
    await checkBreached(state, given);
  }
  const password = given === "" ? state.deps.ids.token() : given;
  return { ...person, passwordHash: await state.hasher.hash(password) };
}

/** All but the password. @throws validation_failed, phone_provider_disabled */
export function readPerson(state: AuthState, body: JsonObject): UserDraft {
  const email = textOf(body, "email");
  const phone = textOf(body, "phone");
  if (email === "" && phone === "") {
    throw authErrors.validation_failed("Cannot create a user without either an email or phone");
  }
  const userMetadata = checkMetadata("user_metadata", objectOf(body, "user_metadata") ?? {});
  const appMetadata = checkMetadata("app_metadata", objectOf(body, "app_metadata") ?? {});
  return {
    id: readId(state, textOf(body, "id")),
    email: email === "" ? null : requireEmail(email),
    phone: phone === "" ? null : requirePhone(phone),
    phoneConfirmed: phone !== "" && (flagOf(body, "phone_confirm") || state.config.sms_autoconfirm),
    role: readRole(textOf(body, "role")) ?? "authenticated",
    confirmed: flagOf(body, "email_confirm") || state.config.autoconfirm,
    proven: flagOf(body, "email_confirm"),
    userMetadata,
    appMetadata,
    bannedUntil: readBan(state, textOf(body, "ban_duration")) ?? null,
    passwordHash: null,
  };
}
