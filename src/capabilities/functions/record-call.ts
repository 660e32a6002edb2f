/** What is kept of a call once its answer has gone out. */
import type { RequestContext } from "../../core/context.ts";
import type { Chosen } from "./choose-version.ts";
import type { FunctionsParts } from "./parts.ts";

/** Error code of an answer that its client did not take whole. */
export const CLIENT_LEFT = "client_closed_request";

export interface Outcome {
  readonly chosen: Chosen;
  readonly status: number;
  readonly cold: boolean;
  readonly ms: number;
  readonly code: string | null;
  readonly bytesIn: number;
  /** Null: nothing was sent by the function. */
  readonly bytesOut: number | null;
  readonly memory: number | null;
}

/** A row of the call, and its bytes in the metrics. */
export function recordCall(
  parts: FunctionsParts,
  ctx: RequestContext,
  method: string,
  name: string,
  outcome: Outcome,
): void {
  const { chosen, status, code, bytesIn, bytesOut } = outcome;
  parts.metrics.transferred(name, bytesIn, bytesOut ?? 0);
  const isFailure = status >= 500 || isFault(status, code);
  if (!isFailure && !isSampled(ctx.id, parts.config.invocations_sample)) return;
  parts.state(ctx.tenant).records.addInvocation({
    name,
    version: chosen.version.version,
    shared: chosen.isShare,
    request_id: ctx.id,
    method,
    status,
    duration_ms: outcome.ms,
    cold: outcome.cold,
    bytes_in: bytesIn,
    bytes_out: bytesOut,
    peak_memory_bytes: outcome.memory,
    error_code: code,
    at: parts.deps.clock.now(),
  });
}

/** An answer that its client left before the end is none: that is how streams without an end are left. */
export function isFault(status: number, code: string | null): boolean {
  return code !== null && (status >= 400 || code !== CLIENT_LEFT);
}

const SAMPLE_STEPS = 1_000_000;

/** By the request's id, so that every function it goes through decides alike. */
function isSampled(requestId: string, share: number): boolean {
  if (share >= 1) return true;
  return Number(Bun.hash(requestId) % BigInt(SAMPLE_STEPS)) < share * SAMPLE_STEPS;
}
