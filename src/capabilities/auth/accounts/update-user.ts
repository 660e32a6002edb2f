/** `PUT /auth/v1/user`: people change their own address, number, password and metadata. */
import type { AuthState, Caller } from "../auth-state.ts";
import { checkBreached } from "../defence/check-breached.ts";
import { authErrors } from "../errors.ts";
import { requireAal2 } from "../factors/aal.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import { limitMessages } from "../mailed/limit-messages.ts";
import { challengeIn } from "../mailed/read-request.ts";
import { spendNonce } from "../mailed/reauthenticate.ts";
import { requirePhoneProvider } from "../phone/issue-text.ts";
import { requirePhone } from "../phone/normalize-phone.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { inTransaction, isAddressConflict } from "../store.ts";
import { applyChanges, type Changes } from "./apply-changes.ts";
import { checkPassword } from "./check-password.ts";
import type { CurrentUser } from "./find-current-user.ts";
import { requireEmail } from "./normalize-email.ts";
import { presentUser, type UserJson } from "./present-user.ts";

const RECENT_LOGIN_MS = 24 * 60 * 60 * 1000;

/**
 * A new password ends the person's other sessions; null values in `data` remove keys. A new address
 * or number takes effect at once where those are confirmed automatically, else when a code comes back.
 * @param redirectTo where the links of a change lead, from `redirectOf`; null = the app.
 */
export async function updateUser(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  body: JsonObject,
  redirectTo: string | null = null,
): Promise<UserJson> {
  const { user } = current;
  const limit = state.config.rate_limit_user_update;
  await limitByIdentity(state, caller, "user_update", user.id, limit);
  if (objectOf(body, "app_metadata")) throw authErrors.app_metadata_not_yours();
  const isSensitive = ["email", "phone", "password"].some((key) => textOf(body, key) !== "");
  if (isSensitive) requireAal2(state, current, "update email or password when MFA is enabled");
  if (isSensitive && user.is_sso_user) throw authErrors.user_sso_managed();
  const changes = await readChanges(state, caller, current, body, redirectTo);
  const work = inTransaction(state.sql(caller.tenant), (store, tx) =>
    applyChanges(state, store, tx, caller, current, changes),
  );
  const { row, identities } = await work.catch((error: unknown) => {
    if (isAddressConflict(error)) throw authErrors.email_exists();
    throw error;
  });
  state.outbox.wake(caller.tenant);
  return presentUser(row, identities);
}

async function readChanges(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  body: JsonObject,
  redirectTo: string | null,
): Promise<Changes> {
  const { user } = current;
  const email = readEmail(user, textOf(body, "email"));
  const phone = readPhone(state, user, textOf(body, "phone"));
  const password = textOf(body, "password");
  requireConfirmedAddress(state, user, { email, phone, password });
  if (email !== null && !state.config.autoconfirm) {
    await limitMessages(state, caller, "email", email);
    // With confirmation at both ends the present address is written to, too.
    const asksBoth = state.config.secure_email_change && user.email;
    if (asksBoth) await limitMessages(state, caller, "email", asksBoth);
  }
  if (phone !== null && !state.config.sms_autoconfirm) {
    await limitMessages(state, caller, "sms", phone);
  }
  const nonce = textOf(body, "nonce");
  return {
    email,
    phone,
    data: objectOf(body, "data"),
    passwordHash: await readPassword(state, caller, current, password, nonce),
    redirectTo,
    challenge: challengeIn(body),
  };
}

function readEmail(user: UserRow, text: string): string | null {
  const email = text === "" ? null : requireEmail(text);
  return email === user.email ? null : email;
}

function readPhone(state: AuthState, user: UserRow, text: string): string | null {
  if (text === "") return null;
  if (!state.config.sms_autoconfirm) requirePhoneProvider(state);
  const phone = requirePhone(text);
  return phone === user.phone ? null : phone;
}

/**
 * An anonymous account gets a password with or after an address that is known to be its person's:
 * else whoever confirms the address, for it may be somebody else, gets an account that the first
 * can enter.
 */
function requireConfirmedAddress(
  { config }: AuthState,
  user: UserRow,
  sent: { readonly email: string | null; readonly phone: string | null; readonly password: string },
): void {
  if (!user.is_anonymous || sent.password === "") return;
  const isConfirmed =
    (sent.email !== null && config.autoconfirm) || (sent.phone !== null && config.sms_autoconfirm);
  if (!isConfirmed) throw authErrors.anonymous_password();
}

/** The hash of the new password, null when none was sent. */
async function readPassword(
  state: AuthState,
  caller: Caller,
  { user, session }: CurrentUser,
  password: string,
  nonce: string,
): Promise<string | null> {
  if (password === "") return null;
  checkPassword(password, state.config.password_min_length);
  if (state.config.password_change_needs_recent_login) {
    const ageMs = session ? state.now().getTime() - session.created_at.getTime() : Infinity;
    if (ageMs > RECENT_LOGIN_MS) {
      if (nonce === "") throw authErrors.reauthentication_needed();
      await spendNonce(state, caller, user, nonce);
    }
  }
  if (user.encrypted_password && (await state.hasher.verify(password, user.encrypted_password))) {
    throw authErrors.same_password();
  }
  await checkBreached(state, password);
  return state.hasher.hash(password);
}
