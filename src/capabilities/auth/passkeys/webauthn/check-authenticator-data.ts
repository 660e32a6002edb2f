/** The checks of authenticator data that both ceremonies share (WebAuthn Level 3 §7.1, §7.2). */
import type { AuthenticatorData } from "./authenticator-data.ts";
import { WebAuthnFault } from "./cbor.ts";
import { type Ceremony, sameBytes } from "./client-data.ts";

/** @throws WebAuthnFault for another relying party, an absent or an unrecognised person */
export function checkAuthenticatorData(data: AuthenticatorData, ceremony: Ceremony): void {
  const rpIdHash = new Bun.CryptoHasher("sha256").update(ceremony.rpId).digest();
  if (!sameBytes(data.rpIdHash, rpIdHash)) {
    throw new WebAuthnFault("the credential is of another relying party");
  }
  if (!data.userPresent) throw new WebAuthnFault("nobody was there");
  if (ceremony.requireUserVerification && !data.userVerified) {
    throw new WebAuthnFault("the person was not recognised by the authenticator");
  }
}
