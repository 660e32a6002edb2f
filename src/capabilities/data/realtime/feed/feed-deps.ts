/** What the change feed is built from. */
import type { Bus } from "../../../../core/ports/bus.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Leases } from "../../../../core/ports/leases.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Metrics } from "../../../../core/ports/metrics.ts";
import type { Rng } from "../../../../core/ports/rng.ts";
import type { Vault } from "../../../../core/ports/vault.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import type { DataRoom } from "../../room.ts";

export interface FeedDeps {
  roomOf(tenant: TenantCtx): DataRoom | Promise<DataRoom>;
  readonly bus: Bus;
  readonly leases: Leases;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly server: { readonly instanceId: string };
}
