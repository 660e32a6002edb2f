/**
 * The role `__wasm-host`: runs WASM calls on its main thread, one at any moment; those that wait for the
 * outside let others run. A watchdog on another thread stops the call that overruns, and only its
 * instance is lost; should that fail, the server ends the process and retries what waited. Started by
 * `runtime/child.ts`; calls and modules arrive over its link.
 */
import { dirname } from "node:path";
import { ReactorError } from "../../../core/errors.ts";
import { systemClock } from "../../../shared/clock.ts";
import { type Answer, failure } from "../../calls/answer-head.ts";
import type { ReceivedCall } from "../../calls/call-receiver.ts";
import type { EgressClient } from "../../egress/egress-client.ts";
import { SEALED } from "../../jail/jail-order.ts";
import { seal } from "../../jail/seal.ts";
import { connectLink } from "../../link/connect-link.ts";
import { createLogCaps, cutLine, weightOf } from "../../log-cap.ts";
import type {
  FromChild,
  HostCall,
  LoadOrder,
  LogEntry,
  LogLevelName,
  ToChild,
  WasmCall,
} from "../../messages.ts";
import { dieWithParent } from "../../parent-death.ts";
import { engineReason } from "../engine-reason.ts";
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

/** `args`: path of a socket in the folder of its link, pid of the server, `sealed` in a jail. */
export async function runRole(args: readonly string[]): Promise<void> {
  const [socket = "", parentPid = "0", sealed] = args;
  dieWithParent(Number(parentPid));
  const watchdog = createWatchdog();
  const store = createModuleStore(watchdog);
  const turns = createTurns(createRunningMark(dirname(socket)), watchdog, () => systemClock.now());
  const { egress: link, calls } = await connectLink(dirname(socket));
  const send = (message: FromChild) => link.say(message);
  const host = { store, turns, link, log: createHostLog(send) };
  calls.onCall = (call) => answer(host, call);
  link.onControl = (message) => obey(store, message, send);
  if (sealed === SEALED) seal();
  send({ t: "ready" });
}

function obey(store: ModuleStore, message: ToChild, send: (message: FromChild) => void): void {
  if (message.t === "ping") send({ t: "pong", n: message.n });
  if (message.t === "unload") store.unload(message.key, message.n);
}

/** What the module is, or why it cannot be loaded. */
function load(store: ModuleStore, order: LoadOrder, module: Uint8Array<ArrayBuffer>): Answer {
  try {
    const { callable, waits } = store.load(order, module);
    return { status: 200, headers: {}, body: encoded(JSON.stringify({ callable, waits })) };
  } catch (error) {
    return failure("failed", reasonOf(error));
  }
}

type Log = (id: string, level: LogLevelName, text: string) => void;

/** Never throws. Without a wait where there is none: it is called for every call. */
function answer(host: Host, call: ReceivedCall): Answer | Promise<Answer> {
  const { body } = call;
  return body instanceof ReadableStream
    ? wholeOf(body).then((whole) => answerWith(host, call, whole), notWhole)
    : answerWith(host, call, body ?? new Uint8Array());
}

const wholeOf = (body: ReadableStream<Uint8Array>) => new Response(body).bytes();
const notWhole = (error: unknown) => failure("failed", reasonOf(error));

function answerWith(
  host: Host,
  { head, abort }: ReceivedCall,
  input: Uint8Array<ArrayBuffer>,
): Answer | Promise<Answer> {
  const call = head as HostCall;
  if ("load" in call) return load(host.store, call.load, input);
  const taker: Taker = { n: call.n, deadlineAt: call.deadlineAt, instance: 0, isLost: false };
  const begin = () => {
    if (!abort.aborted) return answered(run(host, call, taker, input, abort), taker);
    host.turns.give();
    return failure("failed", "The caller is gone");
  };
  const turn = host.turns.take(taker);
  return turn ? turn.then(begin) : begin();
}

function answered(
  result: PluginResult | Promise<PluginResult>,
  taker: Taker,
): Answer | Promise<Answer> {
  if (result instanceof Promise) return result.then((it) => answered(it, taker), notWhole);
  if (result.ok) return { status: 200, headers: {}, body: result.output };
  return failure(taker.isLost ? "late" : "failed", result.message);
}

const encoded = (text: string) => new Uint8Array(Buffer.from(text));

interface Taker extends TurnTaker {
  /** The watchdog stopped it. */
  isLost: boolean;
}

/** Runs the call whose turn it is, and gives the turn away when it has ended. */
function run(
  host: Host,
  call: WasmCall,
  taker: Taker,
  input: Uint8Array,
  abort: ReceivedCall["abort"],
): PluginResult | Promise<PluginResult> {
  const { store, turns, link, log } = host;
  let borrowed: Borrowed | null;
  try {
    borrowed = store.borrow(call.key);
  } catch (error) {
    taker.isLost = turns.give();
    const message = `The module could not be started: ${reasonOf(error)}`;
    return { ok: false, message };
  }
  if (!borrowed) {
    turns.give();
    return { ok: false, message: "The module is not loaded" };
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
    abort,
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
  const say = (...entry: LogEntry) => send({ t: "log", lines: [entry] });
  const capOf = createLogCaps(systemClock, (owner, said) => say("warn", owner, said));
  return (id, level, text) => {
    // Without the id of the request.
    const cap = capOf(id.slice(0, id.lastIndexOf(" ")));
    const line = cutLine(text);
    if (cap.admit(weightOf(line))) say(level, id, line);
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof ReactorError) return error.details ?? error.message;
  return engineReason(error);
}
