/**
 * Bus over NOTIFY: every server on the database hears every other. Publishing goes through one
 * queue per tenant, many messages to a statement, because the order of a publisher must survive the
 * pool. Listening takes one connection per tenant, on the direct handle (a pooler cannot LISTEN).
 */
import type { TransactionSql } from "postgres";
import type { Bus } from "../../core/ports/bus.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { PerTenant } from "../per-tenant.ts";
import type { TenantDatabases } from "../tenant-database.ts";
import { checkMessage } from "./bus-rules.ts";
import { channelOf, toFrames } from "./frame.ts";
import { ListenedTopic } from "./listened-topic.ts";
import { Outbound } from "./outbound.ts";

export interface PostgresBusOptions {
  readonly databases: TenantDatabases;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
}

export interface PostgresBus extends Bus {
  /** Publishes when, and only when, the transaction commits. Payload without size limits of `publish`: small. */
  publishInside(
    tenant: TenantCtx,
    tx: TransactionSql,
    topic: string,
    payload: string,
  ): Promise<void>;
}

export function createPostgresBus(options: PostgresBusOptions): PostgresBus {
  const { databases, ids, log } = options;
  const publisher = ids.token(6);
  const outbound = new PerTenant((tenant) => new Outbound(() => databases.for(tenant).system));
  const topicsOf = new PerTenant(() => new Map<string, ListenedTopic>());
  let sequence = 0;
  const framesOf = (tenant: TenantCtx, topic: string, payload: string) => {
    const channel = channelOf(tenant.id, topic);
    sequence += 1;
    return toFrames(publisher, sequence, payload).map((frame) => ({ channel, frame }));
  };
  return {
    async publish(tenant, topic, payload) {
      checkMessage(topic, payload);
      await outbound.of(tenant).send(framesOf(tenant, topic, payload));
    },
    async publishInside(tenant, tx, topic, payload) {
      checkMessage(topic, payload);
      for (const { channel, frame } of framesOf(tenant, topic, payload)) {
        await tx`select pg_notify(${channel}, ${frame})`;
      }
    },
    async subscribe(tenant, topic, onMessage, onGap) {
      checkMessage(topic, "");
      const topics = topicsOf.of(tenant);
      let listened = topics.get(topic);
      if (!listened) {
        const channel = channelOf(tenant.id, topic);
        const direct = () => databases.for(tenant).direct;
        listened = new ListenedTopic({ topic, channel, direct, clock: options.clock, log });
        topics.set(topic, listened);
      }
      return listened.add({ onMessage, onGap: onGap ?? null });
    },
  };
}
