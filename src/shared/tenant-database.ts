/**
 * The part of `Databases` that the Postgres adapters of this folder use, and the sweep they share.
 * Narrow on purpose: tests hand in two handles on one database, the server its pools.
 */
import type { Sql } from "postgres";
import type { TenantCtx } from "../core/tenant.ts";

export interface TenantDatabases {
  for(tenant: TenantCtx): {
    /** Owner, pooled. */
    readonly system: Sql;
    /** Owner on the direct URL: LISTEN. */
    readonly direct: Sql;
  };
}

/** A store that keeps expired rows until told to drop them. */
export interface Sweeper {
  /** Drops what has expired, at most 10,000 rows; how many. */
  sweep(tenant: TenantCtx): Promise<number>;
}
