/** A security key or passkey as a second factor: what it is asked, and what its answer is worth. */
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { objectOf, textOf } from "../http/read-json.ts";
import { createCredentialStore } from "../passkeys/credential-store.ts";
import { type RelyingParty, relyingParty } from "../passkeys/relying-party.ts";
import type { CredentialRow } from "../passkeys/schema.ts";
import { toBase64url } from "../passkeys/webauthn/base64url.ts";
import { WebAuthnFault } from "../passkeys/webauthn/cbor.ts";
import type { Ceremony } from "../passkeys/webauthn/client-data.ts";
import {
  credentialIdOf,
  optionalBytesOf,
  readCredentialJson,
} from "../passkeys/webauthn/credential-json.ts";
import { CHALLENGE_BYTES, creationOptions, requestOptions } from "../passkeys/webauthn/options.ts";
import { ClonedAuthenticator, verifyAssertion } from "../passkeys/webauthn/verify-assertion.ts";
import { verifyRegistration } from "../passkeys/webauthn/verify-registration.ts";
import { webAuthnUser } from "../passkeys/webauthn-user.ts";
import type { JsonObject } from "../schema.ts";
import type { Proof } from "./accept-proof.ts";
import type { Prepared } from "./challenge-factor.ts";
import { factorErrors } from "./errors.ts";
import type { FactorOwner } from "./factor-owner.ts";
import { createFactorStore } from "./factor-store.ts";
import type { ChallengeRow, FactorRow } from "./schema.ts";

const FAILURE = "Invalid WebAuthn credential";
const REFUSED: Proof = { valid: false, failure: FAILURE, spend: async () => false };

/** @throws mfa_webauthn_verify_not_enabled where no domain is configured */
export async function prepareWebAuthn(
  state: AuthState,
  caller: Caller,
  owner: FactorOwner,
  factor: FactorRow,
): Promise<Prepared> {
  const party = requireParty(state, caller);
  const challenge = state.deps.rng.bytes(CHALLENGE_BYTES);
  const isNew = factor.status === "unverified";
  const type = isNew ? ("create" as const) : ("request" as const);
  const options = isNew
    ? await newKeyOptions(state, caller, owner, party, challenge)
    : await knownKeyOptions(state, caller, factor, party, challenge);
  const webauthn = { type, credential_options: { publicKey: options } };
  return { row: { webauthn: { challenge, type } }, answer: { webauthn } };
}

function requireParty(state: AuthState, caller: Caller): RelyingParty {
  const party = relyingParty(state, caller);
  if (!party) throw factorErrors.mfa_verify_not_enabled("webauthn");
  return party;
}

const timeoutMs = (state: AuthState) => state.config.mfa_challenge_ttl_s * 1000;

async function newKeyOptions(
  state: AuthState,
  caller: Caller,
  { user }: FactorOwner,
  party: RelyingParty,
  challenge: Uint8Array,
) {
  const exclude = await createCredentialStore(state.sql(caller.tenant)).credentialsOf(user.id);
  return creationOptions({
    party,
    user: webAuthnUser(user),
    challenge,
    timeoutMs: timeoutMs(state),
    exclude,
    discoverable: false,
    policy: state.attestation,
  });
}

async function knownKeyOptions(
  state: AuthState,
  caller: Caller,
  factor: FactorRow,
  party: RelyingParty,
  challenge: Uint8Array,
) {
  const known = await findKey(state, caller, factor);
  return requestOptions({
    party,
    challenge,
    timeoutMs: timeoutMs(state),
    allow: known ? [known] : [],
    requireUserVerification: false,
  });
}

function findKey(state: AuthState, caller: Caller, factor: FactorRow) {
  return createCredentialStore(state.sql(caller.tenant)).credentialOfFactor(factor.id);
}

