/** `POST /auth/v1/token?grant_type=password`: signs a person in by e-mail, or phone, and password. */
import type { AuthState, Caller } from "../auth-state.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { authErrors } from "../errors.ts";
import { passwordAttempt } from "../hooks/verification-attempts.ts";
import { limitByAddress, limitByIdentity } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { normalizePhone } from "../phone/normalize-phone.ts";
import { actorOf, audit } from "../record.ts";
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
  state.hasher.requireRoom();
  await limitByAddress(state, caller, "password", config.rate_limit_password);
  const { channel, to, password } = readGrant(body);
  await requireCaptcha(state, caller, body);
  await limitByIdentity(state, caller, "password", to, config.rate_limit_password_identity);
  const store = createStore(state.sql(caller.tenant));
  const found = await (channel === "email" ? store.findUserByEmail(to) : store.findUserByPhone(to));
  const stored = found?.encrypted_password ?? null;
  const matches = !isPasswordTooLong(password) && (await state.hasher.verify(password, stored));
  await passwordAttempt(state, caller, found?.deleted_at ? null : (found?.id ?? null), matches);
  if (!found || !matches || found.deleted_at) throw authErrors.invalid_credentials();
  return signInUser(state, caller, found, channel, password);
}

type Channel = "email" | "phone";

function readGrant(body: JsonObject): { channel: Channel; to: string; password: string } {
  const email = textOf(body, "email");
  const phone = textOf(body, "phone");
  const password = textOf(body, "password");
  if (email !== "" && phone !== "") {
    throw authErrors.validation_failed(
      "Only an email address or phone number should be provided on login.",
    );
  }
  if (email === "" && phone === "") throw authErrors.validation_failed("missing email or phone");
  // What is no address is nobody's address: it takes the same way, and time, as an unknown one.
  return email === ""
    ? { channel: "phone", to: normalizePhone(phone) ?? phone, password }
    : { channel: "email", to: normalizeEmail(email) ?? email, password };
}

async function signInUser(
  state: AuthState,
  caller: Caller,
  found: UserRow,
  channel: Channel,
  password: string,
): Promise<TokenAnswer> {
  const now = state.now();
  if (isBanned(found, now)) throw authErrors.user_banned();
  if (channel === "email" && !found.email_confirmed_at) throw authErrors.email_not_confirmed();
  if (channel === "phone" && !found.phone_confirmed_at) throw authErrors.phone_not_confirmed();
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
    await store.touchIdentity(found.id, channel, now);
    await audit(state, store, caller, actorOf(found), "login", { provider: channel });
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
