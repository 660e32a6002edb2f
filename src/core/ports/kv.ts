import type { TenantCtx } from "../tenant.ts";

export interface KvEntry {
  readonly value: Uint8Array;
  /** Changes with every write; for `ifVersion`. */
  readonly version: number;
}

export interface KvPutOptions {
  /** Lifetime in milliseconds, >= 1; absent = no expiry. */
  ttlMs?: number;
  /** Write only if the current version is this; 0 = only if absent. */
  ifVersion?: number;
}

/** Small values by key: caches that must be shared, functions' kv, counters. */
export interface Kv {
  get(tenant: TenantCtx, key: string): Promise<KvEntry | null>;
  /** The new version, or null when `ifVersion` did not match. Key <= 512 bytes, value <= 1 MiB. */
  put(
    tenant: TenantCtx,
    key: string,
    value: Uint8Array,
    options?: KvPutOptions,
  ): Promise<number | null>;
  /** True if a live entry was removed. */
  delete(tenant: TenantCtx, key: string): Promise<boolean>;
  /** Live keys with this prefix, in byte order, after `after`, at most `limit` (<= 1,000). */
  list(
    tenant: TenantCtx,
    prefix: string,
    options?: { after?: string; limit?: number },
  ): Promise<string[]>;
}