/** The challenge is spent by the try, so that nothing can be answered twice. @throws validation_failed, mfa_factor_not_found */
export async function proveWebAuthn(
  state: AuthState,
  caller: Caller,
  owner: FactorOwner,
  factor: FactorRow,
  challenge: ChallengeRow,
  body: JsonObject,
): Promise<Proof> {
  const answer = readAnswer(body, challenge);
  const party = requireParty(state, caller);
  const factors = createFactorStore(state.sql(caller.tenant));
  if (!challenge.webauthn_challenge || !(await factors.deleteChallenge(challenge.id))) {
    throw factorErrors.mfa_challenge_not_found();
  }
  const ceremony: Ceremony = {
    challenge: challenge.webauthn_challenge,
    rpId: party.id,
    acceptsOrigin: party.acceptsOrigin,
    requireUserVerification: false,
  };
  try {
    return challenge.webauthn_type === "create"
      ? proveNewKey(state, owner, factor, answer, ceremony)
      : await proveKnownKey(state, caller, owner, factor, answer, ceremony);
  } catch (error) {
    return refused(caller, factor, error);
  }
}

function readAnswer(body: JsonObject, challenge: ChallengeRow): JsonObject {
  const webauthn = objectOf(body, "webauthn");
  if (!webauthn) throw authErrors.validation_failed("WebAuthn config required");
  const type = textOf(webauthn, "type");
  if (type !== "create" && type !== "request") {
    throw authErrors.validation_failed("WebAuthn type must be create or request");
  }
  const answer = objectOf(webauthn, "credential_response");
  if (!answer) throw authErrors.validation_failed("credential_response required");
  if (type !== challenge.webauthn_type) {
    throw authErrors.validation_failed("WebAuthn type is not that of the challenge");
  }
  return answer;
}

/** Faults of the answer are its own; anything else is ours. */
function refused(caller: Caller, factor: FactorRow, error: unknown): Proof {
  if (!(error instanceof WebAuthnFault)) throw error;
  const fields = { user_id: factor.user_id, factor_id: factor.id, reason: error.message };
  if (error instanceof ClonedAuthenticator) caller.log.warn("auth.authenticator_cloned", fields);
  else caller.log.info("auth.webauthn_refused", fields);
  return REFUSED;
}

function proveNewKey(
  state: AuthState,
  { user }: FactorOwner,
  factor: FactorRow,
  answer: JsonObject,
  ceremony: Ceremony,
): Proof {
  const json = readCredentialJson(answer);
  const made = verifyRegistration(json, ceremony, state.attestation, state.deps.clock.now());
  return {
    valid: true,
    failure: FAILURE,
    async spend(_factors, tx, now) {
      const owner = { id: state.deps.ids.uuid(), userId: user.id, factorId: factor.id, now };
      const named = { ...owner, friendlyName: factor.friendly_name };
      return (await createCredentialStore(tx).insertCredential(named, made)) !== null;
    },
  };
}

async function proveKnownKey(
  state: AuthState,
  caller: Caller,
  { user }: FactorOwner,
  factor: FactorRow,
  answer: JsonObject,
  ceremony: Ceremony,
): Promise<Proof> {
  const json = readCredentialJson(answer);
  const known = await findKey(state, caller, factor);
  if (!known || !isThisKey(known, credentialIdOf(json))) return REFUSED;
  const handle = optionalBytesOf(json, "userHandle");
  if (handle && toBase64url(handle) !== toBase64url(webAuthnUser(user).handle)) return REFUSED;
  const use = verifyAssertion(json, keptOf(known), ceremony);
  return {
    valid: true,
    failure: FAILURE,
    spend: (_factors, tx, now) => createCredentialStore(tx).markUsed(known.id, use, now),
  };
}

const isThisKey = (known: CredentialRow, id: Uint8Array) =>
  toBase64url(known.credential_id) === toBase64url(id);

/** The stored credential as its use is checked against it. */
export function keptOf(row: CredentialRow) {
  return {
    publicKey: row.public_key,
    signCount: Number(row.sign_count),
    backupEligible: row.backup_eligible,
  };
}
