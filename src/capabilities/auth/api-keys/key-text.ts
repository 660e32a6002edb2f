/**
 * What an API key looks like: `rk_<id>_<secret>`. The id finds the row, the secret of 32 random
 * bytes proves it; only its sha256 is kept. No dots, so that it is never taken for a token.
 */
export const KEY_PREFIX = "rk_";

const KEY = /^rk_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;

export interface KeyParts {
  /** UUID. */
  readonly id: string;
  readonly secret: string;
}

/** Null for what is not of exactly this form, and of this spelling. */
export function parseKey(text: string): KeyParts | null {
  const [, hex, secret] = KEY.exec(text) ?? [];
  if (!hex || !secret) return null;
  // 43 characters hold two bits more than 32 bytes: only one spelling of each secret counts.
  if (Buffer.from(secret, "base64url").toString("base64url") !== secret) return null;
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { id, secret };
}

export function keyText({ id, secret }: KeyParts): string {
  return `${KEY_PREFIX}${id.replaceAll("-", "")}_${secret}`;
}

/** What may be shown of a key, and found in a repository it was leaked to. */
export function keyHint(id: string): string {
  return `${KEY_PREFIX}${id.replaceAll("-", "")}_…`;
}

export function hashSecret(secret: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(secret).digest();
}
