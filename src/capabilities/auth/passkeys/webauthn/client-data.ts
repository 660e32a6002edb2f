/**
 * Client data (WebAuthn Level 3 §5.8.1): what the browser says of the ceremony, and the authenticator
 * signs through its hash. It is what binds a signature to our challenge and to our own pages.
 */
import { timingSafeEqual } from "node:crypto";
import { fromBase64url } from "./base64url.ts";
import { WebAuthnFault } from "./cbor.ts";

export interface Ceremony {
  /** The bytes that were sent out. */
  readonly challenge: Uint8Array;
  /** A domain. */
  readonly rpId: string;
  /** Whether a page of that origin, as browsers write it, may ask for a signature. */
  acceptsOrigin(origin: string): boolean;
  /** Whether a PIN, a finger or a face is asked for. */
  readonly requireUserVerification: boolean;
}

interface ClientData {
  readonly type?: unknown;
  readonly challenge?: unknown;
  readonly origin?: unknown;
  readonly crossOrigin?: unknown;
  readonly topOrigin?: unknown;
}

/**
 * The hash of the client data that was checked.
 * @throws WebAuthnFault for another ceremony, challenge or origin, and for a page inside a frame of
 *   another site (the person does not see whom they sign in to)
 */
export function checkClientData(
  bytes: Uint8Array,
  type: "webauthn.create" | "webauthn.get",
  ceremony: Ceremony,
): Uint8Array {
  const data = parse(bytes);
  if (data.type !== type) throw new WebAuthnFault("client data is of another ceremony");
  const challenge = fromBase64url(data.challenge);
  if (!challenge || !sameBytes(challenge, ceremony.challenge)) {
    throw new WebAuthnFault("client data answers another challenge");
  }
  if (typeof data.origin !== "string" || !ceremony.acceptsOrigin(data.origin)) {
    throw new WebAuthnFault("client data is of an origin that is not accepted");
  }
  const isFramed = (data.crossOrigin ?? false) !== false || data.topOrigin !== undefined;
  if (isFramed) throw new WebAuthnFault("the page was in a frame of another site");
  return new Bun.CryptoHasher("sha256").update(bytes).digest();
}

function parse(bytes: Uint8Array): ClientData {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new WebAuthnFault("client data is not JSON");
  }
  if (value === null || typeof value !== "object") {
    throw new WebAuthnFault("client data is no object");
  }
  return value;
}

/** Compares without telling by its time where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
