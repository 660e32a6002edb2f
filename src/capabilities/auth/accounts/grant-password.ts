/** `POST /auth/v1/token?grant_type=password`: signs a person in by e-mail and password. */
import type { AuthState, Caller } from "../auth-state.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { authErrors } from "../errors.ts";
import { passwordAttempt } from "../hooks/verification-attempts.ts";
import { limitByAddress, limitByIdentity } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { startSession, type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { createStore, inTransaction } from "../store.ts";
import { isPasswordTooLong } from "./check-password.ts";
import { isBanned } from "./is-banned.ts";
import { normalizeEmail } from "./normalize-email.ts";

/**
 * Unknown address, missing password and wrong password answer alike and cost one hash each; what
 * else stands against a sign-in is told only to who knows the password.
 */
export async function grantPassword(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<TokenAnswer> {
  const { config } = state;
  await limitByAddress(state, caller, "password", config.rate_limit_password);
  const { email, password } = readGrant(body);
  await requireCaptcha(state, caller, body);
  await limitByIdentity(state, caller, "password", email, config.rate_limit_password_identity);
  const found = await createStore(state.sql(caller.tenant)).findUserByEmail(email);
  const stored = found?.encrypted_password ?? null;
  const matches = !isPasswordTooLong(password) && (await state.hasher.verify(password, stored));
  await passwordAttempt(state, caller, found?.deleted_at ? null : (found?.id ?? null), matches);
  if (!found || !matches || found.deleted_at) throw authErrors.invalid_credentials();
  return signInUser(state, caller, found, password);
}

function readGrant(body: JsonObject): { email: string; password: string } {
  const email = textOf(body, "email");
  const password = textOf(body, "password");
  if (textOf(body, "phone") !== "") throw authErrors.phone_provider_disabled();
  if (email === "") throw authErrors.validation_failed("missing email or phone");
  // What is no address is nobody's address: it takes the same way, and time, as an unknown one.
  return { email: normalizeEmail(email) ?? email, password };
}

async function signInUser(
  state: AuthState,
  caller: Caller,
  found: UserRow,
  password: string,
): Promise<TokenAnswer> {
  const { deps } = state;
  const now = state.now();
  if (isBanned(found, now)) throw authErrors.user_banned();
  if (!found.email_confirmed_at) throw authErrors.email_not_confirmed();
  const renewed = await renewHash(state, found.encrypted_password, password);
  const done = await inTransaction(state.sql(caller.tenant), async (store) => {
    const current = await store.lockUser(found.id);
    // The password may have been changed, or the person removed, while the hash was computed.
    if (!current || current.encrypted_password !== found.encrypted_password) return null;
    const issued = await startSession(state, store, caller, found.id, "password");
    const user = await store.updateUser(found.id, {
      last_sign_in_at: now,
      updated_at: now,
      ...(renewed === null ? {} : { encrypted_password: renewed }),
    });
    await store.touchIdentity(found.id, "email", now);
    const entry = {
      action: "login",
      actorId: found.id,
      actorName: found.email ?? "",
      address: caller.address,
      traits: { provider: "email" },
    };
    await store.audit(deps.ids.uuid(), entry, now);
    return { issued, user: user ?? current, identities: await store.identitiesOf([found.id]) };
  });
  if (!done) throw authErrors.invalid_credentials();
  return tokenAnswer(state, caller, done.user, done.identities, done.issued);
}

/** An imported or cheaper hash becomes one of ours while the password is at hand; null = none is due. */
async function renewHash(
  state: AuthState,
  stored: string | null,
  password: string,
): Promise<string | null> {
  if (stored === null || !state.hasher.isOutdated(stored)) return null;
  try {
    return await state.hasher.hash(password);
  } catch (error) {
    // The queue is full: the person comes in all the same, the hash waits for their next sign-in.
    if ((error as { code?: string }).code === "over_request_rate_limit") return null;
    throw error;
  }
}
