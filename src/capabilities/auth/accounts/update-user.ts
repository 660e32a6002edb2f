/** `PUT /auth/v1/user`: people change their own address, password and metadata. */
import type { AuthState, Caller } from "../auth-state.ts";
import { checkBreached } from "../defence/check-breached.ts";
import { authErrors } from "../errors.ts";
import { requireAal2 } from "../factors/aal.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import type { JsonObject, SessionRow, UserPatch, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction, isEmailConflict } from "../store.ts";
import { checkPassword } from "./check-password.ts";
import type { CurrentUser } from "./find-current-user.ts";
import { checkMetadata, mergeMetadata } from "./metadata.ts";
import { requireEmail } from "./normalize-email.ts";
import { presentUser, type UserJson } from "./present-user.ts";
import { tellOfNewPassword } from "./tell-of-new-password.ts";

const RECENT_LOGIN_MS = 24 * 60 * 60 * 1000;

interface Changes {
  /** Normalised; null = as it is. */
  readonly email: string | null;
  readonly passwordHash: string | null;
  readonly data: JsonObject | null;
}

/** A new password ends the person's other sessions; null values in `data` remove keys. */
export async function updateUser(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  body: JsonObject,
): Promise<UserJson> {
  const { user, session } = current;
  const limit = state.config.rate_limit_user_update;
  await limitByIdentity(state, caller, "user_update", user.id, limit);
  if (objectOf(body, "app_metadata")) throw authErrors.app_metadata_not_yours();
  if (textOf(body, "email") !== "" || textOf(body, "password") !== "") {
    requireAal2(state, current, "update email or password when MFA is enabled");
  }
  if (textOf(body, "phone") !== "") throw authErrors.phone_provider_disabled();
  const changes = {
    email: readEmail(state, user, textOf(body, "email")),
    data: objectOf(body, "data"),
    passwordHash: await readPassword(state, user, session, textOf(body, "password")),
  };
  const work = inTransaction(state.sql(caller.tenant), (store) =>
    applyChanges(state, store, caller, current, changes),
  );
  const { row, identities } = await work.catch((error: unknown) => {
    if (isEmailConflict(error)) throw authErrors.email_exists();
    throw error;
  });
  if (changes.passwordHash !== null) await tellOfNewPassword(state, caller, user);
  return presentUser(row, identities);
}

function readEmail(state: AuthState, user: UserRow, text: string): string | null {
  if (text === "") return null;
  const email = requireEmail(text);
  if (email === user.email) return null;
  if (!state.config.autoconfirm) throw authErrors.email_change_needs_mail();
  return email;
}

/** The hash of the new password, null when none was sent. */
async function readPassword(
  state: AuthState,
  user: UserRow,
  session: SessionRow | null,
  password: string,
): Promise<string | null> {
  if (password === "") return null;
  checkPassword(password, state.config.password_min_length);
  if (state.config.password_change_needs_recent_login) {
    const ageMs = session ? state.now().getTime() - session.created_at.getTime() : Infinity;
    if (ageMs > RECENT_LOGIN_MS) throw authErrors.reauthentication_needed();
  }
  if (user.encrypted_password && (await state.hasher.verify(password, user.encrypted_password))) {
    throw authErrors.same_password();
  }
  await checkBreached(state, password);
  return state.hasher.hash(password);
}

async function applyChanges(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  { user, session }: CurrentUser,
  changes: Changes,
) {
  const now = state.now();
  const locked = await store.lockUser(user.id);
  if (!locked || locked.deleted_at) throw authErrors.token_user_not_found();
  const row = await store.updateUser(user.id, patchOf(locked, changes, now));
  if (!row) throw authErrors.email_exists();
  const { ids } = state.deps;
  if (changes.email !== null) {
    await store.putEmailIdentity(ids.uuid(), user.id, changes.email, true, now);
  }
  const audit = (action: string) =>
    store.audit(
      ids.uuid(),
      { action, actorId: user.id, actorName: row.email ?? "", address: caller.address },
      now,
    );
  if (changes.passwordHash !== null) {
    await store.deleteSessions(user.id, session ? { except: session.id } : {});
    await audit("user_updated_password");
  }
  await audit("user_modified");
  return { row, identities: await store.identitiesOf([user.id]) };
}

function patchOf(user: UserRow, changes: Changes, now: Date): UserPatch {
  const { email, passwordHash, data } = changes;
  const changed = { ...data, ...(email === null ? {} : { email }) };
  const merged = mergeMetadata(user.raw_user_meta_data, changed);
  return {
    updated_at: now,
    ...(email === null ? {} : { email, email_confirmed_at: now }),
    ...(passwordHash === null ? {} : { encrypted_password: passwordHash }),
    ...(data === null && email === null
      ? {}
      : { raw_user_meta_data: checkMetadata("user_metadata", merged) }),
  };
}
