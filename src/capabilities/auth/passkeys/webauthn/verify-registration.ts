/** A new credential (WebAuthn Level 3 §7.1), step by step, against the ceremony that was begun. */
import { type AttestationPolicy, type AttestationType, checkAttestation } from "./attestation.ts";
import { type AuthenticatorData, readAuthenticatorData } from "./authenticator-data.ts";
import { readCborExactly, WebAuthnFault } from "./cbor.ts";
import { checkAuthenticatorData } from "./check-authenticator-data.ts";
import { type Ceremony, checkClientData, sameBytes } from "./client-data.ts";
import { bytesOf, type CredentialJson, credentialIdOf } from "./credential-json.ts";

/** What is kept of a credential. */
export interface NewCredential {
  readonly id: Uint8Array;
  /** COSE_Key. */
  readonly publicKey: Uint8Array;
  readonly attestation: AttestationType;
  readonly aaguid: string;
  readonly signCount: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  /** How browsers reach it: `usb`, `internal`, …; told by the browser, not signed. */
  readonly transports: readonly string[];
}

const TRANSPORTS_MAX = 8;

/** @param now milliseconds since the epoch. @throws WebAuthnFault */
export function verifyRegistration(
  credential: CredentialJson,
  ceremony: Ceremony,
  policy: AttestationPolicy,
  now: number,
): NewCredential {
  const rawId = credentialIdOf(credential);
  const clientHash = checkClientData(
    bytesOf(credential, "clientDataJSON"),
    "webauthn.create",
    ceremony,
  );
  const attestation = readAttestation(bytesOf(credential, "attestationObject"));
  const { data, bytes } = attestation;
  checkAuthenticatorData(data, ceremony);
  if (!data.credential) throw new WebAuthnFault("there is no credential in it");
  const { id, publicKey, aaguid } = data.credential;
  if (!sameBytes(id, rawId)) throw new WebAuthnFault("the credential has two ids");
  const signed = Buffer.concat([bytes, clientHash]);
  const type = checkAttestation({ ...attestation, publicKey, aaguid, signed, now }, policy);
  return {
    id,
    publicKey: publicKey.encoded,
    attestation: type,
    aaguid,
    signCount: data.signCount,
    backupEligible: data.backupEligible,
    backedUp: data.backedUp,
    transports: transportsOf(credential),
  };
}

function readAttestation(object: Uint8Array) {
  const value = readCborExactly(object);
  if (!(value instanceof Map)) throw new WebAuthnFault("the attestation object is no map");
  const [bytes, statement] = [value.get("authData"), value.get("attStmt")];
  if (!(bytes instanceof Uint8Array) || !(statement instanceof Map)) {
    throw new WebAuthnFault("the attestation object lacks a member");
  }
  const data: AuthenticatorData = readAuthenticatorData(bytes);
  return { format: value.get("fmt"), statement, bytes, data };
}

function transportsOf({ response }: CredentialJson): string[] {
  const { transports } = response;
  if (!Array.isArray(transports)) return [];
  return transports
    .filter((name): name is string => typeof name === "string" && /^[a-z-]{1,20}$/.test(name))
    .slice(0, TRANSPORTS_MAX);
}
