/** Secrets of confidential clients: 256 random bits, shown once, kept as sha256. */
import { timingSafeEqual } from "node:crypto";
import type { Rng } from "../../../../core/ports/rng.ts";

export function newSecret(rng: Rng): string {
  return Buffer.from(rng.bytes(32)).toString("base64url");
}

/** A fast hash is enough for what cannot be guessed. */
export function hashSecret(secret: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(secret).digest();
}

/** In a time that tells neither how far it fits nor whether there is one. */
export function isSecretOf(secret: string, hash: Uint8Array | null): boolean {
  const equal = timingSafeEqual(hashSecret(secret), hash ?? new Uint8Array(32));
  return equal && hash !== null;
}
