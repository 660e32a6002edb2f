/**
 * The role `__fn-runner`: a blank process that becomes one version of one Bun function. Started by
 * `runtime/child.ts` with a short explicit environment; calls arrive as HTTP on a private Unix
 * socket, control messages over its link. Everything here shares its address space with user code, so
 * nothing here is a secret and nothing here is trusted.
 */
import { dirname } from "node:path";
import { systemClock } from "../../../shared/clock.ts";
import type { EgressClient } from "../../egress/egress-client.ts";
import { connectLink } from "../../egress/link-socket.ts";
import { SEALED } from "../../jail/jail-order.ts";
import { seal } from "../../jail/seal.ts";
import { loadHandler, prepareLambda } from "../../lambda/runner/load-handler.ts";
import type { AssignMessage, FromChild } from "../../messages.ts";
import { dieWithParent } from "../../parent-death.ts";
import { answerCall, type FunctionHandler, failedAnswer, told } from "./answer-call.ts";
import { type Background, createBackground } from "./background.ts";
import { type FunctionSockets, socketHandlers } from "./function-sockets.ts";
import { createReactorModule } from "./reactor-module.ts";
import { captureConsole, type RunnerLog } from "./runner-log.ts";

/** No cap here: the server counts bodies, per function. */
const MAX_BODY_BYTES = Number.MAX_SAFE_INTEGER;

/** `args`: path of the socket to listen on, pid of the server, `sealed` in a jail. */
export async function runRole(args: readonly string[]): Promise<void> {
  const [socket = "", parentPid = "0", sealed] = args;
  dieWithParent(Number(parentPid));
  let link: EgressClient | null = null;
  const send = (message: FromChild) => link?.say(message);
  const log = captureConsole(systemClock, (lines) => send({ t: "log", lines }));
  process.on("uncaughtException", (error) => log.failure("uncaught exception", error));
  process.on("unhandledRejection", (error) => log.failure("unhandled rejection", error));
  const background = createBackground(log, (running) => send({ t: "background", running }));
  let loaded: LoadedFunction | null = null;
  listen(
    socket,
    (request, server) =>
      loaded
        ? answerCall(loaded.handler, request, server, log)
        : new Response(null, { status: 503 }),
    socketHandlers(() => loaded?.sockets ?? {}, log),
    // An answer that cannot be sent, one whose body was read for example.
    (error) => failedAnswer(error, log),
  );
  const egress = await connectLink(dirname(socket));
  link = egress;
  egress.onControl = (message) => {
    if (message.t === "ping") send({ t: "pong", n: message.n });
    if (message.t !== "assign") return;
    become(message, log, egress, background).then(
      (found) => {
        loaded = found;
        send({ t: "assigned" });
      },
      (error: unknown) => {
        const message = told("the function could not be loaded", error, log);
        log.flush();
        send({ t: "assign_failed", message });
      },
    );
  };
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
) => Response | undefined | Promise<Response | undefined>;

/** bun-types knows `idleTimeout` for TCP only; it holds for Unix sockets too, and would cut streams. */
const NEVER_IDLE: object = { idleTimeout: 0 };

function listen(
  socket: string,
  answer: Answer,
  websocket: Bun.WebSocketHandler<unknown>,
  error: (error: unknown) => Response,
): void {
  const options = { unix: socket, maxRequestBodySize: MAX_BODY_BYTES, fetch: answer, websocket };
  Bun.serve<unknown>({ ...options, error, ...NEVER_IDLE });
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
  Object.assign(process.env, assign.env);
  process.argv.length = 1;
  const exports = createReactorModule(assign, log, egress, background);
  Bun.plugin({
    name: "reactor",
    setup(build) {
      build.module("reactor", () => ({ exports: { ...exports }, loader: "object" }));
    },
  });
  const { lambda } = assign;
  const api = lambda ? prepareLambda(assign, lambda) : null;
  const loaded = (await import(assign.codePath)) as { default?: unknown };
  if (lambda && api) return { handler: loadHandler(api, assign, lambda, loaded, log), sockets: {} };
  const { websocket } = { ...(loaded.default as { websocket?: FunctionSockets } | undefined) };
  return { handler: handlerOf(loaded.default), sockets: websocket ?? {} };
}

function handlerOf(exported: unknown): FunctionHandler {
  if (typeof exported === "function") return exported as FunctionHandler;
  const object = exported as { fetch?: unknown } | null | undefined;
  if (typeof object?.fetch === "function") {
    return (request, server) => (object as { fetch: FunctionHandler }).fetch(request, server);
  }
  throw new Error("The module must `export default { fetch(request) { … } }` or a function");
}
