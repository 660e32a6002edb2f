/**
 * Around the run of a call: measures it, counts it, records it, and puts the server's own headers on
 * whatever comes back, answer or error.
 */
import type { RequestContext } from "../../core/context.ts";
import { coreErrors, ReactorError } from "../../core/errors.ts";
import type { FunctionAnswer } from "../../core/ports/function-runtime.ts";
import { functionsErrors } from "./errors.ts";
import { type ActiveFunction, effectiveLimits } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";

/** What ran: between lookup and run another version may have become active. */
export interface Ran {
  readonly answer: FunctionAnswer;
  readonly version: string;
}

/** @throws what `run` throws, as a ReactorError with the headers of the call */
export async function observeCall(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  found: ActiveFunction,
  run: () => Promise<Ran>,
): Promise<Response> {
  const { name } = found;
  try {
    const { answer, version } = await run();
    const ms = record(parts, ctx, request, {
      name,
      version,
      cold: answer.cold,
      ...outcome(answer),
    });
    return marked(answer, name, version, ms);
  } catch (error) {
    const known = explained(error, parts, found);
    const { version } = found.active;
    const { status, code } = known;
    const ms = record(parts, ctx, request, { name, version, cold: false, status, code });
    throw withHeaders(known, { ...ownHeaders(name, version, ms) });
  }
}

const outcome = ({ response }: FunctionAnswer) => ({ status: response.status, code: null });

interface Outcome {
  readonly name: string;
  readonly version: string;
  readonly cold: boolean;
  readonly status: number;
  readonly code: string | null;
}

/** Milliseconds until now, with three decimals. */
function record(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  { name, version, cold, status, code }: Outcome,
): number {
  const { clock } = parts.deps;
  const ms = Math.round((clock.monotonic() - ctx.startedAt) * 1000) / 1000;
  parts.metrics.observe(name, status, cold, ms);
  parts.state(ctx.tenant).records.addInvocation({
    name,
    version,
    request_id: ctx.id,
    method: request.method,
    status,
    duration_ms: ms,
    cold,
    error_code: code,
    at: new Date(clock.now()).toISOString(),
  });
  return ms;
}

function ownHeaders(name: string, version: string, ms: number): Record<string, string> {
  return {
    "X-Reactor-Function": name,
    "X-Reactor-Version": version,
    "X-Reactor-Duration-Ms": String(ms),
  };
}

/** Headers that begin with `X-Reactor-` are the server's, whatever the function says. */
function marked(answer: FunctionAnswer, name: string, version: string, ms: number): Response {
  const { headers } = answer.response;
  for (const key of [...headers.keys()]) if (key.startsWith("x-reactor-")) headers.delete(key);
  for (const [key, value] of Object.entries(ownHeaders(name, version, ms))) headers.set(key, value);
  headers.set("X-Reactor-Cold-Start", String(answer.cold));
  return answer.response;
}

function explained(error: unknown, parts: FunctionsParts, found: ActiveFunction): ReactorError {
  if (!(error instanceof ReactorError)) return coreErrors.internal_error(error);
  if (error.code !== "payload_too_large") return error;
  const { bodyInBytes } = effectiveLimits(found.active, parts.config);
  return functionsErrors.body_too_large(found.name, bodyInBytes);
}

function withHeaders(error: ReactorError, headers: Record<string, string>): ReactorError {
  const { status, code, message, details, hint, extra, cause } = error;
  return new ReactorError({
    ...{ status, code, message, details, hint, extra },
    headers: { ...error.headers, ...headers },
    ...(cause === undefined ? {} : { cause }),
  });
}
