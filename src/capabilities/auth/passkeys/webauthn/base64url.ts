/** Base64url as WebAuthn's JSON forms carry bytes (RFC 4648 §5), read strictly: one spelling only. */

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/** Null for anything but canonical, unpadded base64url. */
export function fromBase64url(text: unknown): Uint8Array | null {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text)) return null;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? new Uint8Array(bytes) : null;
}
