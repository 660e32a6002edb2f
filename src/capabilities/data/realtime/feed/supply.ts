/**
 * Keeps this server's log complete while anybody here needs it: as the holder of the tenant's lease it
 * reads the source and feeds the other servers; else it is fed by the holder over the Bus.
 */
import type { Bus } from "../../../../core/ports/bus.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Leases } from "../../../../core/ports/leases.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Service } from "../../../../core/service.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import { leaseService } from "../../../../shared/leases/lease-service.ts";
import type { ChangeLog } from "./change-log.ts";
import type { ChangeSource, SourceSink, SourceStart } from "./change-source.ts";
import { Checkpoints } from "./checkpoints.ts";
import { type FeedMessage, readMessage, writeMessage } from "./feed-message.ts";
import { Follower } from "./follower.ts";
import { Holder } from "./holder.ts";
import type { MessageSeal } from "./message-seal.ts";
import { compare } from "./position.ts";

export interface SupplyOptions {
  readonly tenant: TenantCtx;
  /** `ServerFacts.instanceId`. */
  readonly self: string;
  readonly log: ChangeLog;
  readonly windowMs: number;
  readonly source: ChangeSource;
  readonly bus: Bus;
  readonly seal: MessageSeal;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The log has grown or was begun anew. */
  notify(): void;
  /** Resolves when the log may grow. */
  room(): Promise<void>;
  readonly hasRoom: () => boolean;
}

const TOPIC = "data.changes";
/** Name of the lease of whoever reads the changes. */
export const FEED_LEASE = "data.changes";
/** After a server was killed, another one takes over within this and a third. */
const LEASE_TTL_MS = 5_000;
const STOP_MS = 5_000;

export class Supply {
  readonly #options: SupplyOptions;
  readonly #follower: Follower;
  readonly #lease: Service;
  #holder: Holder | null = null;
  #unsubscribe: (() => Promise<void>) | null = null;
  #stopBeating: () => void = () => undefined;
  /** Why the source does not work, as far as is known. */
  failure: unknown = null;

  constructor(options: SupplyOptions) {
    const { self, log, clock } = options;
    this.#options = options;
    const publish = (message: FeedMessage) => this.#publish(message);
    this.#follower = new Follower({
      ...{ self, log, clock, publish },
      notify: () => options.notify(),
      hasRoom: () => options.hasRoom(),
    });
    this.#lease = leaseService({
      ...{ name: FEED_LEASE, leases: options.leases, tenant: options.tenant, holder: self },
      ...{ ttlMs: LEASE_TTL_MS, clock, log: options.logger },
      run: (signal) => this.#hold(signal),
    });
  }

  get isHolder(): boolean {
    return this.#holder !== null;
  }

  /** Other servers need what this one reads. */
  get hasFollowers(): boolean {
    return this.#holder?.hasFollowers === true;
  }

  async start(): Promise<void> {
    const { bus, tenant, clock } = this.#options;
    this.#unsubscribe = await bus.subscribe(
      tenant,
      TOPIC,
      ({ payload }) => this.#receive(payload),
      () => this.#follower.resync(),
    );
    await this.#lease.start();
    this.#stopBeating = clock.every(1_000, () => this.#beat());
    this.#follower.resync();
  }

  /** @param removes what the source keeps in the database goes, too, if this server is the holder. */
  async stop(removes: boolean): Promise<void> {
    this.#stopBeating();
    if (this.#holder) this.#holder.removesAtEnd = removes;
    await this.#lease.stop(STOP_MS);
    await this.#unsubscribe?.();
    this.#unsubscribe = null;
  }

  #beat(): void {
    if (this.#holder) this.#holder.beat();
    else this.#follower.beat();
  }

  async #hold(signal: AbortSignal): Promise<void> {
    const { source, log, clock, windowMs, self, logger } = this.#options;
    const publish = (message: FeedMessage) => this.#publish(message);
    const holder = new Holder({ self, log, clock, publish });
    const checkpoints = new Checkpoints(clock, windowMs);
    this.#holder = holder;
    try {
      await source.run(signal, this.#sinkOf(holder, checkpoints));
    } catch (error) {
      if (!signal.aborted) {
        this.failure = error;
        logger.error("realtime.source_failed", { error });
      }
    } finally {
      this.#holder = null;
      if (holder.removesAtEnd) await source.remove();
      else this.#follower.resync();
    }
  }

  #sinkOf(holder: Holder, checkpoints: Checkpoints): SourceSink {
    const { log, clock, notify, room } = this.#options;
    return {
      started: (start) => {
        this.failure = null;
        if (!goesOn(log, start)) log.reset(start.incarnation, start.floor);
        holder.begin();
        notify();
      },
      failing: (error) => {
        this.failure = error;
      },
      change: (change) => log.append(change, clock.monotonic()),
      progress: (position) => {
        log.advance(position);
        checkpoints.note(position.lsn);
      },
      flush: () => {
        holder.flush();
        notify();
      },
      room,
      confirmable: () => checkpoints.confirmable(log),
    };
  }

  #receive(payload: string): void {
    const { seal, logger, self } = this.#options;
    const text = seal.open(payload);
    if (text === null) {
      logger.warn("realtime.message_forged", { topic: TOPIC });
      return;
    }
    const message = readMessage(text);
    if (message.from === self) return;
    if (message.kind === "hello") this.#holder?.hear(message);
    // What a server that has lost its lease still sends is of the same log: it does no harm.
    else if (!this.#holder) this.#follower.hear(message);
  }

  async #publish(message: FeedMessage): Promise<void> {
    const { bus, tenant, seal, logger } = this.#options;
    try {
      await bus.publish(tenant, TOPIC, seal.seal(writeMessage(message)));
    } catch (error) {
      // The Bus promises no more; whoever misses something asks for it.
      logger.warn("realtime.publish_failed", { kind: message.kind, error });
    }
  }
}

/** Whether the source carries on from where the log is, so that nothing lies between. */
function goesOn(log: ChangeLog, { incarnation, floor, current }: SourceStart): boolean {
  return (
    log.incarnation === incarnation &&
    compare(floor, log.covered) <= 0 &&
    compare(log.covered, current) <= 0
  );
}
