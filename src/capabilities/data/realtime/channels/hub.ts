/**
 * The channels of one tenant on one server: who has joined what, and what goes to whom. Listens to
 * the database and to the other servers from the first join until nobody has been here for a while.
 */
import type { Bus } from "../../../../core/ports/bus.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Databases } from "../../../../core/ports/database.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import { type Broadcast, OutgoingBroadcast } from "./broadcast.ts";
import { Cluster, type Seal } from "./cluster.ts";
import { type StoredMessage, toBroadcast } from "./message-store.ts";
import { MessageWatch } from "./message-watch.ts";
import { PresenceFeed, writeState } from "./presence-feed.ts";
import { type Presence, PresenceState } from "./presence-state.ts";
import { subTopicOfKey, topicKey, wireTopicOf } from "./topic.ts";

/** A joined channel, as the hub reaches it. */
export interface Member {
  readonly topic: string;
  broadcast(message: OutgoingBroadcast): void;
  /** @param payload JSON text of a `presence_diff` */
  presenceDiff(payload: string): void;
}

export interface HubOptions {
  readonly tenant: TenantCtx;
  readonly bus: Bus;
  readonly databases: Databases;
  readonly clock: Clock;
  readonly log: Logger;
  /** Random per process start. */
  readonly self: string;
  readonly openSeal: () => Promise<Seal>;
}

/** How long nobody must have been here before listening ends. */
const LINGER_MS = 60_000;

export class Hub {
  readonly tenant: TenantCtx;
  readonly #options: HubOptions;
  readonly #members = new Map<string, Set<Member>>();
  readonly #presence: PresenceState;
  readonly #feed: PresenceFeed;
  readonly #cluster: Cluster;
  readonly #watch: MessageWatch;
  #step: Promise<unknown> = Promise.resolve();
  #isListening = false;
  #cancelCooling: () => void = () => undefined;
  #refs = 0;

  constructor(options: HubOptions) {
    const { tenant, clock, databases, self } = options;
    this.tenant = tenant;
    this.#options = options;
    const log = options.log.with({ tenant: tenant.id });
    this.#feed = new PresenceFeed(
      clock,
      (topic, payload) => this.#sendDiff(topic, payload),
      () => this.#cluster.flush(),
    );
    this.#presence = new PresenceState(self, (change, presence) =>
      this.#feed.changed(change, presence),
    );
    this.#cluster = new Cluster({
      ...options,
      log,
      presence: this.#presence,
      onBroadcast: (topic, broadcast) => this.#deliver(topic, broadcast, null),
    });
    this.#watch = new MessageWatch({
      system: () => databases.for(tenant).system,
      direct: () => databases.for(tenant).direct,
      clock,
      log,
      isWanted: (topic) => this.#members.has(topic),
      deliver: (message) => this.#deliverStored(message),
    });
  }

  /** Resolves when what others send is heard. Rejects when the database cannot be reached. */
  listen(): Promise<void> {
    this.#cancelCooling();
    return this.#isListening ? Promise.resolve() : this.#inTurn(() => this.#start());
  }

  add(member: Member): void {
    const members = this.#members.get(member.topic) ?? new Set<Member>();
    this.#members.set(member.topic, members);
    members.add(member);
    this.#cancelCooling();
  }

  remove(member: Member): void {
    const members = this.#members.get(member.topic);
    if (!members?.delete(member) || members.size > 0) return;
    this.#members.delete(member.topic);
    if (this.#members.size > 0) return;
    this.#cancelCooling();
    this.#cancelCooling = this.#options.clock.after(LINGER_MS, () => {
      void this.#inTurn(() => (this.#members.size === 0 ? this.#cease() : Promise.resolve()));
    });
  }

  /**
   * To everybody on the channel, on every server, `except` one. Here at once; false when it could not
   * be handed to the other servers.
   */
  broadcast(topic: string, broadcast: Broadcast, except: Member | null): Promise<boolean> {
    this.#deliver(topic, broadcast, except);
    return this.#cluster.broadcast(topic, broadcast);
  }

  /** A name that no other presence has. */
  newPresenceRef(): string {
    this.#refs += 1;
    return `${this.#options.self}.${this.#refs.toString(36)}`;
  }

  addPresence(presence: Presence): void {
    this.#presence.add(presence);
  }

  removePresence(ref: string): void {
    this.#presence.remove(ref);
  }

  /** JSON text of a `presence_state`. Differences up to it have been sent before. */
  presenceState(topic: string): string {
    this.#feed.flush(topic);
    return writeState(this.#presence.list(topic));
  }

  /** Channels that somebody here has joined. */
  get channels(): number {
    return this.#members.size;
  }

  /** Tells the other servers that this one goes. Whoever joins after that has it listen again. */
  async close(): Promise<void> {
    this.#cancelCooling();
    await this.#inTurn(() => this.#cease());
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#step.then(step);
    // A failed step is its caller's to report; the next must still run.
    this.#step = done.catch(() => undefined);
    return done;
  }

  async #start(): Promise<void> {
    if (this.#isListening) return;
    // Both to their end: what is still starting cannot be stopped.
    const started = await Promise.allSettled([this.#cluster.start(), this.#watch.start()]);
    const failed = started.find((one) => one.status === "rejected");
    this.#isListening = !failed;
    if (!failed) return;
    await this.#stopAll();
    throw failed.reason;
  }

  async #cease(): Promise<void> {
    if (!this.#isListening) return;
    this.#isListening = false;
    await this.#stopAll();
  }

  async #stopAll(): Promise<void> {
    await Promise.allSettled([this.#cluster.stop(), this.#watch.stop()]);
  }

  #deliverStored(message: StoredMessage): void {
    const broadcast = toBroadcast(message, false);
    const { tenant, log } = this.#options;
    if (broadcast) this.#deliver(topicKey(message.topic, message.isPrivate), broadcast, null);
    else log.warn("realtime.message_too_large", { tenant: tenant.id, id: message.id });
  }

  #deliver(topic: string, broadcast: Broadcast, except: Member | null): void {
    const members = this.#members.get(topic);
    if (!members) return;
    const outgoing = new OutgoingBroadcast(wireTopicOf(subTopicOfKey(topic)), broadcast);
    for (const member of members) if (member !== except) member.broadcast(outgoing);
  }

  #sendDiff(topic: string, payload: string): void {
    for (const member of this.#members.get(topic) ?? []) member.presenceDiff(payload);
  }
}
