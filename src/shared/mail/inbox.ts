/** The latest messages of each tenant, whole, in this process's memory. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Inbox, KeptMessage } from "../../core/ports/mail.ts";
import { PerTenant } from "../per-tenant.ts";

const KEPT_MAX = 100;

export function createInbox(clock: Clock, ids: Ids): Inbox {
  const kept = new PerTenant<KeptMessage[]>(() => []);
  return {
    keep(tenant, message) {
      const messages = kept.of(tenant);
      messages.push({ ...message, id: ids.uuid(), at: new Date(clock.now()).toISOString() });
      if (messages.length > KEPT_MAX) messages.shift();
    },
    list: (tenant) => [...kept.of(tenant)],
  };
}
