/**
 * Publishing that belongs to a transaction. NOTIFY can be part of it and is heard when it commits;
 * another bus cannot know of the commit and is told at once: whoever hears it early must read again.
 */
import type { TransactionSql } from "postgres";
import type { Bus } from "../../core/ports/bus.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { PostgresBus } from "./postgres-bus.ts";

export async function publishWith(
  bus: Bus | PostgresBus,
  tenant: TenantCtx,
  tx: TransactionSql,
  topic: string,
  payload: string,
): Promise<void> {
  if ("publishInside" in bus) await bus.publishInside(tenant, tx, topic, payload);
  else await bus.publish(tenant, topic, payload);
}
