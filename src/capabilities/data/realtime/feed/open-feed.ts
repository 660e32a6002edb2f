/** A feed that is running: log, supply, judging and subscriptions of one tenant on this server. */
import type { Principal } from "../../../../core/ports/auth.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import { errors } from "../../errors.ts";
import type { DataRoom } from "../../room.ts";
import type { LoadedSchema } from "../../schema/schema-cache.ts";
import type { ChangeInterest, ChangeSink } from "../change-feed.ts";
import { ChangeLog } from "./change-log.ts";
import type { ChangeSource } from "./change-source.ts";
import { checkRights, checkTable } from "./check-interest.ts";
import { chooseSource } from "./choose-source.ts";
import { Distributor } from "./distributor.ts";
import { feedErrors } from "./errors.ts";
import { FactsCache } from "./facts-cache.ts";
import type { FeedDeps } from "./feed-deps.ts";
import { Gate } from "./gate.ts";
import { Identities } from "./identities.ts";
import { Judge } from "./judge.ts";
import { JudgeQueries } from "./judge-queries.ts";
import { judgingAs } from "./judging-as.ts";
import { MessageSeal } from "./message-seal.ts";
import { parseId } from "./position.ts";
import { publishTable } from "./publish-table.ts";
import { type Filters, Subscription } from "./subscription.ts";
import { Supply } from "./supply.ts";
import { TableWatch } from "./table-watch.ts";

/** How long a subscription waits for the feed to begin. */
const READY_MS = 10_000;
const READY_POLL_MS = 20;

export class OpenFeed {
  readonly #deps: FeedDeps;
  readonly #tenant: TenantCtx;
  readonly #logger: Logger;
  readonly #log: ChangeLog;
  readonly #distributor: Distributor;
  readonly #supply: Supply;
  readonly #source: ChangeSource;
  readonly #queries: JudgeQueries;
  readonly #facts: FactsCache;
  readonly #watch: TableWatch;
  readonly #identities = new Identities();
  readonly #publishing = new Gate(1);
  readonly #ending = new AbortController();
  #room: DataRoom;
  #running: Promise<unknown> = Promise.resolve();
  #emptySinceMs: number | null = null;
  /** Subscriptions that are being made. */
  #arriving = 0;

  /** @throws realtime_foreign, realtime_unavailable, PGRST002 */
  static async open(deps: FeedDeps, tenant: TenantCtx): Promise<OpenFeed> {
    const room = await deps.roomOf(tenant);
    if (room.isForeign) throw feedErrors.realtime_foreign();
    const database = () => room.databases.for(tenant);
    const source = await chooseSource({ ...deps, room, database });
    const seal = await MessageSeal.open(deps.vault, tenant, deps.rng);
    const feed = new OpenFeed(deps, { tenant, room, source, seal });
    await feed.#begin();
    return feed;
  }

  private constructor(deps: FeedDeps, { tenant, room, source, seal }: Parts) {
    const { clock } = deps;
    const log = deps.log.with({ tenant: tenant.id });
    const { signal } = this.#ending;
    const { realtime_window_ms: windowMs, realtime_window_bytes: windowBytes } = room.config;
    const publication = room.config.realtime_publication;
    this.#deps = deps;
    this.#tenant = tenant;
    this.#logger = log;
    this.#room = room;
    this.#source = source;
    const database = () => room.databases.for(tenant);
    const transactionOf = judgingAs(() => this.#roomNow(), tenant);
    this.#queries = new JudgeQueries({ database, transactionOf, clock, log, signal });
    this.#facts = new FactsCache(this.#queries, publication);
    const judge = new Judge({
      ...{ queries: this.#queries, facts: this.#facts },
      ...{ clock, log, signal, schema: () => this.#schema(), room: () => this.#roomNow() },
    });
    this.#log = new ChangeLog({ bytes: windowBytes, ms: windowMs });
    const backlogBytes = windowBytes / 2;
    this.#distributor = new Distributor({ log: this.#log, judge, clock, backlogBytes, signal });
    this.#supply = new Supply({
      ...{ tenant, self: deps.server.instanceId, log: this.#log, windowMs, source, seal, clock },
      ...{ bus: deps.bus, leases: deps.leases, logger: log },
      notify: () => this.#distributor.notify(),
      room: () => this.#distributor.room(),
      hasRoom: () => this.#distributor.hasRoom,
    });
    this.#watch = new TableWatch({
      ...{ publication, database, clock, log },
      subscriptions: () => this.#distributor.subscriptions(),
      end: (subscription, reason) => this.#end(subscription, reason),
      follow: async (table) => await source.follow?.(table),
    });
  }

  get size(): number {
    return this.#distributor.size;
  }

