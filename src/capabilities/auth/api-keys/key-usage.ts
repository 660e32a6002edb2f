/** When keys were last used: remembered, and written for many at once. */
import type { Sql } from "postgres";
import type { Clock } from "../../../core/ports/clock.ts";
import type { Logger } from "../../../core/ports/log.ts";
import type { Service } from "../../../core/service.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { PerTenant } from "../../../shared/per-tenant.ts";
import { createApiKeyStore } from "./store.ts";

export interface KeyUsage {
  /** The key was used now. */
  touch(tenant: TenantCtx, keyId: string): void;
  /** Writes what is remembered. */
  flush(): Promise<void>;
}

const EVERY_MS = 10_000;
/** More keys than this within ten seconds: the rest of them is not noted. */
const KEYS_MAX = 10_000;

export function createKeyUsage(clock: Clock, sql: (tenant: TenantCtx) => Sql): KeyUsage {
  const used = new PerTenant((tenant) => ({ tenant, at: new Map<string, Date>() }));
  return {
    touch(tenant, keyId) {
      const { at } = used.of(tenant);
      if (at.size < KEYS_MAX || at.has(keyId)) at.set(keyId, new Date(clock.now()));
    },
    async flush() {
      for (const { tenant, at } of used.values()) {
        if (at.size === 0) continue;
        const uses = [...at].map(([id, time]) => ({ id, at: time }));
        at.clear();
        await createApiKeyStore(sql(tenant)).markUsed(uses);
      }
    },
  };
}

/** On every server; writes once more when it ends. */
export function keyUsageService(usage: KeyUsage, clock: Clock, log: Logger): Service {
  const flush = () =>
    usage.flush().catch((error: unknown) => log.warn("auth.key_usage_failed", { error }));
  let cancel: () => void = () => undefined;
  return {
    name: "auth.key_usage",
    scope: "process",
    async start() {
      cancel = clock.every(EVERY_MS, () => void flush());
    },
    async stop() {
      cancel();
      await flush();
    },
  };
}
