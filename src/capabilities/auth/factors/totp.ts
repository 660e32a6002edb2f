/**
 * Time-based one-time passwords (RFC 6238) as every authenticator app makes them: SHA-1, six digits,
 * steps of 30 seconds. Seeds live in the vault. A code is good for its step and one step either way,
 * because clocks differ, and each step is good once.
 */
import { timingSafeEqual } from "node:crypto";
import { base32 } from "oslo/encoding";
import { createTOTPKeyURI, generateHOTP } from "oslo/otp";
import type { AuthState, Caller } from "../auth-state.ts";

const DIGITS = 6;
export const STEP_MS = 30_000;
/** RFC 4226 §4, R6: 160 bits. */
const SEED_BYTES = 20;
const SKEW_STEPS = 1;

export const newSeed = (state: AuthState): Uint8Array => state.deps.rng.bytes(SEED_BYTES);

/** As a person types it into an app. */
export const secretOf = (seed: Uint8Array) => base32.encode(seed, { includePadding: false });

/** What the QR code says (Google Authenticator's key URI format). */
export function keyUri(issuer: string, account: string, seed: Uint8Array): string {
  const uri = new URL(createTOTPKeyURI(issuer, account, seed.slice().buffer));
  uri.searchParams.set("algorithm", "SHA1");
  uri.searchParams.set("digits", String(DIGITS));
  uri.searchParams.set("period", String(STEP_MS / 1000));
  // Apps read %20 as a space, and not all of them +.
  return uri.href.replaceAll("+", "%20");
}

/**
 * The time step that `code` belongs to, among those good at `nowMs`; null when it is none's. Looks at
 * all of them, so that its time tells nothing.
 */
export async function matchStep(
  seed: Uint8Array,
  code: string,
  nowMs: number,
): Promise<number | null> {
  const now = Math.floor(nowMs / STEP_MS);
  let found: number | null = null;
  for (let step = now - SKEW_STEPS; step <= now + SKEW_STEPS; step += 1) {
    const expected = await generateHOTP(seed.slice().buffer, step, DIGITS);
    if (sameText(expected, code)) found = step;
  }
  return found;
}

function sameText(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const pathOf = (factorId: string) => `auth/totp/${factorId}`;

export async function keepSeed(
  { deps }: AuthState,
  { tenant }: Caller,
  factorId: string,
  seed: Uint8Array,
): Promise<void> {
  await deps.vault.put(tenant, pathOf(factorId), Buffer.from(seed).toString("base64url"));
}

/** Null when it is gone: its factor can no longer be verified. */
export async function readSeed(
  { deps }: AuthState,
  { tenant }: Caller,
  factorId: string,
): Promise<Uint8Array | null> {
  const secret = await deps.vault.get(tenant, pathOf(factorId));
  return secret && new Uint8Array(Buffer.from(secret.value, "base64url"));
}

export async function deleteSeed(
  { deps }: AuthState,
  { tenant }: Pick<Caller, "tenant">,
  factorId: string,
): Promise<void> {
  await deps.vault.delete(tenant, pathOf(factorId));
}
