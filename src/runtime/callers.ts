/**
 * In whose names the code of one child may ask this server. Credentials stay here: the child knows each call
 * by a number, and the server puts on a request what the number stands for as long as that call lives.
 */
import { BriefMap } from "../core/brief-map.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { CallerHeaders } from "../core/ports/function-runtime.ts";

/** Calls that have ended and still may ask, of one child; beyond it the oldest may no more. */
const ENDED_MAX = 10_000;
const ANONYMOUS: CallerHeaders = { authorization: null, apikey: null };

interface Ended {
  readonly caller: CallerHeaders;
  /** Monotonic milliseconds. */
  readonly until: number;
  /** Its answer is through, and it may ask for the work's sake that it has promised. */
  readonly isForWork: boolean;
}

export class Callers {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #live = new BriefMap<CallerHeaders>();
  /** Of these, the calls with work that goes on after their answers. */
  readonly #working = new Set<number>();
  /** In order of their ends, which is the order of `until`: one child's calls have one deadline. */
  readonly #ended = new Map<number, Ended>();
  #last = 0;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** A call begins. Its number is no secret: it means something among this child's calls only. */
  enter(caller: CallerHeaders = ANONYMOUS): number {
    this.#last += 1;
    this.#live.set(this.#last, caller);
    return this.#last;
  }

  /**
   * A call has ended.
   *
   * @param isThrough the child has answered it; one that was cut off has things to put in order
   * @param graceMs for how long it may ask if it was cut off or goes on with work
   */
  leave(call: number, isThrough: boolean, graceMs: number): void {
    const caller = this.#live.get(call);
    if (!caller) return;
    this.#live.delete(call);
    const works = this.#working.delete(call);
    if (isThrough && !works) return;
    this.#sweep();
    const until = this.#clock.monotonic() + graceMs;
    this.#ended.set(call, { caller, until, isForWork: isThrough });
  }

  /** The child says whether work of this call goes on after its answer. Rights that ended stay so. */
  works(call: number, isWorking: boolean): void {
    if (isWorking && this.#live.has(call)) this.#working.add(call);
    if (isWorking) return;
    this.#working.delete(call);
    if (this.#ended.get(call)?.isForWork) this.#ended.delete(call);
  }

  /** Null once the call has ended, and for what is no call of this child. */
  of(call: number): CallerHeaders | null {
    const caller = this.#live.get(call);
    if (caller) return caller;
    const ended = this.#ended.get(call);
    return ended && ended.until > this.#clock.monotonic() ? ended.caller : null;
  }

  /** Those whose time is over, and room for one. */
  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [call, { until }] of this.#ended) {
      if (until > now && this.#ended.size < ENDED_MAX) return;
      this.#ended.delete(call);
    }
  }
}
