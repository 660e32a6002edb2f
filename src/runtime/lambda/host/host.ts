/**
 * The role `__program-host`: stands between the server and a program with the Lambda Runtime API, inside
 * the program's namespaces, as their first process: with it everything in them ends. No code of others is
 * in this process. Calls come from the server over the link, as with other runners; the program finds the
 * Runtime API on its loopback.
 */
import { dirname } from "node:path";
import { systemClock } from "../../../shared/clock.ts";
import { answerCall, tellBroken, told } from "../../bun/runner/answer-call.ts";
import { rememberBodies } from "../../bun/runner/response-bodies.ts";
import { captureConsole, type RunnerLog } from "../../bun/runner/runner-log.ts";
import type { AnswerCall } from "../../calls/call-receiver.ts";
import type { EgressClient } from "../../egress/egress-client.ts";
import { SEALED } from "../../jail/jail-order.ts";
import { seal } from "../../jail/seal.ts";
import { connectLink, type ServerLink } from "../../link/connect-link.ts";
import type { AssignMessage, FromChild } from "../../messages.ts";
import { dieWithParent } from "../../parent-death.ts";
import { invokeBy } from "../runner/invoke-by.ts";
import { NotBegun, RuntimeApi } from "../runner/runtime-api.ts";
import { lastAnswers } from "./last-answers.ts";
import { reapOrphans } from "./reap-orphans.ts";
import { serveApi } from "./serve-api.ts";
import { startProgram } from "./start-program.ts";

const REAP_MS = 1_000;

/** `args`: path of the socket to listen on, pid of the server (of another namespace), `sealed`. */
export async function runRole(args: readonly string[]): Promise<void> {
  const [socket = "", , sealed] = args;
  if (sealed !== SEALED) throw new Error("Programs are run in a jail only");
  dieWithParent(process.ppid);
  let link: EgressClient | null = null;
  const send = (message: FromChild) => link?.say(message);
  const log = captureConsole(systemClock, (lines) => send({ t: "log", lines }));
  const { egress, calls, waitingBytes } = await connectLink(dirname(socket));
  link = egress;
  egress.onControl = (message) => {
    if (message.t === "ping") send({ t: "pong", n: message.n });
    if (message.t !== "assign") return;
    become(message, dirname(socket), { calls, waitingBytes }, log).then(
      (found) => {
        calls.onCall = found;
        calls.onBroken = (call, error) => tellBroken(call, error, log);
        send({ t: "assigned" });
      },
      (error: unknown) => {
        const message = told("the program could not be started", error, log);
        send({ t: "assign_failed", message });
      },
    );
  };
  rememberBodies();
  send({ t: "ready" });
}

/** Resolves when the program asks for its first invocation. */
async function become(
  assign: AssignMessage,
  dir: string,
  { calls, waitingBytes }: Pick<ServerLink, "calls" | "waitingBytes">,
  log: RunnerLog,
): Promise<AnswerCall> {
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
    const owed = () => calls.pending > api.taken || waitingBytes() > 0;
    await lastAnswers(owed, systemClock);
    process.exit(code);
  });
  const { deadlineMs } = lambda;
  return async (call) => {
    let isBegun = true;
    const answer = await answerCall(
      (request) =>
        invokeBy(api, name, deadlineMs, request).catch((error: unknown) => {
          isBegun = !(error instanceof NotBegun);
          if (isBegun) throw error;
          return new Response(null, { status: 503 });
        }),
      call,
      log,
    );
    // Some runtimes answer and end, after a panic for example: what waits behind is for another process.
    return isBegun ? answer : { ...answer, outcome: "not-begun" };
  };
}
