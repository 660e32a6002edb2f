/**
 * The signing keys of an installation through their lives: `next` is announced by the JWKS and signs
 * nothing, `active` signs, `previous` only verifies, until its last token has expired. The whole ring
 * is one secret of the vault, replaced at once: whatever is interrupted, a ring that works stands.
 */
import type { SigningKey } from "../../core/project.ts";
import { makeSigningKey, type PairAlgorithm } from "./signing-key.ts";

export type KeyState = "active" | "next" | "previous";

export interface RingKey {
  readonly key: SigningKey;
  readonly state: KeyState;
  /** Milliseconds since the epoch, all of them. */
  readonly createdAt: number;
  /** When it began to sign. */
  readonly activatedAt: number | null;
  /** When the last of its tokens will have expired: set with its replacement. */
  readonly endsAt: number | null;
  /** The longest life of a token that it may have signed, seconds. */
  readonly ttlMaxS: number;
}

/** One active, one next, any number of previous. */
export interface KeyRing {
  readonly keys: readonly RingKey[];
}

export interface RingSettings {
  readonly algorithm: PairAlgorithm;
  /** How long a key stands in the JWKS before it signs, seconds. */
  readonly announceS: number;
  /** How long a key signs, seconds; 0 = until told. */
  readonly rotationS: number;
  /** The longest life of a token, seconds. */
  readonly ttlMaxS: number;
}

/** Beyond its last token: clocks that differ, and a server that learns late of the new key. */
export const OVERLAP_MS = 300_000;
/** Keys in a ring; a rotation that would make more is refused. */
export const RING_MAX = 16;

/** An installation's first ring, around its first key. */
export async function firstRing(active: SigningKey, alg: PairAlgorithm): Promise<KeyRing> {
  // Both have stood there from the beginning: nobody can know an older set.
  const next = ringKey(await makeSigningKey(alg), "next", 0);
  return { keys: [{ ...ringKey(active, "active", 0), activatedAt: 0 }, next] };
}

function ringKey(key: SigningKey, state: KeyState, createdAt: number): RingKey {
  return { key, state, createdAt, activatedAt: null, endsAt: null, ttlMaxS: 0 };
}

export const activeOf = (ring: KeyRing) => ring.keys.find((one) => one.state === "active");
export const nextOf = (ring: KeyRing) => ring.keys.find((one) => one.state === "next");

/** When the next key may sign: it must have been announced for long enough by then. */
export function readyAt(ring: KeyRing, settings: RingSettings): number {
  const next = nextOf(ring);
  return next ? next.createdAt + settings.announceS * 1000 : Number.POSITIVE_INFINITY;
}

/** The next key signs from now on, the active one only verifies, and a new next is announced. */
export async function rotateRing(
  ring: KeyRing,
  settings: RingSettings,
  now: number,
): Promise<KeyRing> {
  const fresh = ringKey(await makeSigningKey(settings.algorithm), "next", now);
  const turned = ring.keys.map((one): RingKey => {
    if (one.state === "next") return { ...one, state: "active", activatedAt: now };
    return one.state === "active" ? retired(one, settings, now) : one;
  });
  const inOrder = turned.sort(
    (a, b) => Number(b.state === "active") - Number(a.state === "active"),
  );
  const [active, ...rest] = live(inOrder, now);
  return { keys: active ? [active, fresh, ...rest] : [fresh] };
}

/** Its private part goes: what signs no more cannot be stolen to sign. */
function retired(one: RingKey, settings: RingSettings, now: number): RingKey {
  const ttlMs = Math.max(one.ttlMaxS, settings.ttlMaxS) * 1000;
  const key = { ...one.key, privateJwk: {} };
  return { ...one, key, state: "previous", endsAt: now + ttlMs + OVERLAP_MS };
}

const live = (keys: readonly RingKey[], now: number) =>
  keys.filter((one) => one.endsAt === null || now < one.endsAt);

/**
 * What time asks for: previous keys that have ended go, a next key of another algorithm than is
 * configured is replaced, and the active key is followed by the next when it has signed long enough
 * or is of another algorithm. Null = nothing to do.
 */
export async function tendRing(
  ring: KeyRing,
  settings: RingSettings,
  now: number,
): Promise<KeyRing | null> {
  const next = nextOf(ring);
  if (!next || next.key.alg !== settings.algorithm) {
    const fresh = ringKey(await makeSigningKey(settings.algorithm), "next", now);
    const [active, ...rest] = ring.keys.filter((one) => one !== next);
    return { keys: active ? [active, fresh, ...rest] : [fresh] };
  }
  const stamped = remembered(ring, settings, now);
  if (isDue(stamped, settings, now)) return rotateRing(stamped, settings, now);
  const kept = { keys: live(stamped.keys, now) };
  return stamped === ring && kept.keys.length === ring.keys.length ? null : kept;
}

/** The active key remembers when it began, and the longest life that was ever configured with it. */
function remembered(ring: KeyRing, settings: RingSettings, now: number): KeyRing {
  const active = activeOf(ring);
  if (!active || (active.ttlMaxS >= settings.ttlMaxS && active.activatedAt !== 0)) return ring;
  const ttlMaxS = Math.max(active.ttlMaxS, settings.ttlMaxS);
  const stamped = { ...active, ttlMaxS, activatedAt: active.activatedAt || now };
  return { keys: ring.keys.map((one) => (one === active ? stamped : one)) };
}

function isDue(ring: KeyRing, settings: RingSettings, now: number): boolean {
  const active = activeOf(ring);
  if (now < readyAt(ring, settings)) return false;
  if (!active || active.key.alg !== settings.algorithm) return true;
  if (settings.rotationS === 0) return false;
  return now >= (active.activatedAt ?? 0) + settings.rotationS * 1000;
}

/** Without a key that is not to be trusted any more; null when it is active or not there. */
export function withoutKey(ring: KeyRing, kid: string): KeyRing | null {
  const found = ring.keys.find((one) => one.key.kid === kid);
  if (!found || found.state === "active") return null;
  return { keys: ring.keys.filter((one) => one !== found) };
}

/** The keys as a project has them: active, next, previous. */
export function signingKeysOf(ring: KeyRing): SigningKey[] {
  return ring.keys.map(({ key, endsAt }) => (endsAt === null ? key : { ...key, endsAt }));
}
