/**
 * One call inside the runner: the request as the function shall see it, the function, its answer.
 * A throw becomes an answer marked as failed, which the server turns into `function_failed`.
 */
import type { AnswerHeaders } from "../../../core/ports/function-runtime.ts";
import { type Answer, failure } from "../../calls/answer-head.ts";
import type { GivenAnswer, ReceivedCall } from "../../calls/call-receiver.ts";
import type { RequestCall } from "../../messages.ts";
import { callScope } from "./call-scope.ts";
import type { Upgrader } from "./function-sockets.ts";
import { madeOf } from "./response-bodies.ts";
import type { RunnerLog } from "./runner-log.ts";

export type FunctionHandler = (
  request: Request,
  server: Upgrader,
) => Response | undefined | Promise<Response | undefined>;

const MESSAGE_MAX = 4096;
/** As `Bun.serve` has them. */
const TEXT_TYPE = "text/plain;charset=utf-8";
const BYTES_TYPE = "application/octet-stream";
/** Statuses whose answers have no body. */
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);
/** A WebSocket's opening comes by another way. */
const NO_UPGRADE: Upgrader = { upgrade: () => false };

/** Never rejects. */
export function answerCall(
  handler: FunctionHandler,
  received: ReceivedCall,
  log: RunnerLog,
): Promise<GivenAnswer> {
  return callScope.run((received.head as RequestCall).call, answerInScope, handler, received, log);
}

async function answerInScope(
  handler: FunctionHandler,
  { head, body, abort }: ReceivedCall,
  log: RunnerLog,
): Promise<GivenAnswer> {
  const { url, method, headers } = head as RequestCall;
  try {
    const request = new Request(url, { method, headers, body, signal: abort.signal });
    const answer: unknown = await handler(request, NO_UPGRADE);
    const isHead = method === "HEAD";
    if (answer instanceof Response) return isHead ? await headOf(answer) : await answerOf(answer);
    throw new TypeError(`The function answered with ${kindOf(answer)} instead of a Response`);
  } catch (error) {
    return failedAnswer(error, log);
  }
}

/** What the server makes `function_failed` of. */
function failedAnswer(error: unknown, log: RunnerLog): Answer {
  return failure("failed", told("the function threw", error, log));
}

/** So that what its listeners print has the id of the call. */
export function runAsPartOf({ head }: ReceivedCall, run: () => void): void {
  callScope.run((head as RequestCall).call, run);
}

/** Into the log: the answer had begun, so there is nobody else to tell. */
export function tellBroken(call: ReceivedCall, error: unknown, log: RunnerLog): void {
  runAsPartOf(call, () => void told("the answer broke off", error, log));
}

/** Its message, once it is in the log. What was thrown is the function's own, and may throw when it is looked at. */
export function told(what: string, error: unknown, log: RunnerLog): string {
  try {
    log.failure(what, error);
    const message = error instanceof Error ? error.message : error;
    return String(message).slice(0, MESSAGE_MAX);
  } catch {
    return "The function threw something that cannot be read";
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Headed = Pick<Answer, "status" | "statusText"> & { headers: Mutable<AnswerHeaders> };

function headedBy({ status, statusText, headers }: Response): Headed {
  if (status < 200 || status > 599) throw new RangeError(`${status} is no status of an answer`);
  const own = headers.toJSON() as Mutable<AnswerHeaders>;
  return statusText === "" ? { status, headers: own } : { status, statusText, headers: own };
}

async function answerOf(response: Response): Promise<GivenAnswer> {
  const head = headedBy(response);
  const made = madeOf(response);
  if (made === null || BODYLESS.has(head.status)) return { ...head, body: null };
  if (made === "stream") {
    if (response.body?.locked) throw new TypeError("The stream of the answer is read already");
    return { ...head, body: response.body };
  }
  const body = made === "bytes" || response.bodyUsed ? await response.bytes() : made.text;
  head.headers["content-type"] ??= made === "bytes" ? BYTES_TYPE : TEXT_TYPE;
  return { ...head, body };
}

/** To HEAD: what GET would be told, and its length where that is known. */
async function headOf(response: Response): Promise<GivenAnswer> {
  const { body, ...head } = await answerOf(response);
  if (body instanceof ReadableStream) body.cancel().catch(() => undefined);
  else if (body !== null) {
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
    (head.headers as Headed["headers"])["content-length"] ??= String(length);
  }
  return { ...head, body: null };
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
