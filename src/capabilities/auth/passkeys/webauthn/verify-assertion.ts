/** A signature with a known credential (WebAuthn Level 3 §7.2), against the ceremony that was begun. */
import { type AuthenticatorData, readAuthenticatorData } from "./authenticator-data.ts";
import { WebAuthnFault } from "./cbor.ts";
import { checkAuthenticatorData } from "./check-authenticator-data.ts";
import { type Ceremony, checkClientData } from "./client-data.ts";
import { readCoseKey, verifySignature } from "./cose-key.ts";
import { bytesOf, type CredentialJson } from "./credential-json.ts";

/** The part of a stored credential that its use is checked against. */
export interface KnownCredential {
  /** COSE_Key. */
  readonly publicKey: Uint8Array;
  readonly signCount: number;
  readonly backupEligible: boolean;
}

export interface Assertion {
  readonly signCount: number;
  readonly backedUp: boolean;
}

/** A counter that does not grow: two authenticators hold the same key, and one is a copy. */
export class ClonedAuthenticator extends WebAuthnFault {}

/**
 * Whose credential it is has been decided before: by its id, and by the user handle.
 * @throws WebAuthnFault, ClonedAuthenticator
 */
export function verifyAssertion(
  credential: CredentialJson,
  known: KnownCredential,
  ceremony: Ceremony,
): Assertion {
  const clientHash = checkClientData(
    bytesOf(credential, "clientDataJSON"),
    "webauthn.get",
    ceremony,
  );
  const bytes = bytesOf(credential, "authenticatorData");
  const data = readAuthenticatorData(bytes);
  checkAuthenticatorData(data, ceremony);
  if (data.backupEligible !== known.backupEligible) {
    throw new WebAuthnFault("the credential was of another kind when it was registered");
  }
  const signed = Buffer.concat([bytes, clientHash]);
  if (!verifySignature(readCoseKey(known.publicKey), signed, bytesOf(credential, "signature"))) {
    throw new WebAuthnFault("the signature does not verify");
  }
  checkCounter(data, known);
  return { signCount: data.signCount, backedUp: data.backedUp };
}

/** §6.1.1: after the signature, so that only the holder of the key can raise the alarm. */
function checkCounter(data: AuthenticatorData, known: KnownCredential): void {
  const counts = data.signCount > 0 || known.signCount > 0;
  if (counts && data.signCount <= known.signCount) {
    throw new ClonedAuthenticator("the authenticator's counter did not grow");
  }
}
