/**
 * What a page hands to `navigator.credentials` (WebAuthn Level 3 §5.4, §5.5), in the JSON form that
 * `parseCreationOptionsFromJSON` reads.
 */
import type { RelyingParty } from "../relying-party.ts";
import type { AttestationPolicy } from "./attestation.ts";
import { toBase64url } from "./base64url.ts";
import { ALGORITHMS } from "./cose-key.ts";

/** A credential by its id, with the ways in which browsers reach it. */
export interface Descriptor {
  readonly credential_id: Uint8Array;
  readonly transports: readonly string[];
}

export interface WebAuthnUser {
  /** Handed back by discoverable credentials as the user handle; <= 64 bytes, nothing personal. */
  readonly handle: Uint8Array;
  /** What the authenticator lists it by. */
  readonly name: string;
  readonly displayName: string;
}

/** §13.4.3: at least 16 random bytes. */
export const CHALLENGE_BYTES = 32;

const describe = ({ credential_id: id, transports }: Descriptor) => ({
  type: "public-key",
  id: toBase64url(id),
  ...(transports.length > 0 ? { transports } : {}),
});

export interface CreationRequest {
  readonly party: RelyingParty;
  readonly user: WebAuthnUser;
  readonly challenge: Uint8Array;
  readonly timeoutMs: number;
  /** Those the person has: an authenticator is not registered twice. */
  readonly exclude: readonly Descriptor[];
  /** A passkey: found by the authenticator itself, and used with a PIN, a finger or a face. */
  readonly discoverable: boolean;
  readonly policy: AttestationPolicy;
}

export function creationOptions(request: CreationRequest) {
  const { party, user, challenge, timeoutMs, exclude, discoverable, policy } = request;
  return {
    rp: { id: party.id, name: party.name },
    user: { id: toBase64url(user.handle), name: user.name, displayName: user.displayName },
    challenge: toBase64url(challenge),
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
    timeout: timeoutMs,
    excludeCredentials: exclude.map(describe),
    authenticatorSelection: {
      residentKey: discoverable ? "required" : "discouraged",
      requireResidentKey: discoverable,
      userVerification: discoverable ? "required" : "preferred",
    },
    attestation: policy.least === "none" ? "none" : "direct",
  };
}

export interface AssertionRequest {
  readonly party: RelyingParty;
  readonly challenge: Uint8Array;
  readonly timeoutMs: number;
  /** Empty: whatever passkey of ours the authenticator has. */
  readonly allow: readonly Descriptor[];
  readonly requireUserVerification: boolean;
}

export function requestOptions(request: AssertionRequest) {
  const { party, challenge, timeoutMs, allow, requireUserVerification } = request;
  return {
    challenge: toBase64url(challenge),
    timeout: timeoutMs,
    rpId: party.id,
    allowCredentials: allow.map(describe),
    userVerification: requireUserVerification ? "required" : "preferred",
  };
}
