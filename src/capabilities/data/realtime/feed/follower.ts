/** A server that is fed by the holder: appends the pieces that fit, asks again for those that are lost. */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { ChangeLog } from "./change-log.ts";
import type { FeedMessage, PieceMessage, RestartMessage } from "./feed-message.ts";
import { compare, type Position } from "./position.ts";

export interface FollowerOptions {
  readonly self: string;
  readonly log: ChangeLog;
  readonly clock: Clock;
  readonly publish: (message: FeedMessage) => Promise<void>;
  readonly notify: () => void;
  /** False while too much waits to be judged: pieces are then left, and asked for later. */
  readonly hasRoom: () => boolean;
}

const HELLO_MS = 4_000;
/** What was asked for must have begun to come within this. */
const ANSWER_MS = 2_000;

export class Follower {
  readonly #options: FollowerOptions;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs: number | null = null;
  /** Something is known to be missing. */
  #isBehind = true;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** Nothing is known of what was said meanwhile. */
  resync(): void {
    this.#isBehind = true;
    this.#askedAtMs = null;
    this.beat();
  }

  /** About once a second. */
  beat(): void {
    const { clock, hasRoom } = this.#options;
    const nowMs = clock.monotonic();
    const isLate = this.#askedAtMs === null || nowMs - this.#askedAtMs > ANSWER_MS;
    if (this.#isBehind && isLate && hasRoom()) this.#ask(nowMs);
    else if (nowMs - this.#saidAtMs > HELLO_MS) this.#say(null, nowMs);
  }

  hear(message: PieceMessage | RestartMessage): void {
    const { self, log, notify } = this.#options;
    if (message.to !== null && message.to !== self) return;
    if (message.kind === "restart") {
      // What was not asked for is an old message that somebody has sent again.
      if (!this.#isBehind) return;
      this.#askedAtMs = this.#options.clock.monotonic();
      // From the first piece on it is as new; what is here already would have been asked for behind.
      log.reset(message.incarnation, message.floor);
      notify();
      return;
    }
    this.#take(message);
  }

  #take({ incarnation, prev, last, isEnd, to, changes }: PieceMessage): void {
    const { log, clock, notify, hasRoom } = this.#options;
    const fits = incarnation === log.incarnation && compare(prev, log.covered) <= 0;
    if (!fits || !hasRoom()) {
      this.#isBehind = true;
      if (to === null) this.beat();
      return;
    }
    const nowMs = clock.monotonic();
    for (const change of changes) log.append(change, nowMs);
    log.advance(last);
    if (to !== null) this.#askedAtMs = nowMs;
    if (isEnd) {
      this.#isBehind = false;
      this.#askedAtMs = null;
    }
    notify();
  }

  #ask(nowMs: number): void {
    this.#askedAtMs = nowMs;
    this.#say(this.#options.log.covered, nowMs);
  }

  #say(want: Position | null, nowMs: number): void {
    const { self: from, log, publish } = this.#options;
    this.#saidAtMs = nowMs;
    void publish({ kind: "hello", from, incarnation: log.incarnation, want });
  }
}
