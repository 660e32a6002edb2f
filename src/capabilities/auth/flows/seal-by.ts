/**
 * Seals what must wait for somebody by a key made from the secret that they will bring (a code, a
 * state, a ticket). The table holds only the secret's hash, so it alone opens nothing.
 */
import { hkdfSync } from "node:crypto";
import type { Rng } from "../../../core/ports/rng.ts";

const NONCE_BYTES = 12;

/** @param value JSON. */
export async function sealBy(rng: Rng, secret: string, value: unknown): Promise<Uint8Array> {
  const iv = new Uint8Array(rng.bytes(NONCE_BYTES));
  const text = Buffer.from(JSON.stringify(value));
  const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await keyOf(secret), text);
  return Buffer.concat([iv, Buffer.from(box)]);
}

/** @throws when the bytes were not sealed by this secret */
export async function openBy<T>(secret: string, sealed: Uint8Array): Promise<T> {
  const bytes = new Uint8Array(sealed);
  const iv = bytes.subarray(0, NONCE_BYTES);
  const box = bytes.subarray(NONCE_BYTES);
  const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await keyOf(secret), box);
  return JSON.parse(Buffer.from(text).toString()) as T;
}

function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = new Uint8Array(hkdfSync("sha256", secret, "", "reactor auth sealed by 1", 32));
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}
