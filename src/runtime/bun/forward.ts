/**
 * Carries one call to a runner and its answer back, over the runner's link: bodies stream both ways,
 * small ones are taken whole because that is cheaper. Knows nothing of processes.
 */
import { coreErrors } from "../../core/errors.ts";
import type { Answer } from "../calls/answer-head.ts";
import type { CallBody } from "../calls/call-sender.ts";
import type { Child } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import type { CallHeader, RequestCall } from "../messages.ts";
import { orAborted } from "../read-input.ts";
import type { ActiveCall } from "./active-call.ts";

/** Bodies of a known length up to this are not streamed. */
const WHOLE_BODY_BYTES = 64 * 1024;
/** Of what a function failed with; the runner cuts at as many characters. */
const FAILURE_BYTES = 16 * 1024;

/** The process will not run it, and the function has not seen it. */
export class CallNotBegun extends Error {}

/**
 * Throws `function_failed` when the function threw, `payload_too_large` for a body over its limit,
 * `CallNotBegun`, `CallNotSent`, `CallRefused` and `ProcessGone`. `active.finish()` is called when the last
 * byte of the answer is here.
 */
export async function forwardCall(
  active: ActiveCall,
  child: Pick<Child, "call" | "isHost">,
): Promise<Answer> {
  const body = requestBody(active, active.call.spec.limits.bodyInBytes);
  const ready = body instanceof Promise ? await body : body;
  if (active.failure) throw active.failure;
  const sent = child.call(requestCall(active), ready, (isThrough) => {
    active.isThrough = isThrough;
    active.finish();
  });
  active.controller.onAbort(() => sent.cancel(active.failure));
  const answer = await sent.answer;
  // Where the code of others answers, it would have its processes started again and again.
  if (child.isHost && answer.outcome === "not-begun") throw new CallNotBegun();
  active.answered = true;
  active.isThrough = !(answer.body instanceof ReadableStream);
  if (answer.outcome === undefined) {
    if (active.isThrough) active.finish();
    return answer;
  }
  throw runtimeErrors.function_failed(failureText(answer.body) || "The function failed");
}

function failureText(body: Answer["body"]): string {
  if (!(body instanceof ReadableStream)) return textOf(body?.subarray(0, FAILURE_BYTES));
  // Of a function that says it is the runner.
  body.cancel().catch(() => undefined);
  return "";
}

const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

function requestBody(active: ActiveCall, limitBytes: number): CallBody | Promise<CallBody> {
  const { request } = active.call;
  if (request.method === "GET" || request.method === "HEAD") return null;
  if (active.whole) return active.whole;
  const declared = request.headers["content-length"];
  const length = declared === undefined ? null : Number(declared);
  if (length !== null && length > limitBytes) throw coreErrors.payload_too_large(limitBytes);
  active.uploading = true;
  if (length !== null && length <= WHOLE_BODY_BYTES) return wholeBody(active);
  const { body } = request;
  if (body) return meteredBody(active, body, limitBytes);
  active.uploading = false;
  return null;
}

async function wholeBody(active: ActiveCall): Promise<Uint8Array<ArrayBuffer>> {
  active.whole = await orAborted(active.call.request.bytes(), active.controller);
  active.uploading = false;
  return active.whole;
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

function requestCall(active: ActiveCall): RequestCall {
  const { url, method, headers } = active.call.request;
  return { url, method, headers, call: callHeader(active) };
}

/** What the runner knows of a call beside the request: nothing of the caller's credentials. */
export function callHeader({ number: n, call: { requestId: id, caller } }: ActiveCall): CallHeader {
  return caller?.org ? { id, n, org: caller.org } : { id, n };
}
