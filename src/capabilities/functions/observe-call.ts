/**
 * Around the run of a call: measures it, counts it, records it, and puts the server's own headers on
 * whatever comes back, answer or error. The record is written when the body has gone out, so that it
 * tells how much that was and whether it was whole.
 */
import type { RequestContext } from "../../core/context.ts";
import { coreErrors, ReactorError } from "../../core/errors.ts";
import type { FunctionAnswer } from "../../core/ports/function-runtime.ts";
import { runtimeErrors } from "../../runtime/errors.ts";
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
  let isRecorded = false;
  const finish = (outcome: Outcome) => {
    if (!isRecorded) record(parts, ctx, request.method, name, outcome);
    isRecorded = true;
  };
  let body: Answered["body"] = null;
  try {
    const { answer, chosen } = await run(upload.request);
    body = answer.body;
    const limitBytes = effectiveLimits(chosen.version, parts.config).bodyOutBytes;
    const head = headersOf(answer);
    checkLength(answer, head.length, name, limitBytes);
    const { status, cold } = answer;
    const ms = elapsedMs(parts, ctx);
    const end = (bytesOut: number, code: string | null) => {
      const memory = answer.peakMemoryBytes?.() ?? null;
      finish({ chosen, status, cold, ms, code, bytesIn: upload.bytes(), bytesOut, memory });
    };
    if (body instanceof ReadableStream) {
      body = counted(body, head.length, { name, limitBytes }, end);
    }
    if (request.method === "HEAD") leaveLengthOpen(answer, head.headers);
    setOwn(head.headers, name, chosen, ms);
    head.headers["X-Reactor-Cold-Start"] = String(cold);
    const response = responseOf(name, answer, head, body);
    observe(parts, { name, chosen, status, cold, code: null }, ms);
    if (!(body instanceof ReadableStream)) end(body?.length ?? 0, null);
    return response;
  } catch (error) {
    const known = explained(error, parts, called);
    const { chosen } = called;
    const { status, code } = known;
    const ms = elapsedMs(parts, ctx);
    observe(parts, { name, chosen, status, cold: false, code }, ms);
    const rest = { bytesIn: upload.bytes(), bytesOut: null, memory: null };
    finish({ chosen, status, cold: false, ms, code, ...rest });
    if (body instanceof ReadableStream) body.cancel().catch(() => undefined);
    throw withHeaders(known, setOwn({}, name, chosen, ms));
  }
}

const NONE = () => 0;

/** How many bytes came: as announced, else as read so far. */
function countedUpload(request: Request): { request: Request; bytes: () => number } {
  const { method } = request;
  if (method === "GET" || method === "HEAD") return { request, bytes: NONE };
  const announced = request.headers.get("content-length");
  // Before `body` is touched, which makes a stream of it.
  if (announced !== null) return { request, bytes: () => Number(announced) };
  const { body, headers, signal, url } = request;
  if (!body) return { request, bytes: NONE };
  let count = 0;
  const counting = countedBody(body, null, (bytes) => {
    count = bytes;
  });
  return {
    request: new Request(url, { method, headers, signal, body: counting }),
    bytes: () => count,
  };
}

type Answered = Pick<FunctionAnswer, "status" | "statusText" | "headers" | "body">;

/** What of an answer's headers may be sent. */
interface AnswerHead {
  readonly headers: Record<string, string>;
  /** One header each. */
  readonly cookies: readonly string[];
  /** As announced; null where it is not, or where the whole body says it. */
  readonly length: number | null;
}

/** Of the connection, or the server's own, whatever the function says. */
const NOT_PASSED_ON =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|te|trailer|date|x-reactor-.*)$/;

function headersOf({ headers: said, body }: Answered): AnswerHead {
  const headers: Record<string, string> = {};
  let cookies: readonly string[] = [];
  let length: number | null = null;
  for (const name in said) {
    const value = said[name];
    if (value === undefined || NOT_PASSED_ON.test(name)) continue;
    if (name === "set-cookie") cookies = typeof value === "string" ? [value] : value;
    else if (name === "content-length" && body !== null) length = lengthIn(String(value), body);
    else headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  return { headers, cookies, length };
}

const lengthIn = (value: string, body: Answered["body"]) =>
  body instanceof ReadableStream && /^\d{1,15}$/.test(value) ? Number(value) : null;

const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * To HEAD a length that is not known is not told (RFC 9110 §9.3.2): to an answer without a body Bun adds
 * a length of 0, unless it is said that GET would be chunked (RFC 9112 §6.1).
 */
function leaveLengthOpen({ status, body }: Answered, headers: Record<string, string>): void {
  if (body !== null || BODYLESS.has(status) || "content-length" in headers) return;
  headers["transfer-encoding"] = "chunked";
}

/** @throws function_failed: a header that cannot be sent */
function responseOf(
  name: string,
  { status, statusText = "" }: Answered,
  { headers, cookies, length }: AnswerHead,
  body: Answered["body"],
): Response {
  if (length !== null) headers["content-length"] = String(length);
  try {
    const response = new Response(body, { status, statusText, headers });
    for (const cookie of cookies) response.headers.append("set-cookie", cookie);
    return response;
  } catch (error) {
    throw runtimeErrors.function_failed(`The answer of "${name}" cannot be sent: ${String(error)}`);
  }
}

/** An answer that says that it is too large is an error; one that turns out to be is broken off. */
function checkLength(
  { body }: Answered,
  announced: number | null,
  name: string,
  limitBytes: number | null,
): void {
  const length = body instanceof Uint8Array ? body.length : (announced ?? 0);
  if (limitBytes !== null && length > limitBytes) {
    throw functionsErrors.answer_too_large(name, limitBytes);
  }
}

/** Calls `end` once, when the body has gone out. */
function counted(
  body: ReadableStream<Uint8Array>,
  announced: number | null,
  { name, limitBytes }: { readonly name: string; readonly limitBytes: number | null },
  end: (bytesOut: number, code: string | null) => void,
): ReadableStream<Uint8Array> {
  let count = 0;
  return countedBody(
    body,
    announced,
    (bytes) => {
      count = bytes;
      if (limitBytes !== null && bytes > limitBytes) {
        throw functionsErrors.answer_too_large(name, limitBytes);
      }
    },
    (error) => end(count, error === null ? null : codeOf(error)),
  );
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

/** Until now, with three decimals. */
function elapsedMs({ deps }: FunctionsParts, { startedAt }: RequestContext): number {
  return Math.round((deps.clock.monotonic() - startedAt) * 1000) / 1000;
}

/** Once for each call: what the function answered counts only when it can be sent. */
function observe({ metrics }: FunctionsParts, measured: Measured, durationMs: number): void {
  metrics.observe({ ...measured, isShare: measured.chosen.isShare, durationMs });
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

/** Headers that begin with `X-Reactor-` are the server's, whatever the function says. */
function setOwn(
  headers: Record<string, string>,
  name: string,
  { version, isShare }: Chosen,
  ms: number,
): Record<string, string> {
  headers["X-Reactor-Function"] = name;
  headers["X-Reactor-Version"] = version.version;
  if (isShare) headers["X-Reactor-Version-Share"] = "true";
  headers["X-Reactor-Duration-Ms"] = String(ms);
  return headers;
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
