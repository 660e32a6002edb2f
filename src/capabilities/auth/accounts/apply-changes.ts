/** The transaction of `PUT /auth/v1/user`: what a person changes of their own account. */
import type { TransactionSql } from "postgres";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { beginFlow } from "../flows/flow-state.ts";
import { providersPatch } from "../identities/providers-of.ts";
import { CHANGE_OVER, NOTHING_WAITS, requestEmailChange } from "../mailed/change-email.ts";
import { voidTokens } from "../mailed/one-time-token.ts";
import { queueMessage, queueText } from "../messages/queue-message.ts";
import { applyPhoneChange, requestPhoneChange } from "../phone/change-phone.ts";
import { actorOf, audit } from "../record.ts";
import type { IdentityRow, JsonObject, SessionRow, UserPatch, UserRow } from "../schema.ts";
import { hasEnded } from "../sessions/session-life.ts";
import type { AuthStore } from "../store.ts";
import type { CurrentUser } from "./find-current-user.ts";
import { checkMetadata, mergeMetadata } from "./metadata.ts";
import { tellOfNewPassword } from "./tell-of-new-password.ts";

export interface Changes {
  /** Normalised; null = as it is. */
  readonly email: string | null;
  /** Digits; null = as it is. */
  readonly phone: string | null;
  readonly passwordHash: string | null;
  readonly data: JsonObject | null;
  readonly redirectTo: string | null;
  /** PKCE, as sent. */
  readonly challenge: { readonly codeChallenge: string; readonly codeChallengeMethod: string };
}

export interface Applied {
  readonly row: UserRow;
  readonly identities: readonly IdentityRow[];
}

interface Work {
  readonly state: AuthState;
  readonly store: AuthStore;
  readonly tx: TransactionSql;
  readonly caller: Caller;
  readonly changes: Changes;
}

/** @throws user_not_found, session_not_found, email_exists, phone_exists */
export async function applyChanges(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  { user, session }: CurrentUser,
  changes: Changes,
): Promise<Applied> {
  const work = { state, store, tx, caller, changes };
  const locked = await store.lockUser(user.id);
  if (!locked || locked.deleted_at) throw authErrors.token_user_not_found();
  await requireStanding(state, store, session);
  const patched = await store.updateUser(user.id, patchOf(state, locked, changes));
  if (!patched) throw authErrors.email_exists();
  if (changes.passwordHash !== null) {
    await store.deleteSessions(user.id, session ? { except: session.id } : {});
    // Nothing that was sent before, to whomever, opens the account or moves it.
    await voidTokens(tx, user.id);
    await audit(state, store, caller, actorOf(patched), "user_updated_password");
    await tellOfNewPassword(state, caller, tx, locked);
  }
  const row = await changePhone(work, await changeEmail(work, patched));
  await audit(state, store, caller, actorOf(row), "user_modified");
  return { row, identities: await store.identitiesOf([user.id]) };
}

/**
 * It may have been ended since the request came in, by a person who throws somebody else out: of two
 * changes at once, the one that loses must not be made after all. @throws session_not_found
 */
async function requireStanding(
  state: AuthState,
  store: AuthStore,
  session: SessionRow | null,
): Promise<void> {
  if (session === null) return;
  const current = await store.findSession(session.id);
  if (!current || hasEnded(state, current)) throw authErrors.session_not_found();
}

function patchOf(state: AuthState, user: UserRow, changes: Changes): UserPatch {
  const now = state.now();
  const { passwordHash, data } = changes;
  const email = state.config.autoconfirm ? changes.email : null;
  const changed = { ...data, ...(email === null ? {} : { email }) };
  const merged = mergeMetadata(user.raw_user_meta_data, changed);
  return {
    updated_at: now,
    ...(email === null ? {} : { email, email_confirmed_at: now, is_anonymous: false }),
    ...(passwordHash === null ? {} : { encrypted_password: passwordHash, ...NOTHING_WAITS }),
    ...(data === null && email === null
      ? {}
      : { raw_user_meta_data: checkMetadata("user_metadata", merged) }),
  };
}

async function changeEmail(
  { state, store, tx, caller, changes }: Work,
  row: UserRow,
): Promise<UserRow> {
  const { email, redirectTo, challenge } = changes;
  if (email === null) return row;
  const now = state.now();
  if (state.config.autoconfirm) {
    await store.putEmailIdentity(state.deps.ids.uuid(), row.id, email, true, now);
    await voidTokens(tx, row.id);
    const ways = providersPatch(row, await store.identitiesOf([row.id]));
    const patched = await store.updateUser(row.id, { ...ways, ...CHANGE_OVER, updated_at: now });
    return patched ?? row;
  }
  const start = { ...challenge, method: "email_change", provider: "email", userId: row.id };
  const flowId = await beginFlow(state, tx, start);
  const target = { redirectTo, flowId };
  const asked = await requestEmailChange(state, store, tx, caller, row, email, target);
  await queueMessage(state, caller, tx, asked.message);
  return asked.user;
}

async function changePhone(
  { state, store, tx, caller, changes }: Work,
  row: UserRow,
): Promise<UserRow> {
  const { phone } = changes;
  if (phone === null) return row;
  if (!state.config.sms_autoconfirm) {
    const { user, text } = await requestPhoneChange(state, store, tx, caller, row, phone);
    await queueText(state, caller, tx, text);
    return user;
  }
  const changed = await applyPhoneChange(state, store, tx, caller, row, phone);
  if (typeof changed === "string") throw authErrors.phone_exists();
  return changed.user;
}
