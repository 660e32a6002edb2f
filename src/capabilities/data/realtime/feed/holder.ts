/** The server that reads the source: sends the others what it reads, and what they missed. */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { ChangeLog } from "./change-log.ts";
import type { FeedMessage, HelloMessage, PieceMessage } from "./feed-message.ts";
import { compare, type Position } from "./position.ts";
import type { RawChange } from "./raw-change.ts";

export interface HolderOptions {
  readonly self: string;
  readonly log: ChangeLog;
  readonly clock: Clock;
  readonly publish: (message: FeedMessage) => Promise<void>;
}

/** A follower that was not heard for this long has gone. */
export const FOLLOWER_MS = 15_000;
/** Also without changes, so that the loss of the last piece is noticed. */
const BEAT_MS = 3_000;
/** With base64 and the words around it below the 1 MiB of the Bus. */
const PIECE = { count: 1_000, bytes: 256 * 1024 };
const ROW_BYTES_MAX = 512 * 1024;

export class Holder {
  readonly #options: HolderOptions;
  readonly #followers = new Map<string, number>();
  /** Followers were sent everything up to here. */
  #sent: Position;
  #sentAtMs = 0;
  #isSending = false;
  /** What the source keeps is removed when the work ends. */
  removesAtEnd = false;

  constructor(options: HolderOptions) {
    this.#options = options;
    this.#sent = options.log.covered;
  }

  get hasFollowers(): boolean {
    return this.#followers.size > 0;
  }

  /** The log was begun anew, or goes on after an interruption. */
  begin(): void {
    const { log } = this.#options;
    if (!log.reaches(this.#sent) || compare(this.#sent, log.covered) > 0) this.#sent = log.floor;
  }

  /** There is more to send. */
  flush(): void {
    if (!this.hasFollowers) {
      this.#sent = this.#options.log.covered;
      return;
    }
    if (!this.#isSending) void this.#send();
  }

  beat(): void {
    const nowMs = this.#options.clock.monotonic();
    for (const [name, heardAtMs] of this.#followers) {
      if (nowMs - heardAtMs > FOLLOWER_MS) this.#followers.delete(name);
    }
    if (this.hasFollowers && !this.#isSending && nowMs - this.#sentAtMs > BEAT_MS) {
      void this.#send(true);
    }
  }

  hear(message: HelloMessage): void {
    this.#followers.set(message.from, this.#options.clock.monotonic());
    if (message.want !== null) void this.#refill(message, message.want);
  }

  /** Everything that has come since; at least one piece when `always`. */
  async #send(always = false): Promise<void> {
    const { log } = this.#options;
    this.#isSending = true;
    try {
      for (let isFirst = true; ; isFirst = false) {
        if (!(always && isFirst) && compare(this.#sent, log.covered) >= 0) break;
        if (!log.reaches(this.#sent)) this.#sent = log.floor;
        this.#sent = await this.#piece(null, this.#sent);
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #refill(asking: HelloMessage, want: Position): Promise<void> {
    const { self: from, log, publish } = this.#options;
    const { incarnation } = log;
    const to = asking.from;
    // Before the source has begun there is nothing to tell; it will be asked again.
    if (incarnation === "") return;
    let at = want;
    if (asking.incarnation !== incarnation || !log.reaches(at)) {
      at = log.floor;
      await publish({ kind: "restart", from, to, incarnation, floor: at });
    }
    // Whoever is ahead of this log waits until it has come so far.
    if (compare(at, log.covered) > 0) return;
    do at = await this.#piece(to, at);
    while (log.incarnation === incarnation && log.reaches(at) && compare(at, log.covered) < 0);
  }

  /** Sends one piece; how far it went. */
  async #piece(to: string | null, prev: Position): Promise<Position> {
    const { self: from, log, clock, publish } = this.#options;
    const { covered, incarnation } = log;
    const changes = log.read(prev, covered, PIECE);
    const next = changes.at(-1)?.position ?? covered;
    const isAll = log.read(next, covered, { count: 1, bytes: 1 }).length === 0;
    const last = isAll ? covered : next;
    this.#sentAtMs = clock.monotonic();
    const piece: PieceMessage = {
      ...{ kind: "piece", from, to, incarnation, prev, last },
      isEnd: compare(last, log.covered) >= 0,
      changes: changes.map(fitting),
    };
    await publish(piece);
    return last;
  }
}

/** A row too large for the Bus is a gap on the other servers. */
function fitting(change: RawChange): RawChange {
  if (change.sizeBytes <= ROW_BYTES_MAX) return change;
  return { ...change, type: "GAP", reason: "a row was too large", row: null, old: null };
}
