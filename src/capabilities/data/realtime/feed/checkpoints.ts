/**
 * How far a slot may be confirmed: the window stays unconfirmed, so that a server that starts anew is
 * sent it again and can serve whoever resumes.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { ChangeLog } from "./change-log.ts";

interface Checkpoint {
  readonly atMs: number;
  readonly lsn: bigint;
}

/** Steps in which the end of the window moves. */
const STEPS = 60;

export class Checkpoints {
  readonly #clock: Clock;
  readonly #windowMs: number;
  #points: Checkpoint[] = [];
  #past = 0n;

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** The source has come so far. */
  note(lsn: bigint): void {
    const atMs = this.#clock.monotonic();
    const last = this.#points.at(-1);
    if (last && atMs - last.atMs < this.#windowMs / STEPS) return;
    this.#points.push({ atMs, lsn });
  }

  /** Everything that committed before this position is out of the window. */
  confirmable(log: ChangeLog): bigint {
    const sinceMs = this.#clock.monotonic() - this.#windowMs;
    while (this.#points[0] && this.#points[0].atMs <= sinceMs) {
      this.#past = this.#points.shift()?.lsn ?? this.#past;
    }
    const { floor, oldest } = log;
    if (floor.lsn > this.#past) this.#past = floor.lsn;
    // A transaction of which one change is still wanted is sent again as a whole.
    return oldest && oldest.position.lsn < this.#past ? oldest.position.lsn : this.#past;
  }
}
