/** What is done to the signing keys: listed, rotated, removed, and tended as time goes by. */
import type { TenantCtx } from "../../../core/tenant.ts";
import {
  activeOf,
  type KeyRing,
  nextOf,
  RING_MAX,
  type RingSettings,
  readyAt,
  rotateRing,
  tendRing,
  withoutKey,
} from "../../../shared/auth/key-ring.ts";
import { pairAlgorithm } from "../../../shared/project.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import type { AuthConfig } from "../config.ts";
import { keyErrors } from "./errors.ts";
import { changeRing, type RingNews, readRing } from "./ring-store.ts";

export interface SigningKeyView {
  readonly kid: string;
  readonly alg: string;
  readonly state: "active" | "next" | "previous";
  /** ISO 8601; null where it has not happened, or was never noted. */
  readonly created_at: string | null;
  readonly activated_at: string | null;
  /** From when a `next` may sign; null for the one of an installation's beginning, which always may. */
  readonly ready_at: string | null;
  /** From when tokens of a `previous` are refused. */
  readonly ends_at: string | null;
}

/** Issuers may choose shorter lives, but never longer ones: `compose-claims.ts`. */
function settingsOf(config: AuthConfig): RingSettings {
  return {
    algorithm: pairAlgorithm({ algorithm: config.signing_algorithm }),
    announceS: config.signing_key_announce_s,
    rotationS: config.signing_key_rotation_s,
    ttlMaxS: config.access_token_ttl_s,
  };
}

const authorOf = (caller: Caller) => ({ name: "service_role", address: caller.address });

export async function listSigningKeys(state: AuthState, caller: Caller) {
  return { keys: view(state, (await readRing(state, caller.tenant)).ring) };
}

/**
 * The next key signs from now on.
 * @param force also when it has not been announced for long enough: those who keep a JWKS refuse new
 * tokens until they ask again.
 * @throws signing_key_not_announced
 */
export async function rotateSigningKey(state: AuthState, caller: Caller, force: boolean) {
  const settings = settingsOf(state.config);
  const ring = await changeRing(state, caller.tenant, authorOf(caller), async (current) => {
    const now = state.deps.clock.now();
    const ready = readyAt(current, settings);
    if (!force && now < ready) throw keyErrors.signing_key_not_announced(new Date(ready));
    if (current.keys.length >= RING_MAX) throw keyErrors.signing_keys_many(RING_MAX);
    const turned = await rotateRing(current, settings, now);
    const kid = activeOf(turned)?.key.kid ?? "";
    return {
      ring: turned,
      news: { action: "signing_key_rotated", kid, traits: { forced: force } },
    };
  });
  return { keys: view(state, ring) };
}

/** @throws signing_key_not_found; signing_key_in_use for the one that signs */
export async function removeSigningKey(state: AuthState, caller: Caller, kid: string) {
  const ring = await changeRing(state, caller.tenant, authorOf(caller), async (current) => {
    if (activeOf(current)?.key.kid === kid) throw keyErrors.signing_key_in_use();
    const left = withoutKey(current, kid);
    if (!left) throw keyErrors.signing_key_not_found();
    // A next that was removed is followed by another one at once.
    const whole = (await tendRing(left, settingsOf(state.config), state.deps.clock.now())) ?? left;
    return { ring: whole, news: { action: "signing_key_removed", kid } };
  });
  return { keys: view(state, ring) };
}

/** What time asks for; called by the one server that holds the lease, and harmless by others. */
export async function tendSigningKeys(state: AuthState, tenant: TenantCtx): Promise<void> {
  const settings = settingsOf(state.config);
  const author = { name: "auth.key_rotator", address: "" };
  await changeRing(state, tenant, author, async (current) => {
    const tended = await tendRing(current, settings, state.deps.clock.now());
    if (!tended) return null;
    return { ring: tended, news: newsOf(current, tended) };
  });
}

function newsOf(before: KeyRing, after: KeyRing): RingNews | null {
  const [was, is] = [activeOf(before)?.key.kid, activeOf(after)?.key.kid];
  if (is !== undefined && is !== was) return { action: "signing_key_rotated", kid: is };
  const next = nextOf(after)?.key.kid;
  if (next !== undefined && next !== nextOf(before)?.key.kid) {
    return { action: "signing_key_announced", kid: next };
  }
  const gone = before.keys.find(({ key }) => !after.keys.some((one) => one.key.kid === key.kid));
  return gone ? { action: "signing_key_removed", kid: gone.key.kid } : null;
}

function view(state: AuthState, ring: KeyRing): SigningKeyView[] {
  const ready = readyAt(ring, settingsOf(state.config));
  return ring.keys.map(({ key, state: life, createdAt, activatedAt, endsAt }) => ({
    kid: key.kid,
    alg: key.alg,
    state: life,
    created_at: iso(createdAt),
    activated_at: iso(activatedAt),
    ready_at: life === "next" && createdAt > 0 ? iso(ready) : null,
    ends_at: iso(endsAt),
  }));
}

/** 0 stands for a time before anything was noted. */
const iso = (at: number | null) => (at ? new Date(at).toISOString() : null);
