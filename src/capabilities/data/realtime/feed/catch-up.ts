/**
 * Brings subscriptions that resume to where the live ones are. Many come back at once when a server has
 * gone, so those of one table are told together what they missed: its changes are looked for and judged
 * once for all of them. Each goes at its own pace: who has yet to read is left out until it has.
 */
import type { ChangeLog } from "./change-log.ts";
import { Gate } from "./gate.ts";
import type { Judge } from "./judge.ts";
import { compare, formatId, latest, type Position, START } from "./position.ts";
import type { RawChange } from "./raw-change.ts";
import type { Subscription } from "./subscription.ts";
import { isWanted } from "./subscription-index.ts";

export interface CatchUpOptions {
  readonly log: ChangeLog;
  readonly judge: Pick<Judge, "handOut">;
  /** Up to here the live ones are, or are being, told. Calls `restart` when the log was begun anew. */
  begun(): Position;
  /** It has missed nothing up to `begun()`: from here on it is one of the live ones. */
  arrived(subscription: Subscription): void;
}

interface Piece {
  readonly changes: readonly RawChange[];
  /** Everything up to here is in it. */
  readonly reached: Position;
  /** Nothing is behind it. */
  readonly isEnd: boolean;
  readonly members: readonly Subscription[];
}

/** Of one table, what is told at once. */
const PIECE = { count: 200, bytes: 256 * 1024, looks: 20_000 };
/** Tables that catch up at once: live subscriptions come first. */
const TABLES_MAX = 4;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #all = new Set<Subscription>();
  /** By table: those that can be told more, in the order they came. */
  readonly #ready = new Map<string, Set<Subscription>>();
  readonly #gate = new Gate(TABLES_MAX);

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<Subscription> {
    return this.#all.values();
  }

  /** @param after behind which changes are wanted. */
  add(subscription: Subscription, after: Position): void {
    subscription.cursor = after;
    this.#all.add(subscription);
    this.#queue(subscription);
  }

  remove(subscription: Subscription): void {
    this.#all.delete(subscription);
    this.#ready.get(keyOf(subscription))?.delete(subscription);
  }

  /** The log was begun anew, which everybody was told: they go on from where it begins. */
  restart(): void {
    for (const one of this.#all) one.cursor = this.#options.log.floor;
  }

  #queue(subscription: Subscription): void {
    const key = keyOf(subscription);
    const known = this.#ready.get(key);
    if (known) {
      known.add(subscription);
      return;
    }
    const ready = new Set([subscription]);
    this.#ready.set(key, ready);
    // Ends by itself; what it throws is the signal's reason, after which nobody is told anything.
    this.#run(key, ready).catch(() => this.#ready.delete(key));
  }

  async #run(key: string, ready: Set<Subscription>): Promise<void> {
    while (ready.size > 0) await this.#gate.pass(() => this.#tellPiece(ready));
    this.#ready.delete(key);
  }

  /** What the first in line, and whoever is as far as it, missed. */
  async #tellPiece(ready: Set<Subscription>): Promise<void> {
    const { log, judge, begun } = this.#options;
    const upTo = begun();
    for (const one of ready) this.#tellGap(one);
    const [first] = ready;
    if (!first) return;
    const { changes, reached, members, isEnd } = this.#pieceFor(first, ready, upTo);
    const { resets } = log;
    for (const one of members) ready.delete(one);
    if (changes.length > 0) {
      await judge.handOut(log.incarnation, changes, (change) =>
        members.filter((one) => isMissing(one, change)),
      );
    }
    for (const one of members) {
      if (!this.#all.has(one)) continue;
      if (resets === log.resets) one.cursor = latest(cursorOf(one), reached);
      if (isEnd && changes.length === 0) this.#arrive(one);
      else this.#queueWhenReady(one);
    }
  }

  /**
   * From the one that is furthest behind, if that is near enough for the first in line to be told
   * something; else from the first: nobody waits for another's long way.
   */
  #pieceFor(first: Subscription, ready: ReadonlySet<Subscription>, upTo: Position): Piece {
    const start = [...ready].map(cursorOf).reduce((a, b) => (compare(a, b) <= 0 ? a : b));
    const piece = this.#pieceFrom(start, ready, upTo);
    if (piece.members.includes(first)) return piece;
    return this.#pieceFrom(cursorOf(first), ready, upTo);
  }

  #pieceFrom(start: Position, ready: ReadonlySet<Subscription>, upTo: Position): Piece {
    const all = [...ready].filter((one) => compare(cursorOf(one), start) >= 0);
    const isMissed = (change: RawChange) => all.some((one) => isMissing(one, change));
    const { changes, reached } = this.#options.log.select(start, upTo, PIECE, isMissed);
    const isEnd = compare(reached, upTo) >= 0;
    const members = isEnd ? all : all.filter((one) => compare(cursorOf(one), reached) < 0);
    return { changes, reached, members, isEnd };
  }

  #tellGap(subscription: Subscription): void {
    const { log } = this.#options;
    if (log.reaches(cursorOf(subscription))) return;
    subscription.cursor = log.floor;
    subscription.gap("the window has moved on", formatId(log.incarnation, log.floor));
  }

  #queueWhenReady(subscription: Subscription): void {
    const queue = () => {
      if (this.#all.has(subscription)) this.#queue(subscription);
    };
    void subscription.ready().then(queue, queue);
  }

  #arrive(subscription: Subscription): void {
    this.remove(subscription);
    // Another server may have been ahead of this one: what it told is not told again.
    subscription.seen = cursorOf(subscription);
    subscription.cursor = null;
    this.#options.arrived(subscription);
  }
}

function keyOf({ interest: { schema, table } }: Subscription): string {
  return JSON.stringify([schema, table]);
}

function cursorOf({ cursor }: Subscription): Position {
  return cursor ?? START;
}

function isMissing(subscription: Subscription, change: RawChange): boolean {
  const { schema, table } = subscription.interest;
  if (schema !== change.shape.schema) return false;
  if (table !== null && table !== change.shape.table) return false;
  return compare(change.position, cursorOf(subscription)) > 0 && isWanted(subscription, change);
}
