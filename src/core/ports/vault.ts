import type { TransactionSql } from "postgres";
import type { TenantCtx } from "../tenant.ts";

export interface Secret {
  readonly value: string;
  /** 1, 2, …; grows with each put. */
  readonly version: number;
}

/** Secrets at rest. Paths: `^[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*$`, <= 256 characters. */
export interface Vault {
  get(tenant: TenantCtx, path: string): Promise<Secret | null>;
  /** Value <= 64 KiB. The new version. */
  put(tenant: TenantCtx, path: string, value: string): Promise<number>;
  /** Writes only when the path is empty; the value that stands afterwards. Safe among concurrent servers. */
  putIfAbsent(tenant: TenantCtx, path: string, value: string): Promise<Secret>;
  /**
   * Writes only when the path stands at `version`; the new version, or null when another was quicker.
   * Earlier versions go: what is replaced this way is a state, and must not be found again.
   * Inside the caller's transaction where one is given (Postgres), else at once.
   */
  replace(
    tenant: TenantCtx,
    path: string,
    value: string,
    version: number,
    tx: TransactionSql | null,
  ): Promise<number | null>;
  delete(tenant: TenantCtx, path: string): Promise<boolean>;
  list(tenant: TenantCtx, prefix: string): Promise<string[]>;
}
