/**
 * Secrets that a browser carries: the code from a finished sign-in to its client, the state to a
 * provider and back. 32 random bytes each, of which only the sha256 is kept.
 */
import type { Rng } from "../../../core/ports/rng.ts";

/** The provider's own tokens, which a client may use to call the provider. */
export interface ProviderTokens {
  readonly accessToken: string;
  /** Null when the provider gave none. */
  readonly refreshToken: string | null;
}

const CODE = /^[A-Za-z0-9_-]{43}$/;

export const isFlowCode = (text: string) => CODE.test(text);

export const newFlowCode = (rng: Rng) => Buffer.from(rng.bytes(32)).toString("base64url");

export const hashFlowCode = (code: string) => new Bun.CryptoHasher("sha256").update(code).digest();
