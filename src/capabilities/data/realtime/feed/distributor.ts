/**
 * Hands the log's changes to the subscriptions of this server: live ones together, batch after batch;
 * those that resume on their own, until they have caught up.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import { CatchUp } from "./catch-up.ts";
import type { ChangeLog } from "./change-log.ts";
import type { Judge } from "./judge.ts";
import { formatId, latest, type Position, START } from "./position.ts";
import type { Subscription } from "./subscription.ts";
import { SubscriptionIndex } from "./subscription-index.ts";

export interface DistributorOptions {
  readonly log: ChangeLog;
  readonly judge: Pick<Judge, "handOut">;
  readonly clock: Clock;
  /** Changes that may wait to be judged, bytes. */
  readonly backlogBytes: number;
  readonly signal: AbortSignal;
}

const LIVE = { count: 500, bytes: 1024 * 1024 };

export class Distributor {
  readonly #options: DistributorOptions;
  readonly #live = new SubscriptionIndex();
  readonly #catchingUp: CatchUp;
  /** Up to here the log was, or is being, handed to the live ones. */
  #begun: Position = START;
  /** Up to here it was. */
  #done: Position = START;
  #resets = 0;
  #wake: () => void = () => undefined;
  #roomWaiters: (() => void)[] = [];

  constructor(options: DistributorOptions) {
    this.#options = options;
    this.#catchingUp = new CatchUp({
      ...{ log: options.log, judge: options.judge },
      begun: () => {
        this.#follow();
        return this.#begun;
      },
      arrived: (subscription) => this.#live.add(subscription),
    });
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
    this.#catchingUp.add(subscription, after);
  }

  remove(subscription: Subscription): void {
    subscription.close();
    this.#live.remove(subscription);
    this.#catchingUp.remove(subscription);
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
    // What was told before says nothing about a log that begins anew.
    for (const subscription of this.#live) subscription.seen = START;
    this.#catchingUp.restart();
    if (!isFirst) this.tellGap("the feed was interrupted");
    this.#wakeWaiters();
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
