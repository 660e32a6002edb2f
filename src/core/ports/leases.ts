import type { TenantCtx } from "../tenant.ts";

/** A held lease. */
export interface Lease {
  readonly name: string;
  /** Grows by one with each change of holder: fences writes of a stale holder. */
  readonly epoch: bigint;
  /** Extends by the lease's TTL; false when it was lost. */
  renew(): Promise<boolean>;
  /** Gives it up; harmless when already lost. */
  release(): Promise<void>;
}

/** One holder at a time for a name, across servers. */
export interface Leases {
  /** The lease, or null while another holder's is live. `ttlMs` >= 1,000. */
  acquire(tenant: TenantCtx, name: string, holder: string, ttlMs: number): Promise<Lease | null>;
  /** Who holds it now, or null. */
  holder(tenant: TenantCtx, name: string): Promise<{ holder: string; epoch: bigint } | null>;
}
