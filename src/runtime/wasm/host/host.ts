/**
 * The role `__wasm-host`: runs WASM calls on its main thread, one at any moment; those that wait for the
 * outside let others run. A watchdog on another thread stops the call that overruns, and only its
 * instance is lost; should that fail, the server ends the process and retries what waited. Started by
 * `runtime/child.ts`; calls and modules arrive as HTTP on a private Unix socket.
 */
import { dirname } from "node:path";
import { ReactorError } from "../../../core/errors.ts";
import { systemClock } from "../../../shared/clock.ts";
import type { EgressClient } from "../../egress/egress-client.ts";
import { connectLink } from "../../egress/link-socket.ts";
import { SEALED } from "../../jail/jail-order.ts";
import { seal } from "../../jail/seal.ts";
import { createLogCaps, cutLine, weightOf } from "../../log-cap.ts";
import {
  CALL_HEADER,
  type FromChild,
  LOAD_HEADER,
  type LoadOrder,
  type LogEntry,
  type LogLevelName,
  OUTCOME_HEADER,
  type ToChild,
  type WasmCallHeader,
} from "../../messages.ts";
import { dieWithParent } from "../../parent-death.ts";
import type { PluginResult } from "../plugin.ts";
import { createRunningMark } from "../running-mark.ts";
import { type Borrowed, createModuleStore, type ModuleStore } from "./module-store.ts";
import { createTurns, type Turns, type TurnTaker } from "./turns.ts";
import { createWatchdog } from "./watchdog.ts";

interface Host {
  readonly store: ModuleStore;
  readonly turns: Turns;
  readonly link: EgressClient;
  readonly log: Log;
}

/** `args`: path of the socket to listen on, pid of the server, `sealed` in a jail. */
export async function runRole(args: readonly string[]): Promise<void> {
  const [socket = "", parentPid = "0", sealed] = args;
  dieWithParent(Number(parentPid));
  const watchdog = createWatchdog();
  const store = createModuleStore(watchdog);
  const turns = createTurns(createRunningMark(dirname(socket)), watchdog, () => systemClock.now());
  const link = await connectLink(dirname(socket));
  const send = (message: FromChild) => link.say(message);
  const host = { store, turns, link, log: createHostLog(send) };
  const options = { unix: socket, maxRequestBodySize: Number.MAX_SAFE_INTEGER };
  const neverIdle: object = { idleTimeout: 0 };
  Bun.serve({
    ...{ ...options, ...neverIdle },
    fetch: (request) => answer(host, request),
    error: (error) => outcomeOf(reasonOf(error), "trapped"),
  });
  link.onControl = (message) => obey(store, message, send);
  if (sealed === SEALED) seal();
  send({ t: "ready" });
}

function obey(store: ModuleStore, message: ToChild, send: (message: FromChild) => void): void {
  if (message.t === "ping") send({ t: "pong", n: message.n });
  if (message.t === "unload") store.unload(message.key, message.n);
}

/** 200 with what the module is, or 422 with why it cannot be loaded. */
async function load(store: ModuleStore, request: Request, at: number): Promise<Response> {
  const body = await request.bytes();
  const order = JSON.parse(new TextDecoder().decode(body.subarray(0, at))) as LoadOrder;
  try {
    const { callable, waits } = store.load(order, body.subarray(at));
    return Response.json({ callable, waits });
  } catch (error) {
    return new Response(reasonOf(error), { status: 422 });
  }
}

type Log = (id: string, level: LogLevelName, text: string) => void;

async function answer(host: Host, request: Request): Promise<Response> {
  const loading = request.headers.get(LOAD_HEADER);
  if (loading !== null) return await load(host.store, request, Number(loading));
  const call = JSON.parse(request.headers.get(CALL_HEADER) ?? "{}") as WasmCallHeader;
  const input = request.body ? await request.bytes() : new Uint8Array();
  const taker: Taker = { n: call.n, deadlineAt: call.deadlineAt, instance: 0, isLost: false };
  const turn = host.turns.take(taker);
  if (turn) await turn;
  if (request.signal.aborted) {
    host.turns.give();
    return new Response(null, { status: 499 });
  }
  const running = run(host, call, taker, input, request.signal);
  const result = running instanceof Promise ? await running : running;
  if (result.ok) return new Response(result.output);
  return outcomeOf(result.message, result.trap ? "trapped" : "failed");
}

function outcomeOf(message: string, outcome: "trapped" | "failed"): Response {
  return new Response(message, { status: 500, headers: { [OUTCOME_HEADER]: outcome } });
}

interface Taker extends TurnTaker {
  /** The watchdog stopped it. */
  isLost: boolean;
}

/** Runs the call whose turn it is, and gives the turn away when it has ended. */
function run(
  host: Host,
  call: WasmCallHeader,
  taker: Taker,
  input: Uint8Array,
  signal: AbortSignal,
): PluginResult | Promise<PluginResult> {
  const { store, turns, link, log } = host;
  let borrowed: Borrowed | null;
  try {
    borrowed = store.borrow(call.key);
  } catch (error) {
    turns.give();
    const message = `The module could not be started: ${reasonOf(error)}`;
    return { ok: false, message, trap: true };
  }
  if (!borrowed) {
    turns.give();
    return { ok: false, message: "The module is not loaded", trap: true };
  }
  taker.instance = borrowed.instance;
  const end = (result: PluginResult): PluginResult => {
    if (turns.give()) taker.isLost = true;
    borrowed.giveBack(!borrowed.plugin.isSpent && !taker.isLost);
    return result;
  };
  const result = borrowed.plugin.call(call.exportName, input, {
    header: call,
    link,
    signal,
    log: (level, text) => log(call.id, level, text),
    async outside(wait) {
      if (turns.give()) taker.isLost = true;
      try {
        return await wait();
      } finally {
        await turns.take(taker);
      }
    },
  });
  return result instanceof Promise ? result.then(end) : end(result);
}

/** Lines leave at once: a module that loops after logging must still be heard. */
function createHostLog(send: (message: FromChild) => void): Log {
  const capOf = createLogCaps(systemClock);
  return (id, level, text) => {
    // Without the id of the request.
    const cap = capOf(id.slice(0, id.lastIndexOf(" ")));
    const line = cutLine(text);
    if (!cap.admit(weightOf(line))) return;
    const lines: LogEntry[] = [[level, id, line]];
    const dropped = cap.takeDropped();
    if (dropped > 0) lines.unshift(["warn", id, `${dropped} log lines were dropped`]);
    send({ t: "log", lines });
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof ReactorError) return error.details ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