  /** Nobody has needed it for the length of the window, on any server. */
  get isAbandoned(): boolean {
    if (this.#emptySinceMs === null || this.#supply.hasFollowers) return false;
    const emptyMs = this.#deps.clock.monotonic() - this.#emptySinceMs;
    return emptyMs > this.#room.config.realtime_window_ms;
  }

  async #begin(): Promise<void> {
    await this.#supply.start();
    this.#noteEmpty();
    this.#running = this.#distributor.run().catch((error: unknown) => {
      if (!this.#ending.signal.aborted) this.#logger.error("realtime.feed_failed", { error });
    });
  }

  /** @throws what `ChangeFeed.subscribe` throws */
  async subscribe(
    interest: ChangeInterest,
    sink: ChangeSink,
    after: string | null,
  ): Promise<Subscription> {
    const { realtime_max_subscribers: max } = this.#room.config;
    if (this.size + this.#arriving >= max) throw feedErrors.realtime_full(max);
    this.#arriving += 1;
    this.#noteEmpty();
    try {
      const filters = await this.#admit(interest);
      await this.#ready();
      const resumed = after === null ? null : parseId(this.#log.incarnation, after);
      const position = resumed ?? (await this.#source.now());
      const identity = this.#identities.take(interest.principal);
      const subscription = new Subscription({ interest, sink, filters, identity });
      this.#distributor.add(subscription, position, resumed !== null);
      if (after !== null && resumed === null) {
        subscription.gap("the position is not of this feed", this.positionOf(subscription));
      }
      return subscription;
    } finally {
      this.#arriving -= 1;
      this.#noteEmpty();
    }
  }

  update(subscription: Subscription, principal: Principal): void {
    if (!subscription.isOpen) return;
    this.#identities.release(subscription.identity);
    subscription.identity = this.#identities.take(principal);
  }

  remove(subscription: Subscription): void {
    if (!subscription.isOpen) return;
    this.#distributor.remove(subscription);
    this.#identities.release(subscription.identity);
    this.#noteEmpty();
  }

  positionOf(subscription: Subscription): string {
    return this.#distributor.positionOf(subscription);
  }

  /** About once a second. */
  tick(): void {
    this.#distributor.evict();
    const nowMs = this.#deps.clock.now();
    for (const subscription of [...this.#distributor.subscriptions()]) {
      if (subscription.principal.expiresAt > nowMs) continue;
      this.#end(subscription, "the credential has expired");
    }
    const state = this.#roomNow().cache.peek(this.#tenant);
    if (state) void this.#watch.look(state.schema);
  }

  /** @param removes what the feed keeps in the database goes, too. */
  async close(removes: boolean): Promise<void> {
    for (const subscription of [...this.#distributor.subscriptions()]) {
      this.#end(subscription, "the server is stopping");
    }
    await this.#supply.stop(removes);
    this.#ending.abort(new Error("the feed has ended"));
    this.#distributor.notify();
    await this.#running;
  }

  /** Whether the caller may follow, and by which filters; the table is published. */
  async #admit(interest: ChangeInterest): Promise<Filters> {
    const room = this.#roomNow();
    const { schema } = await this.#schema();
    const checking = { room, schema, queries: this.#queries };
    const table = checkTable(interest, checking);
    if (!table) return { plain: [], sql: [] };
    const facts = await this.#facts.get(table, schema.version);
    if (!facts) throw errors.PGRST205(table.schema, table.name, null);
    const filters = await checkRights(interest, table, facts, checking);
    const { realtime_publication: publication, realtime_auto_publish: isAutomatic } = room.config;
    const published = await publishTable(table, {
      ...{ database: room.databases.for(this.#tenant), publication, isAutomatic },
      gate: this.#publishing,
      ...{ clock: this.#deps.clock, log: this.#logger, signal: this.#ending.signal },
    });
    if (!published) throw errors.PGRST205(table.schema, table.name, null);
    await this.#source.follow?.(table);
    return filters;
  }

  /** The log has begun: everything from now on will come. @throws realtime_unavailable */
  async #ready(): Promise<void> {
    const { clock } = this.#deps;
    const untilMs = clock.monotonic() + READY_MS;
    while (this.#log.incarnation === "") {
      if (clock.monotonic() > untilMs) {
        const { failure } = this.#supply;
        const why = failure instanceof Error ? failure.message : "no server reads the changes yet";
        throw feedErrors.realtime_unavailable(why, failure);
      }
      await clock.sleep(READY_POLL_MS, this.#ending.signal);
    }
  }

  #end(subscription: Subscription, reason: string): void {
    if (!subscription.isOpen) return;
    subscription.end(reason);
    this.#distributor.remove(subscription);
    this.#identities.release(subscription.identity);
    this.#noteEmpty();
  }

  #noteEmpty(): void {
    const isEmpty = this.size + this.#arriving === 0;
    if (!isEmpty) this.#emptySinceMs = null;
    else this.#emptySinceMs ??= this.#deps.clock.monotonic();
  }

  /** As configured now. */
  #roomNow(): DataRoom {
    const room = this.#deps.roomOf(this.#tenant);
    if (!(room instanceof Promise)) this.#room = room;
    return this.#room;
  }

  async #schema(): Promise<LoadedSchema> {
    const { cache } = this.#roomNow();
    return cache.peek(this.#tenant) ?? (await cache.get(this.#tenant));
  }
}

interface Parts {
  readonly tenant: TenantCtx;
  readonly room: DataRoom;
  readonly source: ChangeSource;
  readonly seal: MessageSeal;
}
