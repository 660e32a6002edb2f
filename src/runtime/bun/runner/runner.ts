/**
 * The role `__fn-runner`: a blank process that becomes one version of one Bun function. Started by
 * `runtime/child.ts` with a short explicit environment; calls and control messages arrive over its link,
 * WebSockets on a private Unix socket. Everything here shares its address space with user code, so
 * nothing here is a secret and nothing here is trusted.
 */
import { dirname } from "node:path";
import { systemClock } from "../../../shared/clock.ts";
import type { EgressClient } from "../../egress/egress-client.ts";
import { SEALED } from "../../jail/jail-order.ts";
import { seal } from "../../jail/seal.ts";
import { connectLink } from "../../link/connect-link.ts";
import type { AssignMessage, FromChild, LambdaAssignment } from "../../messages.ts";
import { dieWithParent } from "../../parent-death.ts";
import { answerCall, type FunctionHandler, runAsPartOf, tellBroken, told } from "./answer-call.ts";
import { type Background, createBackground } from "./background.ts";
import { type FunctionSockets, openFor, socketHandlers } from "./function-sockets.ts";
import { createReactorModule } from "./reactor-module.ts";
import { rememberBodies } from "./response-bodies.ts";
import { captureConsole, type RunnerLog } from "./runner-log.ts";

const TIDY_MS = 1_000;

/** `args`: path of the socket to listen on, pid of the server, `sealed` in a jail. */
export async function runRole(args: readonly string[]): Promise<void> {
  const [socket = "", parentPid = "0", sealed] = args;
  dieWithParent(Number(parentPid));
  let link: EgressClient | null = null;
  const send = (message: FromChild) => link?.say(message);
  const log = captureConsole(systemClock, (lines) => send({ t: "log", lines }));
  process.on("uncaughtException", (error) => log.failure("uncaught exception", error));
  process.on("unhandledRejection", (error) => log.failure("unhandled rejection", error));
  const background = createBackground(log, (change) => send({ t: "background", ...change }));
  let loaded: LoadedFunction | null = null;
  listen(
    socket,
    (request, server) =>
      loaded ? openFor(loaded.handler, request, server, log) : new Response(null, { status: 503 }),
    socketHandlers(() => loaded?.sockets ?? {}, log),
  );
  const { egress, calls } = await connectLink(dirname(socket));
  link = egress;
  egress.onControl = (message) => {
    if (message.t === "ping") send({ t: "pong", n: message.n });
    if (message.t !== "assign") return;
    become(message, log, egress, background).then(
      (found) => {
        loaded = found;
        calls.onCall = (call) => answerCall(found.handler, call, log);
        calls.runAsPartOf = runAsPartOf;
        calls.onBroken = (call, error) => tellBroken(call, error, log);
        send({ t: "assigned" });
        // What the start has left behind is 0.7 MB, and a hundred of these mostly wait.
        systemClock.after(TIDY_MS, () => Bun.gc(true));
      },
      (error: unknown) => {
        const message = told("the function could not be loaded", error, log);
        send({ t: "assign_failed", message });
      },
    );
  };
  rememberBodies();
  globalThis.fetch = Object.assign(egress.fetch, { preconnect: () => undefined });
  if (sealed === SEALED) seal();
  send({ t: "ready" });
}

/** What the server calls of a function. */
interface LoadedFunction {
  readonly handler: FunctionHandler;
  readonly sockets: FunctionSockets;
}

type Answer = (
  request: Request,
  server: Bun.Server<unknown>,
) => Response | Promise<Response | undefined>;

/** bun-types knows `idleTimeout` for TCP only; it holds for Unix sockets too, and would cut streams. */
const NEVER_IDLE: object = { idleTimeout: 0 };

function listen(socket: string, answer: Answer, websocket: Bun.WebSocketHandler<unknown>): void {
  // After an upgrade there is nothing to answer; Bun's type does not know it.
  const fetch = answer as (request: Request) => Response;
  Bun.serve<unknown>({ unix: socket, fetch, websocket, ...NEVER_IDLE });
}

async function become(
  assign: AssignMessage,
  log: RunnerLog,
  egress: EgressClient,
  background: Background,
): Promise<LoadedFunction> {
  for (const name of Object.keys(process.env)) {
    if (name !== "HOME" && name !== "TMPDIR" && name !== "TZ") delete process.env[name];
  }
  // On AWS, whose handlers come as they are, nobody says it either.
  const usual = assign.lambda ? {} : { NODE_ENV: "production" };
  Object.assign(process.env, usual, assign.env);
  process.argv.length = 1;
  const exports = createReactorModule(assign, log, egress, background);
  Bun.plugin({
    name: "reactor",
    setup(build) {
      build.module("reactor", () => ({ exports: { ...exports }, loader: "object" }));
    },
  });
  if (assign.lambda) return await becomeLambda(assign, assign.lambda, log);
  const loaded = (await import(assign.codePath)) as { default?: unknown };
  const { websocket } = { ...(loaded.default as { websocket?: FunctionSockets } | undefined) };
  return { handler: handlerOf(loaded.default), sockets: websocket ?? {} };
}

/** What only handlers for AWS need is loaded for them. */
async function becomeLambda(
  assign: AssignMessage,
  lambda: LambdaAssignment,
  log: RunnerLog,
): Promise<LoadedFunction> {
  const { loadHandler, prepareLambda } = await import("../../lambda/runner/load-handler.ts");
  const api = prepareLambda(assign, lambda);
  const loaded = (await import(assign.codePath)) as Readonly<Record<string, unknown>>;
  return { handler: loadHandler(api, assign, lambda, loaded, log), sockets: {} };
}

function handlerOf(exported: unknown): FunctionHandler {
  if (typeof exported === "function") return exported as FunctionHandler;
  const object = exported as { fetch?: unknown } | null | undefined;
  if (typeof object?.fetch === "function") {
    return (request, server) => (object as { fetch: FunctionHandler }).fetch(request, server);
  }
  throw new Error("The module must `export default { fetch(request) { … } }` or a function");
}
