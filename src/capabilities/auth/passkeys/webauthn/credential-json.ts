/** The JSON form of what a browser answers (WebAuthn Level 3 §5.1.8): `PublicKeyCredential.toJSON()`. */
import type { JsonObject } from "../../schema.ts";
import { fromBase64url } from "./base64url.ts";
import { WebAuthnFault } from "./cbor.ts";
import { sameBytes } from "./client-data.ts";

export interface CredentialJson {
  readonly id: unknown;
  readonly rawId: unknown;
  readonly type: unknown;
  readonly response: JsonObject;
}

/** @throws WebAuthnFault */
export function readCredentialJson(value: JsonObject): CredentialJson {
  const { id, rawId, type, response } = value;
  if (type !== "public-key") throw new WebAuthnFault("the credential is of another type");
  if (response === null || typeof response !== "object" || Array.isArray(response)) {
    throw new WebAuthnFault("the credential has no response");
  }
  return { id, rawId, type, response: response as JsonObject };
}

/** `id` and `rawId` are the same bytes. @throws WebAuthnFault */
export function credentialIdOf({ id, rawId }: CredentialJson): Uint8Array {
  const [bytes, raw] = [fromBase64url(id), fromBase64url(rawId)];
  if (!bytes || !raw || bytes.length === 0 || !sameBytes(bytes, raw)) {
    throw new WebAuthnFault("the credential has no id, or two");
  }
  return bytes;
}

/** A member of the response that holds bytes. @throws WebAuthnFault */
export function bytesOf({ response }: CredentialJson, member: string): Uint8Array {
  const bytes = fromBase64url(response[member]);
  if (!bytes || bytes.length === 0) throw new WebAuthnFault(`the response lacks ${member}`);
  return bytes;
}

/** Like `bytesOf`; null when it is absent, null or empty. @throws WebAuthnFault */
export function optionalBytesOf(json: CredentialJson, member: string): Uint8Array | null {
  const value = json.response[member] ?? "";
  return value === "" ? null : bytesOf(json, member);
}
