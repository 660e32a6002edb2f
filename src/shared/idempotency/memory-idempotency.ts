/** Idempotency in this process: for tests, simulations and a server without shared state. */
import type { Clock } from "../../core/ports/clock.ts";
import type { IdempotencyStore, SavedAnswer } from "../../core/ports/idempotency.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { PerTenant } from "../per-tenant.ts";
import type { Sweeper } from "../tenant-database.ts";
import { CLAIM_MS, checkAnswer, checkIdempotencyKey } from "./idempotency-rules.ts";

interface Claim {
  readonly fingerprint: string;
  readonly token: string;
  readonly ttlMs: number;
  answer: SavedAnswer | null;
  /** Monotonic milliseconds: of the claim, then of the answer. */
  expiresAt: number;
}

export function createMemoryIdempotency(clock: Clock, ids: Ids): IdempotencyStore & Sweeper {
  const stores = new PerTenant(() => new Map<string, Claim>());
  const nameOf = (scope: string, key: string) => JSON.stringify([scope, key]);
  const isLive = (claim: Claim) => claim.expiresAt > clock.monotonic();
  const mine = (tenant: TenantCtx, scope: string, key: string, token: string) => {
    const claim = stores.of(tenant).get(nameOf(scope, key));
    return claim && claim.token === token && claim.answer === null ? claim : null;
  };
  return {
    async begin(tenant, scope, key, fingerprint, ttlMs, claimMs = CLAIM_MS) {
      checkIdempotencyKey(key);
      const store = stores.of(tenant);
      const known = store.get(nameOf(scope, key));
      if (known && isLive(known)) {
        if (known.fingerprint !== fingerprint) return { state: "mismatch" };
        return known.answer ? { state: "done", answer: copyOf(known.answer) } : { state: "busy" };
      }
      const token = ids.token(16);
      const expiresAt = clock.monotonic() + claimMs;
      store.set(nameOf(scope, key), { fingerprint, token, ttlMs, answer: null, expiresAt });
      return { state: "new", token };
    },
    async complete(tenant, scope, key, token, answer) {
      checkAnswer(answer);
      const claim = mine(tenant, scope, key, token);
      if (!claim) return;
      claim.answer = copyOf(answer);
      claim.expiresAt = clock.monotonic() + claim.ttlMs;
    },
    async abandon(tenant, scope, key, token) {
      if (mine(tenant, scope, key, token)) stores.of(tenant).delete(nameOf(scope, key));
    },
    async sweep(tenant) {
      const store = stores.of(tenant);
      const expired = [...store].filter(([, claim]) => !isLive(claim));
      for (const [name] of expired) store.delete(name);
      return expired.length;
    },
  };
}

function copyOf({ status, headers, body }: SavedAnswer): SavedAnswer {
  return { status, headers: { ...headers }, body: body.slice() };
}
