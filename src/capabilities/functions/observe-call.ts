/**
 * Around the run of a call: measures it, counts it, records it, and puts the server's own headers on
 * whatever comes back, answer or error. The record is written when the body has gone out, so that it
 * tells how much that was and whether it was whole.
 */
import type { RequestContext } from "../../core/context.ts";
import { coreErrors, ReactorError } from "../../core/errors.ts";
import type { FunctionAnswer } from "../../core/ports/function-runtime.ts";
import type { Chosen } from "./choose-version.ts";
import { countedBody } from "./counted-body.ts";
import { functionsErrors } from "./errors.ts";
import { effectiveLimits } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";

/** What ran: between lookup and run another version may have become active. */
export interface Ran {
  readonly answer: FunctionAnswer;
  readonly chosen: Chosen;
}

/** The function and the version that the call was meant for. */
export interface Called {
  readonly name: string;
  readonly chosen: Chosen;
}

/** @throws what `run` throws, as a ReactorError with the headers of the call */
export async function observeCall(
  parts: FunctionsParts,
  ctx: RequestContext,
  request: Request,
  called: Called,
  run: (request: Request) => Promise<Ran>,
): Promise<Response> {
  const { name } = called;
  const upload = countedUpload(request);
  const finish = (outcome: Outcome) => record(parts, ctx, request.method, name, outcome);
  try {
    const { answer, chosen } = await run(upload.request);
    const limitBytes = effectiveLimits(chosen.version, parts.config).bodyOutBytes;
    checkLength(answer.response, name, limitBytes);
    const { status } = answer.response;
    const { cold } = answer;
    const ms = measure(parts, ctx, { name, chosen, status, cold, code: null });
    const whole = marked(answer, name, chosen, ms);
    const peak = answer.peakMemoryBytes;
    const tooLarge = limitBytes === null ? null : { name, limitBytes };
    return counted(request.method, whole, tooLarge, (bytesOut, code) => {
      const memory = peak?.() ?? null;
      finish({ chosen, status, cold, ms, code, bytesIn: upload.bytes(), bytesOut, memory });
    });
  } catch (error) {
    const known = explained(error, parts, called);
    const { chosen } = called;
    const { status, code } = known;
    const ms = measure(parts, ctx, { name, chosen, status, cold: false, code });
    const rest = { bytesIn: upload.bytes(), bytesOut: null, memory: null };
    finish({ chosen, status, cold: false, ms, code, ...rest });
    throw withHeaders(known, ownHeaders(name, chosen, ms));
  }
}

/** How many bytes came: as announced, else as read so far. */
function countedUpload(request: Request): { request: Request; bytes: () => number } {
  const { method, headers, signal, url } = request;
  const announced = headers.get("content-length");
  // Before `body` is touched, which makes a stream of it.
  if (announced !== null) return { request, bytes: () => Number(announced) };
  const { body } = request;
  if (!body) return { request, bytes: () => 0 };
  let count = 0;
  const counting = countedBody(body, (bytes) => {
    count = bytes;
  });
  return {
    request: new Request(url, { method, headers, signal, body: counting }),
    bytes: () => count,
  };
}

/** An answer that says that it is too large is an error; one that turns out to be is broken off. */
function checkLength(response: Response, name: string, limitBytes: number | null): void {
  const length = Number(response.headers.get("content-length") ?? "0");
  if (limitBytes === null || length <= limitBytes) return;
  response.body?.cancel().catch(() => undefined);
  throw functionsErrors.answer_too_large(name, limitBytes);
}

/** Statuses whose answers have no body. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** Calls `end` once: at once where the length is known, else when the body has gone out. */
function counted(
  method: string,
  response: Response,
  bound: { readonly name: string; readonly limitBytes: number } | null,
  end: (bytesOut: number, code: string | null) => void,
): Response {
  const { headers, status } = response;
  const length = headers.get("content-length");
  const hasNone = method === "HEAD" || BODYLESS.has(status);
  const body = hasNone || length !== null ? null : response.body;
  if (!body) {
    end(hasNone ? 0 : Number(length ?? "0"), null);
    return response;
  }
  let count = 0;
  const counting = countedBody(
    body,
    (bytes) => {
      count = bytes;
      if (bound && bytes > bound.limitBytes) {
        throw functionsErrors.answer_too_large(bound.name, bound.limitBytes);
      }
    },
    (error) => end(count, error === null ? null : codeOf(error)),
  );
  return new Response(counting, { status, headers });
}

function codeOf(error: unknown): string {
  return error instanceof ReactorError ? error.code : "answer_interrupted";
}

interface Measured {
  readonly name: string;
  readonly chosen: Chosen;
  readonly status: number;
  readonly cold: boolean;
  readonly code: string | null;
}

/** Milliseconds until now, with three decimals. */
function measure(parts: FunctionsParts, ctx: RequestContext, measured: Measured): number {
  const ms = Math.round((parts.deps.clock.monotonic() - ctx.startedAt) * 1000) / 1000;
  parts.metrics.observe({ ...measured, isShare: measured.chosen.isShare, durationMs: ms });
  return ms;
}

interface Outcome {
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

function record(
  parts: FunctionsParts,
  ctx: RequestContext,
  method: string,
  name: string,
  outcome: Outcome,
): void {
  const { chosen, status, code, bytesIn, bytesOut } = outcome;
  parts.metrics.transferred(name, bytesIn, bytesOut ?? 0);
  const isFailure = status >= 500 || code !== null;
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
    at: new Date(parts.deps.clock.now()).toISOString(),
  });
}

const SAMPLE_STEPS = 1_000_000;

/** By the request's id, so that every function it goes through decides alike. */
function isSampled(requestId: string, share: number): boolean {
  if (share >= 1) return true;
  return Number(Bun.hash(requestId) % BigInt(SAMPLE_STEPS)) < share * SAMPLE_STEPS;
}

function ownHeaders(name: string, { version, isShare }: Chosen, ms: number) {
  return {
    "X-Reactor-Function": name,
    "X-Reactor-Version": version.version,
    ...(isShare ? { "X-Reactor-Version-Share": "true" } : {}),
    "X-Reactor-Duration-Ms": String(ms),
  };
}

/** Headers that begin with `X-Reactor-` are the server's, whatever the function says. */
function marked(answer: FunctionAnswer, name: string, chosen: Chosen, ms: number): Response {
  const { headers } = answer.response;
  for (const key of [...headers.keys()]) if (key.startsWith("x-reactor-")) headers.delete(key);
  for (const [key, value] of Object.entries(ownHeaders(name, chosen, ms))) headers.set(key, value);
  headers.set("X-Reactor-Cold-Start", String(answer.cold));
  return answer.response;
}

function explained(error: unknown, parts: FunctionsParts, { name, chosen }: Called): ReactorError {
  if (!(error instanceof ReactorError)) return coreErrors.internal_error(error);
  if (error.code !== "payload_too_large") return error;
  const { bodyInBytes } = effectiveLimits(chosen.version, parts.config);
  return functionsErrors.body_too_large(name, bodyInBytes);
}

function withHeaders(error: ReactorError, headers: Record<string, string>): ReactorError {
  const { status, code, message, details, hint, extra, cause } = error;
  return new ReactorError({
    ...{ status, code, message, details, hint, extra },
    headers: { ...error.headers, ...headers },
    ...(cause === undefined ? {} : { cause }),
  });
}
