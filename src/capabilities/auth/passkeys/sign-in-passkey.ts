/**
 * `POST /auth/v1/passkeys/authentication/{options,verify}`: signs in with whatever passkey of ours
 * the authenticator has. Every refusal reads alike, so that no id of a credential can be tried out.
 */
import { isBanned } from "../accounts/is-banned.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { requireCaptcha } from "../defence/require-captcha.ts";
import { authErrors } from "../errors.ts";
import { factorErrors } from "../factors/errors.ts";
import { keptOf } from "../factors/webauthn-factor.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { actorOf, audit } from "../record.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { startSession, type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { createStore, inTransaction } from "../store.ts";
import { createCredentialStore } from "./credential-store.ts";
import { beginCeremony, requirePasskeys, takeCeremony } from "./passkey-ceremony.ts";
import type { CredentialRow } from "./schema.ts";
import { WebAuthnFault } from "./webauthn/cbor.ts";
import { type Ceremony, sameBytes } from "./webauthn/client-data.ts";
import { bytesOf, credentialIdOf, readCredentialJson } from "./webauthn/credential-json.ts";
import { requestOptions } from "./webauthn/options.ts";
import {
  type Assertion,
  ClonedAuthenticator,
  verifyAssertion,
} from "./webauthn/verify-assertion.ts";
import { webAuthnUser } from "./webauthn-user.ts";

const METHOD = "passkey";

/** @throws passkey_disabled, over_request_rate_limit, captcha_failed */
export async function passkeyAuthenticationOptions(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
) {
  await limitByAddress(state, caller, "passkey", state.config.rate_limit_passkey);
  const party = requirePasskeys(state, caller);
  await requireCaptcha(state, caller, body);
  const { challenge, answer } = await beginCeremony(state, caller, "authentication", null);
  const timeoutMs = state.config.mfa_challenge_ttl_s * 1000;
  const request = { party, challenge, timeoutMs, allow: [], requireUserVerification: true };
  return { ...answer, options: requestOptions(request) };
}

/**
 * @throws webauthn_verification_failed, webauthn_challenge_not_found, webauthn_challenge_expired;
 *   only to who holds the passkey: user_banned, email_not_confirmed
 */
export async function signInWithPasskey(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<TokenAnswer> {
  await limitByAddress(state, caller, "passkey", state.config.rate_limit_passkey);
  const party = requirePasskeys(state, caller);
  const taken = await takeCeremony(state, caller, party, "authentication", null, body);
  const proven = await prove(state, caller, taken.answer, taken.ceremony);
  return signIn(state, caller, proven);
}

interface Proven {
  readonly passkey: CredentialRow;
  readonly user: UserRow;
  readonly use: Assertion;
}

async function prove(
  state: AuthState,
  caller: Caller,
  answer: JsonObject,
  ceremony: Ceremony,
): Promise<Proven> {
  try {
    const json = readCredentialJson(answer);
    const sql = state.sql(caller.tenant);
    const passkey = await createCredentialStore(sql).findPasskey(credentialIdOf(json));
    if (!passkey) throw new WebAuthnFault("no such passkey");
    const user = await createStore(sql).findUserById(passkey.user_id);
    if (!user || user.deleted_at) throw new WebAuthnFault("its person is gone");
    // The authenticator names the person it was made for: it is not for others to claim.
    if (!sameBytes(bytesOf(json, "userHandle"), webAuthnUser(user).handle)) {
      throw new WebAuthnFault("the passkey is another person's");
    }
    return { passkey, user, use: verifyAssertion(json, keptOf(passkey), ceremony) };
  } catch (error) {
    if (!(error instanceof WebAuthnFault)) throw error;
    const isClone = error instanceof ClonedAuthenticator;
    if (isClone) caller.log.warn("auth.authenticator_cloned", { reason: error.message });
    throw factorErrors.webauthn_verification_failed(null, error);
  }
}

async function signIn(
  state: AuthState,
  caller: Caller,
  { passkey, user, use }: Proven,
): Promise<TokenAnswer> {
  const now = state.now();
  refuseHeldBack(user, now);
  const done = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const current = await store.lockUser(user.id);
    const isFirst = await createCredentialStore(tx).markUsed(passkey.id, use, now);
    if (!current || current.deleted_at || !isFirst) return null;
    refuseHeldBack(current, now);
    const issued = await startSession(state, store, caller, user.id, METHOD);
    const row = await store.updateUser(user.id, { last_sign_in_at: now, updated_at: now });
    const traits = { provider: METHOD, passkey_id: passkey.id };
    await audit(state, store, caller, actorOf(user), "login", traits);
    return { issued, user: row ?? current, identities: await store.identitiesOf([user.id]) };
  });
  if (!done) throw factorErrors.webauthn_verification_failed(null);
  return tokenAnswer(state, caller, done.user, done.identities, done.issued);
}

/** What stands against any sign-in of this person. */
function refuseHeldBack(user: UserRow, now: Date): void {
  if (isBanned(user, now)) throw authErrors.user_banned();
  if (user.email && !user.email_confirmed_at) throw authErrors.email_not_confirmed();
}
