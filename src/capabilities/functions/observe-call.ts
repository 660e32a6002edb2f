/**
 * Around the run of a call: measures it, counts it, records it, and puts the server's own headers on
 * whatever comes back, answer or error. The record is written when the body has gone out, so that it
 * tells how much that was and whether it was whole.
 */
import type { RequestContext } from "../../core/context.ts";
import { coreErrors, ReactorError } from "../../core/errors.ts";
import type { FunctionAnswer, FunctionPlace } from "../../core/ports/function-runtime.ts";
import {
  type Answered,
  checkLength,
  headersOf,
  leaveLengthOpen,
  responseOf,
} from "./answer-head.ts";
import type { Chosen } from "./choose-version.ts";
import { countedBody } from "./counted-body.ts";
import { functionsErrors } from "./errors.ts";
import { effectiveLimits } from "./function-version.ts";
import type { FunctionsParts } from "./parts.ts";
import { CLIENT_LEFT, isFault, type Outcome, recordCall } from "./record-call.ts";

/** What ran: between lookup and run another version may have become active. */
export interface Ran {
  readonly answer: FunctionAnswer;
  readonly chosen: Chosen;
}

export type OnPlaced = (place: FunctionPlace) => void;

/** Known before there is an answer, and where there will be none. */
interface Placed {
  place: FunctionPlace | null;
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
  run: (request: Request, onPlaced: OnPlaced) => Promise<Ran>,
): Promise<Response> {
  const { name } = called;
  const upload = countedUpload(request);
  let isRecorded = false;
  const finish = (outcome: Outcome) => {
    if (!isRecorded) recordCall(parts, ctx, request.method, name, outcome);
    isRecorded = true;
  };
  let body: Answered["body"] = null;
  const placed: Placed = { place: null };
  try {
    const { answer, chosen } = await run(upload.request, (place) => {
      placed.place = place;
    });
    body = answer.body;
    const limitBytes = effectiveLimits(chosen.version, parts.config).bodyOutBytes;
    const head = headersOf(answer);
    checkLength(answer, head.length, name, limitBytes);
    const { status, cold } = answer;
    const ms = elapsedMs(parts, ctx);
    const end = (bytesOut: number, code: string | null) => {
      if (!isRecorded && code !== null && isFault(status, code)) parts.metrics.failed(name, code);
      const memory = peakOf(answer);
      finish({ chosen, status, cold, ms, code, bytesIn: upload.bytes(), bytesOut, memory });
    };
    if (body instanceof ReadableStream) {
      body = counted(body, head.length, { name, limitBytes }, end);
    }
    if (request.method === "HEAD") leaveLengthOpen(answer, head.headers);
    setOwn(head.headers, { name, chosen, ms, cold });
    const response = responseOf(name, answer, head, body);
    observe(parts, { name, chosen, status, cold, code: null }, ms);
    if (!(body instanceof ReadableStream)) end(body?.length ?? 0, null);
    return response;
  } catch (error) {
    const known = explained(error, parts, called);
    const { chosen } = called;
    const { status, code } = known;
    const ms = elapsedMs(parts, ctx);
    const { place } = placed;
    const cold = place?.cold ?? false;
    observe(parts, { name, chosen, status, cold, code }, ms);
    const rest = { bytesIn: upload.bytes(), bytesOut: null, memory: peakOf(place) };
    finish({ chosen, status, cold, ms, code, ...rest });
    if (body instanceof ReadableStream) body.cancel().catch(() => undefined);
    throw withHeaders(known, setOwn({}, { name, chosen, ms, cold: place && cold }));
  }
}

/** Bytes; null where nobody knows them. */
const peakOf = (place: FunctionPlace | null) => place?.peakMemoryBytes?.() || null;

const NONE = () => 0;

/** How many bytes came: as announced, once somebody reads them, else as read so far. */
function countedUpload(request: Request): { request: Request; bytes: () => number } {
  const { method } = request;
  if (method === "GET" || method === "HEAD") return { request, bytes: NONE };
  const announced = request.headers.get("content-length");
  // Before `body` is touched, which makes a stream of it.
  if (announced !== null) {
    return { request, bytes: () => (request.bodyUsed ? Number(announced) : 0) };
  }
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
    () => end(count, CLIENT_LEFT),
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

interface Own {
  readonly name: string;
  readonly chosen: Chosen;
  readonly ms: number;
  /** Null: it came to no process. */
  readonly cold: boolean | null;
}

/** Headers that begin with `X-Reactor-` are the server's, whatever the function says. */
function setOwn(
  headers: Record<string, string>,
  { name, chosen: { version, isShare }, ms, cold }: Own,
): Record<string, string> {
  headers["X-Reactor-Function"] = name;
  headers["X-Reactor-Version"] = version.version;
  if (isShare) headers["X-Reactor-Version-Share"] = "true";
  headers["X-Reactor-Duration-Ms"] = String(ms);
  if (cold !== null) headers["X-Reactor-Cold-Start"] = String(cold);
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
