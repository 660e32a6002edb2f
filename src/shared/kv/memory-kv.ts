/** Kv in this process: for a single server without shared state, and for simulations. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Kv } from "../../core/ports/kv.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { PerTenant } from "../per-tenant.ts";
import type { Sweeper } from "../tenant-database.ts";
import { checkKey, checkText, checkValue, listLimit } from "./kv-rules.ts";

interface Entry {
  readonly value: Uint8Array;
  readonly version: number;
  /** Monotonic milliseconds; a step of the wall clock must not revive or drop an entry. */
  readonly expiresAt: number;
}

export function createMemoryKv(clock: Clock): Kv & Sweeper {
  const stores = new PerTenant(() => new Map<string, Entry>());
  // One counter for all keys, so that a key deleted and made again never repeats a version.
  let lastVersion = 0;
  const storeOf = (tenant: TenantCtx) => stores.of(tenant);
  const isLive = (entry: Entry) => entry.expiresAt > clock.monotonic();
  const live = (tenant: TenantCtx, key: string) => {
    const entry = storeOf(tenant).get(key);
    return entry && isLive(entry) ? entry : null;
  };
  return {
    async get(tenant, key) {
      checkKey(key);
      const entry = live(tenant, key);
      return entry && { value: entry.value.slice(), version: entry.version };
    },
    async put(tenant, key, value, options = {}) {
      checkKey(key);
      checkValue(value);
      const current = live(tenant, key)?.version ?? 0;
      if (options.ifVersion !== undefined && options.ifVersion !== current) return null;
      const expiresAt = clock.monotonic() + (options.ttlMs ?? Number.POSITIVE_INFINITY);
      lastVersion += 1;
      storeOf(tenant).set(key, { value: value.slice(), version: lastVersion, expiresAt });
      return lastVersion;
    },
    async delete(tenant, key) {
      checkKey(key);
      const existed = live(tenant, key) !== null;
      storeOf(tenant).delete(key);
      return existed;
    },
    async list(tenant, prefix, options = {}) {
      checkText(prefix);
      const after = options.after;
      return [...storeOf(tenant)]
        .filter(([key, entry]) => key.startsWith(prefix) && isLive(entry))
        .map(([key]) => key)
        .filter((key) => after === undefined || byBytes(key, after) > 0)
        .sort(byBytes)
        .slice(0, listLimit(options.limit));
    },
    async sweep(tenant) {
      const store = storeOf(tenant);
      const expired = [...store].filter(([, entry]) => !isLive(entry));
      for (const [key] of expired) store.delete(key);
      return expired.length;
    },
  };
}

/** UTF-8 byte order, which is not the order of JavaScript's UTF-16 strings. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
