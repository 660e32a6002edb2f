/**
 * Runs a handler written for Node on AWS: takes invocations from the Runtime API one after the other,
 * calls `handler(event, context, callback)` and posts what comes of it.
 */
import { Readable } from "node:stream";
import { callScope } from "../../bun/runner/call-scope.ts";
import { isStreaming, ResponseStream } from "./response-stream.ts";
import { BASE, type RuntimeApi } from "./runtime-api.ts";

export type LambdaHandler = (...args: unknown[]) => unknown;

export interface HandlerFacts {
  readonly name: string;
  readonly version: string;
  readonly memoryMb: number;
  /** Logs what failed after the answer had begun. */
  onLateFailure(error: unknown): void;
}

interface HandlerCall {
  readonly id: string;
  readonly event: unknown;
  readonly context: object;
  readonly facts: HandlerFacts;
}

/** Never ends: as long as the process lives. */
export async function runHandler(
  api: RuntimeApi,
  handler: LambdaHandler,
  facts: HandlerFacts,
): Promise<never> {
  for (;;) {
    const next = await api.handle(new Request(`${BASE}/invocation/next`));
    const id = next.headers.get("lambda-runtime-aws-request-id") ?? "";
    const event: unknown = await next.json();
    const context = contextOf(id, Number(next.headers.get("lambda-runtime-deadline-ms")), facts);
    const run = () => runOne(api, handler, { id, event, context, facts });
    const scope = api.scopeOf(id);
    await (scope ? callScope.run(scope, run) : run());
  }
}

async function runOne(api: RuntimeApi, handler: LambdaHandler, call: HandlerCall): Promise<void> {
  const { id, event, context } = call;
  try {
    if (isStreaming(handler)) await streamOne(api, handler, call);
    else await post(api, id, JSON.stringify((await settled(handler, event, context)) ?? null));
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    const body = { errorType: name, errorMessage: message, stackTrace: (stack ?? "").split("\n") };
    const init = { method: "POST", body: JSON.stringify(body) };
    await api.handle(new Request(`${BASE}/invocation/${id}/error`, init));
  }
}

async function post(api: RuntimeApi, id: string, body: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body };
  await api.handle(new Request(`${BASE}/invocation/${id}/response`, init));
}

/** By promise, by callback, by `context.succeed` and its like, or by what is returned. */
function settled(handler: LambdaHandler, event: unknown, context: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, result?: unknown) => {
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    };
    const legacy = { done: callback, succeed: resolve, fail: reject };
    const returned = handler(event, Object.assign(context, legacy), callback);
    if (returned instanceof Promise) returned.then(resolve, reject);
    else if (handler.length < 3) resolve(returned);
  });
}

/** The response is posted with the first byte, so that a handler that fails before it is an error. */
async function streamOne(
  api: RuntimeApi,
  handler: LambdaHandler,
  { id, event, context, facts }: HandlerCall,
): Promise<void> {
  const stream = new ResponseStream();
  let isPosted = false;
  const ended = new Promise<void>((done) => stream.once("close", done));
  stream.once("readable", () => {
    isPosted = true;
    const headers = {
      "content-type": stream.contentType,
      "lambda-runtime-function-response-mode": "streaming",
    };
    const body = Readable.toWeb(stream) as unknown as ReadableStream<Uint8Array>;
    const init = { method: "POST", headers, body };
    void api.handle(new Request(`${BASE}/invocation/${id}/response`, init));
  });
  try {
    await handler(event, stream, context);
    if (!stream.writableEnded) stream.end();
    await ended;
  } catch (error) {
    if (!isPosted) throw error;
    facts.onLateFailure(error);
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function contextOf(awsRequestId: string, deadlineAt: number, facts: HandlerFacts): object {
  const { name, version, memoryMb } = facts;
  return {
    awsRequestId,
    functionName: name,
    functionVersion: version,
    invokedFunctionArn: arnOf(name),
    memoryLimitInMB: String(memoryMb),
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: version,
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, deadlineAt - Date.now()),
  };
}

/** There is no account; handlers that take the name out of it find it. */
export function arnOf(name: string): string {
  return `arn:aws:lambda:local:000000000000:function:${name}`;
}
