/**
 * The role `__program-host`: stands between the server and a program with the Lambda Runtime API, inside
 * the program's namespaces, as their first process: with it everything in them ends. No code of others is
 * in this process. Calls come from the server as HTTP on a private Unix socket, as with other runners;
 * the program finds the Runtime API on its loopback.
 */
import { dirname } from "node:path";
import { systemClock } from "../../../shared/clock.ts";
import {
  answerCall,
  type FunctionHandler,
  failedAnswer,
  told,
} from "../../bun/runner/answer-call.ts";
import { captureConsole } from "../../bun/runner/runner-log.ts";
import type { EgressClient } from "../../egress/egress-client.ts";
import { connectLink } from "../../egress/link-socket.ts";
import { SEALED } from "../../jail/jail-order.ts";
import { seal } from "../../jail/seal.ts";
import { type AssignMessage, type FromChild, NOT_BEGUN, OUTCOME_HEADER } from "../../messages.ts";
import { dieWithParent } from "../../parent-death.ts";
import { invokeBy } from "../runner/invoke-by.ts";
import { NotBegun, RuntimeApi } from "../runner/runtime-api.ts";
import { lastAnswers } from "./last-answers.ts";
import { reapOrphans } from "./reap-orphans.ts";
import { serveApi } from "./serve-api.ts";
import { startProgram } from "./start-program.ts";

/** No cap here: the server counts bodies, per function. */
const MAX_BODY_BYTES = Number.MAX_SAFE_INTEGER;
/** bun-types knows `idleTimeout` for TCP only; it holds for Unix sockets too, and would cut streams. */
const NEVER_IDLE: object = { idleTimeout: 0 };
const REAP_MS = 1_000;
const NO_SOCKETS: Bun.WebSocketHandler<unknown> = { message: () => undefined };

/** `args`: path of the socket to listen on, pid of the server (of another namespace), `sealed`. */
export async function runRole(args: readonly string[]): Promise<void> {
  const [socket = "", , sealed] = args;
  if (sealed !== SEALED) throw new Error("Programs are run in a jail only");
  dieWithParent(process.ppid);
  let link: EgressClient | null = null;
  const send = (message: FromChild) => link?.say(message);
  const log = captureConsole(systemClock, (lines) => send({ t: "log", lines }));
  let handler: FunctionHandler | null = null;
  const server = Bun.serve<unknown>({
    unix: socket,
    maxRequestBodySize: MAX_BODY_BYTES,
    fetch: (request, self) =>
      handler ? answerCall(handler, request, self, log) : new Response(null, { status: 503 }),
    websocket: NO_SOCKETS,
    error: (error) => failedAnswer(error, log),
    ...NEVER_IDLE,
  });
  const egress = await connectLink(dirname(socket));
  link = egress;
  egress.onControl = (message) => {
    if (message.t === "ping") send({ t: "pong", n: message.n });
    if (message.t !== "assign") return;
    become(message, dirname(socket), server).then(
      (found) => {
        handler = found;
        send({ t: "assigned" });
      },
      (error: unknown) => {
        const message = told("the program could not be started", error, log);
        log.flush();
        send({ t: "assign_failed", message });
      },
    );
  };
  send({ t: "ready" });
}

/** Resolves when the program asks for its first invocation. */
async function become(
  assign: AssignMessage,
  dir: string,
  server: Bun.Server<unknown>,
): Promise<FunctionHandler> {
  const { name, lambda } = assign;
  if (!lambda || lambda.root === null) throw new Error("There is no program");
  const api = new RuntimeApi();
  await serveApi(api);
  const program = startProgram(assign, lambda, lambda.root, dir);
  // Nothing is to be started or opened any more.
  seal();
  const ended = program.exited.then((code) => {
    throw new Error(`its bootstrap ended with exit code ${code} before it asked for an invocation`);
  });
  systemClock.every(REAP_MS, () => reapOrphans([program.pid]));
  await Promise.race([api.begun, ended]);
  // What it has not answered fails with this process; the server starts another one.
  void program.exited.then(async (code) => {
    api.end();
    await lastAnswers(server, () => api.taken, systemClock);
    process.exit(code);
  });
  return (request) => invokeBy(api, name, lambda.deadlineMs, request).catch(notBegun);
}

/** Some runtimes answer and end, after a panic for example: what waits behind is for another process. */
function notBegun(error: unknown): Response {
  if (!(error instanceof NotBegun)) throw error;
  return new Response(null, { status: 503, headers: { [OUTCOME_HEADER]: NOT_BEGUN } });
}
