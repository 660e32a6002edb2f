/**
 * One call inside the runner: the request as the function shall see it, the function, its answer.
 * A throw becomes an answer marked as failed, which the server turns into `function_failed`.
 */
import type { Server } from "bun";
import { CALL_HEADER, type CallHeader, OUTCOME_HEADER } from "../../messages.ts";
import { callScope } from "./call-scope.ts";
import { type Upgrader, upgraderOf } from "./function-sockets.ts";
import type { RunnerLog } from "./runner-log.ts";

export type FunctionHandler = (
  request: Request,
  server: Upgrader,
) => Response | undefined | Promise<Response | undefined>;

const MESSAGE_MAX = 4096;
/** Between server and runner only. */
const TRANSPORT_HEADERS = [CALL_HEADER, "connection", "transfer-encoding"];

/** @returns nothing once the request has become a WebSocket. */
export function answerCall(
  handler: FunctionHandler,
  request: Request,
  server: Server<unknown>,
  log: RunnerLog,
): Promise<Response | undefined> {
  const call = JSON.parse(request.headers.get(CALL_HEADER) ?? "{}") as CallHeader;
  const seen = asSeenByFunction(request, call);
  let isUpgraded = false;
  const upgrader = upgraderOf(server, request, call, () => {
    isUpgraded = true;
  });
  return callScope.run(call, async () => {
    try {
      const answer: unknown = await handler(seen, upgrader);
      if (isUpgraded) return undefined;
      if (answer instanceof Response) return answer;
      throw new TypeError(`The function answered with ${kindOf(answer)} instead of a Response`);
    } catch (error) {
      return failedAnswer(error, log);
    }
  });
}

/** What the server makes `function_failed` of. */
export function failedAnswer(error: unknown, log: RunnerLog): Response {
  const headers = { [OUTCOME_HEADER]: "failed" };
  return new Response(told("the function threw", error, log), { status: 500, headers });
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

function asSeenByFunction(request: Request, call: CallHeader): Request {
  for (const name of TRANSPORT_HEADERS) request.headers.delete(name);
  for (const name of call.drop ?? []) request.headers.delete(name);
  if (!call.secure) return request;
  return new Request(request.url.replace(/^http:/, "https:"), request);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
