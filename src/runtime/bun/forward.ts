/**
 * Carries one call to a runner and its answer back, as HTTP over the runner's Unix socket: bodies
 * stream both ways, small ones are taken whole because that is cheaper. Knows nothing of processes.
 */
import { coreErrors } from "../../core/errors.ts";
import type { Child } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import { CALL_HEADER, type CallHeader, NOT_BEGUN, OUTCOME_HEADER } from "../messages.ts";
import { orAborted } from "../read-input.ts";
import type { ActiveCall } from "./active-call.ts";

/** Bodies of a known length up to this are not streamed. */
const WHOLE_BODY_BYTES = 64 * 1024;
/** Of what a function failed with; the runner cuts at as many characters. */
const FAILURE_BYTES = 16 * 1024;
/** `fetch` adds these by itself; the function must not see what the caller did not send. */
const ADDED_BY_FETCH = ["accept", "accept-encoding", "user-agent"];
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "date", OUTCOME_HEADER];

/** The process will not run it, and the function has not seen it. */
export class CallNotBegun extends Error {}

/**
 * Throws `function_failed` when the function threw, `payload_too_large` for a body over its limit,
 * and the transport's error when the runner went away. `active.finish()` is called when the last byte
 * of the answer is out.
 */
export async function forwardCall(
  active: ActiveCall,
  { socket, isHost }: Pick<Child, "socket" | "isHost">,
): Promise<Response> {
  const { request, spec } = active.call;
  const { body, length } = await requestBody(active, spec.limits.bodyInBytes);
  const headers = privateHeaders(active, length);
  const init: BunFetchRequestInit = {
    unix: socket,
    method: request.method,
    headers,
    body,
    signal: active.controller.signal,
    redirect: "manual",
    decompress: false,
  };
  const answer = await fetch(request.url.replace(/^https:/, "http:"), init);
  // Where the code of others answers, it would have its processes started again and again.
  if (isHost && answer.headers.get(OUTCOME_HEADER) === NOT_BEGUN) throw new CallNotBegun();
  active.answered = true;
  if (answer.headers.get(OUTCOME_HEADER) === "failed") {
    throw runtimeErrors.function_failed((await failureText(answer)) || "The function failed");
  }
  return answerOf(active, answer);
}

/** Of the runner, or of a function that says it is the runner: then there may be no end to it. */
async function failureText(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  while (reader && length < FAILURE_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    length += value.length;
  }
  await reader?.cancel();
  return Buffer.concat(pieces).subarray(0, FAILURE_BYTES).toString();
}

type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;

async function requestBody(
  active: ActiveCall,
  limitBytes: number,
): Promise<{ body: Body; length: number | null }> {
  const { request } = active.call;
  if (request.method === "GET" || request.method === "HEAD") return { body: null, length: null };
  const declared = request.headers["content-length"];
  const length = declared === undefined ? null : Number(declared);
  if (length !== null && length > limitBytes) throw coreErrors.payload_too_large(limitBytes);
  if (length === null || length > WHOLE_BODY_BYTES) {
    const { body } = request;
    if (!body) return { body: null, length: null };
    active.uploading = true;
    return { body: meteredBody(active, body, limitBytes), length: null };
  }
  active.uploading = true;
  const whole = active.whole ?? (await orAborted(request.bytes(), active.controller.signal));
  active.whole = whole;
  active.uploading = false;
  return { body: whole, length: whole.length };
}

/** Counts what passes and ends the call when it is more than the function takes. */
function meteredBody(
  active: ActiveCall,
  source: ReadableStream<Uint8Array>,
  limitBytes: number,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let sentBytes = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) {
        active.uploading = false;
        return controller.close();
      }
      sentBytes += value.length;
      if (sentBytes > limitBytes) {
        active.abort(coreErrors.payload_too_large(limitBytes));
        return controller.error(active.failure);
      }
      controller.enqueue(value);
    },
    cancel: (reason: unknown) => reader.cancel(reason),
  });
}

/** With the private header of the call. */
export function privateHeaders(active: ActiveCall, length: number | null): Record<string, string> {
  const { request, requestId, caller } = active.call;
  const { headers } = request;
  const drop = ADDED_BY_FETCH.filter((name) => headers[name] === undefined);
  const private_: CallHeader = {
    id: requestId,
    ...(caller?.authorization ? { authorization: caller.authorization } : {}),
    ...(caller?.apikey ? { apikey: caller.apikey } : {}),
    ...(caller?.org ? { org: caller.org } : {}),
    ...(request.url.startsWith("https:") ? { secure: true as const } : {}),
    ...(drop.length > 0 ? { drop } : {}),
  };
  const own: Record<string, string> = { ...headers, [CALL_HEADER]: JSON.stringify(private_) };
  delete own["transfer-encoding"];
  if (length === null) delete own["content-length"];
  return own;
}

async function answerOf(active: ActiveCall, answer: Response): Promise<Response> {
  const { headers } = answer;
  for (const name of HOP_BY_HOP) headers.delete(name);
  const init = { status: answer.status, statusText: answer.statusText, headers };
  const length = headers.get("content-length");
  if (!answer.body || active.call.request.method === "HEAD") {
    active.finish();
    return new Response(null, init);
  }
  if (length !== null && Number(length) <= WHOLE_BODY_BYTES) {
    const whole = await answer.bytes();
    active.finish();
    return new Response(whole, init);
  }
  return new Response(watchedBody(active, answer.body), init);
}

/** Passes the answer on and knows when it ended, was given up by the reader, or was cut. */
function watchedBody(
  active: ActiveCall,
  source: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        active.finish();
        controller.close();
      } catch (error) {
        controller.error(active.failure ?? error);
        active.finish();
      }
    },
    cancel() {
      active.abort(runtimeErrors.client_closed_request());
      active.finish();
    },
  });
}
