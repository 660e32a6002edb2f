/**
 * The answer of InvokeWithResponseStream: frames with parts of the payload, and one at the end that
 * says how it ended. A handler that sets status and headers sends them ahead as JSON and eight zeros.
 */
import type { ActiveCall } from "../bun/active-call.ts";
import { runtimeErrors } from "../errors.ts";
import { parsed, readHead } from "./answer-head.ts";
import { functionError, lambdaErrors } from "./errors.ts";
import { type EventFrame, EventStreamReader } from "./event-stream.ts";
import { BadLambdaAnswer, hasNoBody, isRecord } from "./http-event.ts";

/** Throws lambda_bad_answer and what the function's failure becomes, as long as no head is there. */
export async function streamAnswer(
  active: ActiveCall,
  answer: Response,
  onLogTail: (base64: string) => void,
): Promise<Response> {
  const parts = payloads(active, answer, onLogTail);
  try {
    const { head, rest } = await readHead(parts, answer.headers.get("content-type") ?? "");
    if (active.call.request.method === "HEAD" || hasNoBody(head.status)) {
      await parts.return(undefined);
      active.finish();
      return new Response(null, head);
    }
    return new Response(bodyOf(active, parts, rest), head);
  } catch (error) {
    throw explained(active, error);
  }
}

function explained(active: ActiveCall, error: unknown): unknown {
  if (active.failure) return active.failure;
  const { name } = active.call.spec;
  return error instanceof BadLambdaAnswer
    ? lambdaErrors.lambda_bad_answer(name, error.message)
    : error;
}

/** Until the frame that ends it. */
async function* payloads(
  active: ActiveCall,
  answer: Response,
  onLogTail: (base64: string) => void,
): AsyncGenerator<Uint8Array, void> {
  const reader = new EventStreamReader();
  for await (const chunk of answer.body ?? []) {
    for (const frame of reader.push(chunk as Uint8Array)) {
      if (frame.headers[":event-type"] === "PayloadChunk") {
        if (frame.payload.length > 0) yield frame.payload;
      } else if (isEnd(active.call.spec.name, frame, onLogTail)) return;
    }
  }
  reader.end();
  throw new BadLambdaAnswer("The stream of AWS Lambda ended before it was complete");
}

/** Other events than the two are for later versions of the protocol. Throws when it ended badly. */
function isEnd(name: string, frame: EventFrame, onLogTail: (base64: string) => void): boolean {
  const { headers, payload } = frame;
  const kind = headers[":message-type"];
  if (kind === "exception" || kind === "error") {
    const what = headers[":exception-type"] ?? headers[":error-code"] ?? "unknown";
    throw lambdaErrors.lambda_unavailable(name, what);
  }
  if (headers[":event-type"] !== "InvokeComplete") return false;
  const complete = parsed(payload);
  const { ErrorCode, ErrorDetails, LogResult } = isRecord(complete) ? complete : {};
  if (typeof LogResult === "string") onLogTail(LogResult);
  if (typeof ErrorCode !== "string" || ErrorCode === "") return true;
  const details = typeof ErrorDetails === "string" ? parsed(Buffer.from(ErrorDetails)) : null;
  throw functionError(
    name,
    isRecord(details) ? details : { errorType: ErrorCode, errorMessage: ErrorDetails ?? ErrorCode },
  );
}

function bodyOf(
  active: ActiveCall,
  parts: AsyncGenerator<Uint8Array, void>,
  rest: Uint8Array,
): ReadableStream<Uint8Array> {
  let first = rest;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        if (first.length > 0) {
          controller.enqueue(first);
          first = new Uint8Array();
          return;
        }
        const { value, done } = await parts.next();
        if (!done) return controller.enqueue(value);
        active.finish();
        controller.close();
      } catch (error) {
        controller.error(explained(active, error));
        active.finish();
      }
    },
    async cancel() {
      active.abort(runtimeErrors.client_closed_request());
      active.finish();
      await parts.return(undefined);
    },
  });
}
