/**
 * The code that a browser carries from a finished sign-in to its client: 32 random bytes, of which
 * only the sha256 is kept. What must wait for the exchange with it (the provider's tokens) is sealed
 * by a key made from the code, which no table holds.
 */
import { hkdfSync } from "node:crypto";
import type { Rng } from "../../../core/ports/rng.ts";

/** The provider's own tokens, which a client may use to call the provider. */
export interface ProviderTokens {
  readonly accessToken: string;
  /** Null when the provider gave none. */
  readonly refreshToken: string | null;
}

const CODE = /^[A-Za-z0-9_-]{43}$/;
const NONCE_BYTES = 12;

export const isFlowCode = (text: string) => CODE.test(text);

export const newFlowCode = (rng: Rng) => Buffer.from(rng.bytes(32)).toString("base64url");

export const hashFlowCode = (code: string) => new Bun.CryptoHasher("sha256").update(code).digest();

export async function sealTokens(rng: Rng, code: string, tokens: ProviderTokens) {
  const iv = new Uint8Array(rng.bytes(NONCE_BYTES));
  const text = Buffer.from(JSON.stringify([tokens.accessToken, tokens.refreshToken]));
  const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(code), text);
  return Buffer.concat([iv, Buffer.from(box)]);
}

/** @throws when the bytes were not sealed by this code */
export async function openTokens(code: string, sealed: Uint8Array): Promise<ProviderTokens> {
  const box = new Uint8Array(sealed);
  const iv = box.subarray(0, NONCE_BYTES);
  const key = await keyOf(code);
  const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, box.subarray(NONCE_BYTES));
  const [accessToken, refreshToken] = JSON.parse(Buffer.from(text).toString()) as [
    string,
    string | null,
  ];
  return { accessToken, refreshToken };
}

function keyOf(code: string): Promise<CryptoKey> {
  const bytes = new Uint8Array(hkdfSync("sha256", code, "", "reactor auth provider tokens 1", 32));
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}
