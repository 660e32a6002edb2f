/**
 * What a request leaves behind for `server_timing_enabled` and `log_query`: how long its phases took
 * and the SQL it ran. Kept beside the request, and only where one of the two is on.
 */
import type { Clock } from "../../core/ports/clock.ts";

/** In the order of a request (docs.postgrest.org, "Server-Timing Header"). */
const PHASES = ["jwt", "parse", "plan", "transaction", "response"] as const;
export type Phase = (typeof PHASES)[number];

export class RequestTrace {
  readonly #clock: Clock;
  readonly #spentMs = new Map<Phase, number>();
  #phase: Phase = "jwt";
  #sinceMs: number;
  /** The SQL that ran. */
  readonly queries: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonic();
  }

  /** The phase before ends, this one begins. A request that runs again enters some twice. */
  enter(phase: Phase): void {
    const nowMs = this.#clock.monotonic();
    this.#spentMs.set(this.#phase, (this.#spentMs.get(this.#phase) ?? 0) + nowMs - this.#sinceMs);
    this.#phase = phase;
    this.#sinceMs = nowMs;
  }

  /** `Server-Timing`: the phases that were entered, up to the one the request is in now. */
  header(): string {
    this.enter(this.#phase);
    return PHASES.filter((phase) => this.#spentMs.has(phase))
      .map((phase) => `${phase};dur=${(this.#spentMs.get(phase) ?? 0).toFixed(1)}`)
      .join(", ");
  }
}

const traces = new WeakMap<Request, RequestTrace>();

export function attachTrace(request: Request, clock: Clock): RequestTrace {
  const trace = new RequestTrace(clock);
  traces.set(request, trace);
  return trace;
}

export function traceOf(request: Request): RequestTrace | null {
  return traces.get(request) ?? null;
}
