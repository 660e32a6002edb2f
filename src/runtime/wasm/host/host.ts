/**
 * The role `__wasm-host`: runs WASM calls one after the other on its main thread. A watchdog on another
 * thread stops the call that overruns, and only its instance is lost; should that fail, the server ends
 * the process and retries what waited. Started by `runtime/child.ts`; calls arrive as HTTP on a private
 * Unix socket, modules over the control channel.
 */
import { dirname } from "node:path";
import { ReactorError } from "../../../core/errors.ts";
import { systemClock } from "../../../shared/clock.ts";
import { connectLink } from "../../egress/link-socket.ts";
import { SEALED } from "../../jail/jail-order.ts";
import { seal } from "../../jail/seal.ts";
import { createLogCap, cutLine } from "../../log-cap.ts";
import {
  CALL_HEADER,
  type FromChild,
  LOAD_HEADER,
  type LoadHeader,
  type LogEntry,
  type LogLevelName,
  OUTCOME_HEADER,
  type ToChild,
  type WasmCallHeader,
} from "../../messages.ts";
import { dieWithParent } from "../../parent-death.ts";
import { createRunningMark, type RunningMark } from "../running-mark.ts";
import { createModuleStore, type ModuleStore } from "./module-store.ts";
import { createWatchdog, type Watchdog } from "./watchdog.ts";

interface Host {
  readonly store: ModuleStore;
  readonly mark: RunningMark;
  readonly watchdog: Watchdog;
  readonly log: Log;
}

/** `args`: path of the socket to listen on, pid of the server, `sealed` in a jail. */
export async function runRole(args: readonly string[]): Promise<void> {
  const [socket = "", parentPid = "0", sealed] = args;
  dieWithParent(Number(parentPid));
  const send = (message: FromChild) => void process.send?.(message);
  const watchdog = createWatchdog();
  const store = createModuleStore(watchdog);
  const mark = createRunningMark(dirname(socket));
  const host = { store, mark, watchdog, log: createHostLog(send) };
  const options = { unix: socket, maxRequestBodySize: Number.MAX_SAFE_INTEGER };
  const neverIdle: object = { idleTimeout: 0 };
  Bun.serve({ ...options, ...neverIdle, fetch: (request) => answer(host, request) });
  process.on("message", (message: ToChild) => obey(store, message, send));
  await connectLink(dirname(socket));
  if (sealed === SEALED) seal();
  send({ t: "ready" });
}

function obey(store: ModuleStore, message: ToChild, send: (message: FromChild) => void): void {
  if (message.t === "ping") send({ t: "pong", n: message.n });
  if (message.t === "unload") store.unload(message.key);
}

/** 200 with the names of the exports that can be called, or 422 with why there are none. */
async function load(store: ModuleStore, request: Request, header: string): Promise<Response> {
  const bytes = await request.bytes();
  try {
    return Response.json(store.load(JSON.parse(header) as LoadHeader, bytes));
  } catch (error) {
    return new Response(reasonOf(error), { status: 422 });
  }
}

type Log = (id: string, level: LogLevelName, text: string) => void;

async function answer(host: Host, request: Request): Promise<Response> {
  const { store, mark, watchdog, log } = host;
  const loading = request.headers.get(LOAD_HEADER);
  if (loading !== null) return await load(store, request, loading);
  const call = JSON.parse(request.headers.get(CALL_HEADER) ?? "{}") as WasmCallHeader;
  const input = request.body ? await request.bytes() : new Uint8Array();
  if (request.signal.aborted) return new Response(null, { status: 499 });
  mark[0] = call.n;
  watchdog.begin(call.deadlineAt - systemClock.now());
  const result = store.call(call.key, call.exportName, input, (level, text) =>
    log(call.id, level, text),
  );
  const stopped = watchdog.end();
  mark[0] = 0;
  if (stopped) store.drop(call.key);
  if (result.ok) return new Response(result.output);
  const outcome = result.trap ? "trapped" : "failed";
  return new Response(result.message, { status: 500, headers: { [OUTCOME_HEADER]: outcome } });
}

/** Lines leave at once: a module that loops after logging must still be heard. */
function createHostLog(send: (message: FromChild) => void): Log {
  const cap = createLogCap(systemClock);
  return (id, level, text) => {
    if (!cap.admit()) return;
    const lines: LogEntry[] = [[level, id, cutLine(text)]];
    const dropped = cap.takeDropped();
    if (dropped > 0) lines.unshift(["warn", id, `${dropped} log lines were dropped`]);
    send({ t: "log", lines });
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof ReactorError) return error.details ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
