/** What registering a passkey and signing in with one share: the switch, the party, the challenge. */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { factorErrors } from "../factors/errors.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import { createCredentialStore } from "./credential-store.ts";
import { type RelyingParty, relyingParty } from "./relying-party.ts";
import type { PasskeyCeremony } from "./schema.ts";
import type { Ceremony } from "./webauthn/client-data.ts";
import { CHALLENGE_BYTES } from "./webauthn/options.ts";

/** @throws passkey_disabled by the settings, or for want of a domain */
export function requirePasskeys(state: AuthState, caller: Caller): RelyingParty {
  const party = state.config.passkeys ? relyingParty(state, caller) : null;
  if (!party) throw factorErrors.passkey_disabled();
  return party;
}

export interface BegunCeremony {
  readonly challenge: Uint8Array;
  readonly answer: {
    readonly challenge_id: string;
    /** Seconds since the epoch. */
    readonly expires_at: number;
  };
}

/** Writes a challenge; `userId` null = whoever answers. */
export async function beginCeremony(
  state: AuthState,
  caller: Caller,
  type: PasskeyCeremony,
  userId: string | null,
): Promise<BegunCeremony> {
  const { config, deps } = state;
  const now = state.now();
  const id = deps.ids.uuid();
  const challenge = deps.rng.bytes(CHALLENGE_BYTES);
  const expiresAt = new Date(now.getTime() + config.mfa_challenge_ttl_s * 1000);
  const store = createCredentialStore(state.sql(caller.tenant));
  await store.insertPasskeyChallenge({ id, userId, type, challenge, now, expiresAt });
  const expires = Math.floor(expiresAt.getTime() / 1000);
  return { challenge, answer: { challenge_id: id, expires_at: expires } };
}

/**
 * The browser's answer and the ceremony it must fit. The challenge is spent by the try.
 * @throws validation_failed, webauthn_challenge_not_found, webauthn_challenge_expired
 */
export async function takeCeremony(
  state: AuthState,
  caller: Caller,
  party: RelyingParty,
  type: PasskeyCeremony,
  userId: string | null,
  body: JsonObject,
): Promise<{ ceremony: Ceremony; answer: JsonObject }> {
  const id = textOf(body, "challenge_id");
  if (id === "") throw authErrors.validation_failed("challenge_id is required");
  if (!isUuid(id)) throw authErrors.validation_failed("challenge_id must be a valid UUID");
  const answer = objectOf(body, "credential");
  if (!answer) throw authErrors.validation_failed("credential is required");
  const store = createCredentialStore(state.sql(caller.tenant));
  const taken = await store.takePasskeyChallenge(id, type, userId);
  if (!taken) throw factorErrors.webauthn_challenge_not_found();
  if (taken.expires_at <= state.now()) throw factorErrors.webauthn_challenge_expired();
  const { challenge } = taken;
  const { id: rpId, acceptsOrigin } = party;
  // A passkey is the only proof of a sign-in: holding the device is not enough.
  const ceremony = { challenge, rpId, acceptsOrigin, requireUserVerification: true };
  return { ceremony, answer };
}
