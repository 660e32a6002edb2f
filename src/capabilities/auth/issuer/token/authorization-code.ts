/** Authorization codes and device codes: 256 random bits, kept as sha256. */
import type { Rng } from "../../../../core/ports/rng.ts";

export function newCode(rng: Rng): string {
  return Buffer.from(rng.bytes(32)).toString("base64url");
}

export function hashCode(code: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(code).digest();
}
