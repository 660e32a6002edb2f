/** Makes a bundle with a handler for AWS Lambda into what the runner calls: HTTP in, HTTP out. */
import { dirname } from "node:path";
import type { FunctionHandler } from "../../bun/runner/answer-call.ts";
import type { RunnerLog } from "../../bun/runner/runner-log.ts";
import type { AssignMessage, LambdaAssignment } from "../../messages.ts";
import { type LambdaHandler, runHandler } from "./bootstrap.ts";
import { invokeBy } from "./invoke-by.ts";
import { awslambda } from "./response-stream.ts";
import { RUNTIME_API, RuntimeApi } from "./runtime-api.ts";

const DEFAULT_EXPORT = "handler";

/** Before the bundle is imported: variables and globals as handlers know them. */
export function prepareLambda(assign: AssignMessage, lambda: LambdaAssignment): RuntimeApi {
  const api = new RuntimeApi();
  Object.assign(process.env, {
    AWS_LAMBDA_RUNTIME_API: RUNTIME_API,
    AWS_LAMBDA_FUNCTION_NAME: assign.name,
    AWS_LAMBDA_FUNCTION_VERSION: assign.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(lambda.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    LAMBDA_TASK_ROOT: lambda.root ?? dirname(assign.codePath),
    _HANDLER: lambda.handler,
  });
  // As on AWS: what lies in the zip is found beside the handler.
  if (lambda.root !== null) process.chdir(lambda.root);
  Reflect.set(globalThis, "awslambda", awslambda);
  const outside = globalThis.fetch;
  const inside = (input: string | URL | Request, init?: RequestInit) => {
    const isOurs = new URL(input instanceof Request ? input.url : input).host === RUNTIME_API;
    return isOurs ? api.handle(new Request(input, init)) : outside(input, init);
  };
  globalThis.fetch = Object.assign(inside, { preconnect: () => undefined });
  return api;
}

/** @param loaded the bundle's namespace. Throws when there is no handler and nobody polls. */
export function loadHandler(
  api: RuntimeApi,
  assign: AssignMessage,
  lambda: LambdaAssignment,
  loaded: Readonly<Record<string, unknown>>,
  log: RunnerLog,
): FunctionHandler {
  const handler = findHandler(lambda.exportPath, loaded);
  const { name, version } = assign;
  const onLateFailure = (error: unknown) =>
    log.failure("the handler failed while it streamed", error);
  const facts = { name, version, memoryMb: lambda.memoryMb, onLateFailure };
  if (handler) {
    for (let loops = 0; loops < lambda.concurrency; loops++) void runHandler(api, handler, facts);
  } else if (!api.isPolled) {
    const name = lambda.exportPath?.join(".") ?? DEFAULT_EXPORT;
    throw new Error(`The code must export a function "${name}", or poll the Runtime API`);
  }
  return (request) => invokeBy(api, name, lambda.deadlineMs, request);
}

/** What CommonJS exports is the default export. Without a name the default may be the handler itself. */
function findHandler(
  path: readonly string[] | null,
  loaded: Readonly<Record<string, unknown>>,
): LambdaHandler | null {
  const whole = loaded["default"];
  const places = [loaded, whole].map((place) => valueAt(place, path ?? [DEFAULT_EXPORT]));
  const found = [...places, path === null ? whole : undefined].find(
    (value) => typeof value === "function",
  );
  return (found as LambdaHandler | undefined) ?? null;
}

function valueAt(place: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Readonly<Record<string, unknown>> | null | undefined)?.[name],
    place,
  );
}
