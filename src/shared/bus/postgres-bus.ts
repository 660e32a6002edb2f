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
import { Listener } from "./listener.ts";
import { Outbound } from "./outbound.ts";

export interface PostgresBusOptions {
  readonly databases: TenantDatabases;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Logger;
}

export interface PostgresBus extends Bus {
  /** Publishes when, and only when, the transaction commits. */
  publishInside(
    tenant: TenantCtx,
    tx: TransactionSql,
    topic: string,
    payload: string,
  ): Promise<void>;
  /** Ends the listening connections; subscribers hear nothing more. */
  close(): Promise<void>;
}

export function createPostgresBus(options: PostgresBusOptions): PostgresBus {
  const { databases, ids } = options;
  const publisher = ids.token(6);
  const outbound = new PerTenant((tenant) => new Outbound(() => databases.for(tenant).system));
  const inbound = new PerTenant((tenant) => new Inbound(options, tenant));
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
      return inbound
        .of(tenant)
        .topic(topic)
        .add({ onMessage, onGap: onGap ?? null });
    },
    async close() {
      await Promise.all(inbound.values().map((tenant) => tenant.close()));
    },
  };
}

/** What one tenant's subscribers share: the connection and the topics on it. */
class Inbound {
  readonly #topics = new Map<string, ListenedTopic>();
  readonly #listener: Listener;
  readonly #log: Logger;
  readonly #tenant: TenantCtx;

  constructor(options: PostgresBusOptions, tenant: TenantCtx) {
    this.#log = options.log.with({ tenant: tenant.id });
    this.#tenant = tenant;
    this.#listener = new Listener({
      direct: () => options.databases.for(tenant).direct,
      clock: options.clock,
      log: this.#log,
      onNotification: (channel, frame) => this.#topics.get(channel)?.receive(frame),
      onGap: () => {
        for (const topic of this.#topics.values()) topic.gap();
      },
    });
  }

  topic(name: string): ListenedTopic {
    const channel = channelOf(this.#tenant.id, name);
    const known = this.#topics.get(channel);
    if (known) return known;
    const made = new ListenedTopic({
      ...{ topic: name, channel, listener: this.#listener, log: this.#log },
      onIdle: () => {
        if (this.#topics.get(channel) === made) this.#topics.delete(channel);
      },
    });
    this.#topics.set(channel, made);
    return made;
  }

  close(): Promise<void> {
    return this.#listener.close();
  }
}
