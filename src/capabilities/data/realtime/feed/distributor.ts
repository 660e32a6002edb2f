/**
 * Hands the log's changes to the subscriptions of this server: live ones together, batch after batch;
 * those that resume on their own, until they have caught up.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { ChangeLog } from "./change-log.ts";
import { Gate } from "./gate.ts";
import type { Judge } from "./judge.ts";
import { formatId, latest, type Position, START } from "./position.ts";
import type { RawChange } from "./raw-change.ts";
import type { Subscription } from "./subscription.ts";
import { isWanted, SubscriptionIndex } from "./subscription-index.ts";

export interface DistributorOptions {
  readonly log: ChangeLog;
  readonly judge: Judge;
  readonly clock: Clock;
  /** Changes that may wait to be judged, bytes. */
  readonly backlogBytes: number;
  readonly signal: AbortSignal;
}

const LIVE = { count: 500, bytes: 1024 * 1024 };
const RESUMED = { count: 200, bytes: 256 * 1024 };
/** Subscriptions that catch up at once: live ones come first. */
const CATCHING_UP_MAX = 4;

export class Distributor {
  readonly #options: DistributorOptions;
  readonly #live = new SubscriptionIndex();
  readonly #catchingUp = new Set<Subscription>();
  readonly #gate = new Gate(CATCHING_UP_MAX);
  /** Up to here the log was, or is being, handed to the live ones. */
  #begun: Position = START;
  /** Up to here it was. */
  #done: Position = START;
  #resets = 0;
  #wake: () => void = () => undefined;
  #roomWaiters: (() => void)[] = [];

  constructor(options: DistributorOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#live.size + this.#catchingUp.size;
  }

  *subscriptions(): Iterable<Subscription> {
    yield* this.#live;
    yield* this.#catchingUp;
  }

  /** The id behind everything that this subscription was told of. */
  positionOf({ cursor, seen }: Subscription): string {
    return formatId(this.#options.log.incarnation, cursor ?? latest(this.#done, seen));
  }

  /**
   * @param after behind which changes are wanted. @param isResumed it may lie in the past; else it is
   *   now, and the log may still be on its way there.
   */
  add(subscription: Subscription, after: Position, isResumed: boolean): void {
    this.#follow();
    if (!isResumed) {
      subscription.seen = after;
      this.#live.add(subscription);
      return;
    }
    subscription.cursor = after;
    this.#catchingUp.add(subscription);
    // Ends by itself; what it throws is the signal's reason.
    this.#catchUp(subscription).catch(() => this.#catchingUp.delete(subscription));
  }

  remove(subscription: Subscription): void {
    subscription.close();
    this.#live.remove(subscription);
    this.#catchingUp.delete(subscription);
  }

  /** Everybody is told that changes may be missing from here on. */
  tellGap(reason: string): void {
    const { log } = this.#options;
    const id = formatId(log.incarnation, log.covered);
    for (const subscription of [...this.subscriptions()]) subscription.gap(reason, id);
  }

  /** The log has grown, or was begun anew. */
  notify(): void {
    this.#wake();
  }

  /** Resolves when the log may grow: what waits to be judged is within its bound. */
  async room(): Promise<void> {
    while (!this.hasRoom && !this.#options.signal.aborted) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
  }

  get hasRoom(): boolean {
    const { log, backlogBytes } = this.#options;
    return log.bytesAfter(this.#done) <= backlogBytes;
  }

  /** Drops what is out of the window. */
  evict(): void {
    const { log, clock } = this.#options;
    log.evict(clock.monotonic(), this.#done);
  }

  /** Until the signal. Rejects with its reason. */
  async run(): Promise<void> {
    const { log, judge, signal } = this.#options;
    const onAbort = () => this.#wakeAll();
    signal.addEventListener("abort", onAbort, { once: true });
    while (!signal.aborted) {
      this.#follow();
      const changes = log.read(this.#begun, log.covered, LIVE);
      const last = changes.at(-1);
      if (!last) {
        this.#begun = log.covered;
        this.#done = log.covered;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const resets = this.#resets;
      this.#begun = last.position;
      await judge.handOut(log.incarnation, changes, (change) => this.#live.candidates(change));
      if (resets === this.#resets) this.#done = this.#begun;
      this.evict();
      this.#wakeWaiters();
    }
    signal.removeEventListener("abort", onAbort);
    signal.throwIfAborted();
  }

  /** After a reset: whoever was there has missed something, unless it was the first. */
  #follow(): void {
    const { log } = this.#options;
    if (this.#resets === log.resets) return;
    const isFirst = this.#resets === 0;
    this.#resets = log.resets;
    this.#begun = log.floor;
    this.#done = log.floor;
    if (!isFirst) this.tellGap("the feed was interrupted");
    this.#wakeWaiters();
  }

  async #catchUp(subscription: Subscription): Promise<void> {
    const { log, judge } = this.#options;
    const resets = this.#resets;
    const isBehind = () => subscription.isOpen && resets === this.#resets;
    let cursor = subscription.cursor ?? START;
    for (;;) {
      if (!log.reaches(cursor)) {
        cursor = log.floor;
        subscription.gap("the window has moved on", formatId(log.incarnation, cursor));
      }
      const changes = log.read(cursor, this.#begun, RESUMED);
      const last = changes.at(-1);
      if (!last || !isBehind()) break;
      await this.#gate.pass(() =>
        judge.handOut(log.incarnation, changes, (change) => wanters(subscription, change)),
      );
      cursor = last.position;
      subscription.cursor = cursor;
      await subscription.ready();
    }
    this.#catchingUp.delete(subscription);
    if (!subscription.isOpen) return;
    // Another server may have been ahead of this one: what it told is not told again.
    subscription.seen = cursor;
    subscription.cursor = null;
    this.#live.add(subscription);
  }

  #wakeWaiters(): void {
    if (!this.hasRoom) return;
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #wakeAll(): void {
    this.#wake();
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }
}

function wanters(subscription: Subscription, change: RawChange): readonly Subscription[] {
  const { schema, table } = subscription.interest;
  if (schema !== change.shape.schema) return [];
  if (table !== null && table !== change.shape.table) return [];
  return isWanted(subscription, change) ? [subscription] : [];
}
