/**
 * What a refresh token is made of. A token is 32 random bytes as base64url; only its sha256 is kept.
 * Its successor is an HMAC of it under the session's own random key, so two requests that race with
 * the same token are given the same successor, yet neither the table nor an old token alone yields
 * one.
 */
import type { Rng } from "../../../core/ports/rng.ts";

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** True when `text` could have been issued here: saves a query for anything else. */
export function isRefreshToken(text: string): boolean {
  return TOKEN.test(text);
}

export function firstRefreshToken(rng: Rng): string {
  return Buffer.from(rng.bytes(32)).toString("base64url");
}

export function hashRefreshToken(token: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(token).digest();
}

export function successorOf(token: string, sessionKey: Uint8Array): string {
  const hmac = new Bun.CryptoHasher("sha256", Buffer.from(sessionKey));
  return Buffer.from(hmac.update(`refresh:${token}`).digest()).toString("base64url");
}
