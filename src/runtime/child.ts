/**
 * One child process of this program (a Bun runner, a WASM host): spawned with nothing of the
 * server's environment, in a folder of its own, with a link for calls and control and a Unix socket
 * for WebSockets, through the jail where there is one. Both runtimes build on it.
 */
import { chownSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../core/ports/clock.ts";
import type { FunctionSpec } from "../core/ports/function-runtime.ts";
import type { Logger } from "../core/ports/log.ts";
import { selfCommand, selfSources } from "../core/self.ts";
import { scheduleThread } from "../shared/linux/scheduling.ts";
import type { CallBody, SentCall } from "./calls/call-sender.ts";
import { createControlChannel } from "./control-channel.ts";
import { EgressDenied } from "./egress/egress-policy.ts";
import type { EgressOptions } from "./egress/egress-server.ts";
import { createPace, OUTPUT_BYTES_PER_S } from "./flow.ts";
import type { Cgroups } from "./jail/cgroups.ts";
import { type JailOrder, SEALED, THREADS_MAX, TMP_BYTES, TMP_FILES } from "./jail/jail-order.ts";
import { type JailPlan, UIDS } from "./jail/jail-plan.ts";
import { listenForLink } from "./link/link-socket.ts";
import type { FromChild, LogEntry, ToChild } from "./messages.ts";
import type { HostCalls, ServiceKey } from "./options.ts";
import { type ProcessUsage, processUsage } from "./process-usage.ts";
import { programUsage } from "./program-usage.ts";
import { readLines } from "./read-lines.ts";

/** Why we killed it; null when it went by itself. */
export type KillReason =
  | { readonly kind: "deadline"; readonly requestId: string }
  | { readonly kind: "memory" }
  | { readonly kind: "threads" }
  | { readonly kind: "disk" }
  | { readonly kind: "unresponsive" }
  | { readonly kind: "link" }
  | { readonly kind: "ended" };

export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly killed: KillReason | null;
}

/** What all children of a server have in common. */
export interface ChildWorld extends Pick<EgressOptions, "gateway" | "openRanges"> {
  /** Parent of the children's own folders. */
  readonly dir: string;
  readonly jail: JailPlan;
  readonly cgroups: Cgroups | null;
  /** Grows from child to child, whatever its role: chooses its user id and names its folder. */
  nextNumber(): number;
  /** How a child reaches this server, beside `gateway`. */
  readonly hostCalls: HostCalls;
  readonly serviceKey: ServiceKey;
  readonly clock: Clock;
  /** Hears what a child says before it has an owner: why it could not start. */
  readonly logger: Logger;
}

export interface ChildOptions {
  readonly role: "__fn-runner" | "__wasm-host" | "__program-host";
  /** All the environment the child gets. Default none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of the code that it is for, absolute. Default null: it is handed its code later. */
  readonly code?: string | null;
  /**
   * It hosts a program of its own: what its command begins with, so that it has namespaces of its own
   * (`jail/program-plan.ts`). Default null: it hosts none.
   */
  readonly namespacesBy?: readonly string[] | null;
}

/** What a process said before it ended may still be on its way for so long. */
const LAST_WORDS_MS = 100;
const READY_TIMEOUT_MS = 15_000;
/** A process that neither answers nor ends for so long is not waited for. */
const GONE_MS = 5_000;
/** First letters of the folders, so that sockets' paths stay short. */
const LETTERS = { "__fn-runner": "b", "__program-host": "b", "__wasm-host": "w" } as const;
const NO_SERVICE =
  'This function has not the rights of a service; "service = true" in its settings gives them';
/** sun_path holds 108 bytes with its terminator. */
const SOCKET_PATH_MAX = 107;

/** The folder is thrown away, so a cache of transpiled code in it would only cost. */
const BASE_ENV = { TZ: "UTC", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" } as const;

export interface Child {
  readonly pid: number;
  readonly dir: string;
  readonly socket: string;
  /** It hosts a program of others, and is all ours itself. */
  readonly isHost: boolean;
  /** Resolves when the child can be called; rejects when it died first or took too long. */
  readonly ready: Promise<void>;
  readonly exited: Promise<ChildExit>;
  alive(): boolean;
  /** What it uses now; of a host, what its program and all that it started use. */
  usage(): ProcessUsage;
  killed(): KillReason | null;
  send(message: ToChild): void;
  /** Sends a call; see `CallSender`. @throws CallNotSent where it cannot be reached any more */
  call(head: object, body: CallBody, onEnd?: () => void): SentCall;
  /** Bytes at which the kernel ends it, where it can; watching goes on in any case. */
  limitMemory(bytes: number): void;
  /** When it is let in beside others. */
  schedule(when: "usual" | "late"): void;
  /** SIGKILL. The first reason given stays. */
  kill(reason: KillReason): void;
  /** Resolves with the answer that `pick` accepts; rejects when the child dies. */
  ask<T>(message: ToChild, pick: (answer: FromChild) => T | undefined): Promise<T>;
  /** Resolves when its event loop comes round; rejects when it dies. */
  ping(): Promise<true>;
  /** Whose request it is that the child sends, from now on; null, as at first, is nobody's. */
  specOf: (key: string | undefined) => FunctionSpec | null;
  /** Told when the work that goes on after answers begins and has ended. */
  onBackground: (running: number) => void;
  /** Where its log lines go from now on. */
  onLog: (entry: LogEntry) => void;
}

export function spawnChild(world: ChildWorld, options: ChildOptions): Child {
  const { clock, logger } = world;
  const number = world.nextNumber();
  const name = LETTERS[options.role] + number.toString(36);
  const dir = join(world.dir, name);
  const order = orderOf(world.jail, options, dir, number);
  const socket = makeFolder(dir, order?.uid ?? null);
  let reason: KillReason | null = null;
  let alive = true;
  let pings = 0;
  const channel = createControlChannel({
    onLog: (entry) => child.onLog(entry),
    onBackground: (running) => child.onBackground(running),
  });
  const link = listenForLink(dir, {
    ...asked(world, (key) => child.specOf(key)),
    clock,
    onBroken: () => child.kill({ kind: "link" }),
    onControl: (message) => channel.receive(message),
  });
  const spawned = start(options, socket, order, () => {
    link.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const group = world.cgroups?.enclose(spawned.pid, name) ?? null;
  const watchExit = async (): Promise<ChildExit> => {
    await spawned.exited;
    alive = false;
    if (group?.wasOutOfMemory()) reason ??= { kind: "memory" };
    group?.remove();
    await Promise.race([link.ended, clock.sleep(LAST_WORDS_MS)]);
    link.close();
    rmSync(dir, { recursive: true, force: true });
    const signal = spawned.signalCode === null ? null : String(spawned.signalCode);
    const exit = { code: spawned.exitCode, signal, killed: reason };
    channel.fail(new Error(`The process was ${describeExit(exit)}`));
    return exit;
  };
  const ready = channel.waitFor((message) => (message.t === "ready" ? true : undefined));
  const child: Child = {
    pid: spawned.pid,
    dir,
    socket,
    isHost: order?.program ?? false,
    ready: ready.then(() => {}),
    exited: watchExit(),
    alive: () => alive,
    usage: () => (order?.program ? programUsage(spawned.pid) : processUsage(spawned.pid)),
    killed: () => reason,
    send(message) {
      if (alive) link.say(message);
    },
    call: (head, body, onEnd) => link.call(head, body, onEnd),
    limitMemory: (bytes) => group?.limitMemory(bytes),
    schedule: (when) => void scheduleThread(spawned.pid, when),
    kill(why) {
      reason ??= why;
      spawned.kill("SIGKILL");
    },
    ask(message, pick) {
      const answer = channel.waitFor(pick);
      child.send(message);
      return answer;
    },
    ping() {
      const n = ++pings;
      const isPong = (answer: FromChild) => answer.t === "pong" && answer.n === n;
      return child.ask({ t: "ping", n }, (answer) => isPong(answer) || undefined);
    },
    specOf: () => null,
    onBackground: () => undefined,
    onLog: ([, , said]) => logger.warn("runtime.child_said", { pid: child.pid, said }),
  };
  // Without its link it can neither be called nor ask for anything.
  void link.ended.then(async () => {
    await clock.sleep(LAST_WORDS_MS);
    if (alive) child.kill({ kind: "link" });
  });
  watchStart(child, clock);
  void readLines(spawned.stdout, (text) => child.onLog(["info", null, text]), outputPace(clock));
  void readLines(spawned.stderr, (text) => child.onLog(["error", null, text]), outputPace(clock));
  return child;
}

/** A start is a tenth of a second's work: those that answer come first. It is ended when it takes too long. */
function watchStart(child: Child, clock: Clock): void {
  const cancel = clock.after(READY_TIMEOUT_MS, () => child.kill({ kind: "unresponsive" }));
  child.schedule("late");
  const started = () => {
    cancel();
    child.schedule("usual");
  };
  child.ready.then(started, cancel);
}

/** What a child may ask for, as far as the function may that it asks for. */
function asked(
  { gateway, openRanges, hostCalls, serviceKey }: ChildWorld,
  specOf: Child["specOf"],
): Omit<EgressOptions, "onControl"> {
  return {
    ...{ gateway, openRanges },
    policyOf({ key }) {
      const spec = specOf(key);
      return spec && { hosts: spec.egress };
    },
    async serviceKey({ key }) {
      const spec = specOf(key);
      if (!spec?.service) throw new EgressDenied(NO_SERVICE);
      return await serviceKey(spec);
    },
    async askHost({ key }, request) {
      const spec = specOf(key);
      if (!spec) throw new EgressDenied("No function is known to ask");
      return await hostCalls(spec, request);
    },
  };
}

const outputPace = (clock: Clock) => ({
  waitMs: createPace(clock, OUTPUT_BYTES_PER_S),
  sleep: (ms: number) => clock.sleep(ms),
});

/** @param undo what was made for it, where it cannot be started: too many processes or files. */
function start(options: ChildOptions, socket: string, order: JailOrder | null, undo: () => void) {
  const dir = dirname(socket);
  try {
    return Bun.spawn(commandOf(options, socket, order), {
      cwd: dir,
      env: { ...BASE_ENV, HOME: dir, TMPDIR: join(dir, "tmp"), ...options.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  } catch (error) {
    undo();
    throw error;
  }
}

/** What the child is told of its jail; null where there is none. */
function orderOf(
  jail: JailPlan,
  { code = null, namespacesBy = null }: ChildOptions,
  dir: string,
  number: number,
): JailOrder | null {
  if (jail.level === "none") return null;
  const { landlock, firstUid } = jail;
  // Servers on one machine begin at different ones: what a user may have is bounded for all its processes.
  const place = Number(Bun.hash(dirname(dir)) % BigInt(UIDS)) + number;
  const uid = firstUid === null ? null : firstUid + (place % UIDS);
  const program = namespacesBy !== null;
  const namespaces = program ? "given" : jail.namespaces ? "make" : "none";
  return { dir, code, landlock, namespaces, program, uid, sources: selfSources() };
}

function commandOf(
  { role, namespacesBy }: ChildOptions,
  socket: string,
  order: JailOrder | null,
): string[] {
  const own = [socket, String(process.pid)];
  if (!order) return selfCommand(role, ...own);
  const command = selfCommand("__jail", JSON.stringify(order), role, ...own, SEALED);
  return [...(namespacesBy ?? []), ...command];
}

/** The child's own folder; returns the path of its socket. */
function makeFolder(dir: string, uid: number | null): string {
  const socket = join(dir, "s");
  if (Buffer.byteLength(socket) > SOCKET_PATH_MAX) {
    throw new Error(`The socket path ${socket} is longer than ${SOCKET_PATH_MAX} bytes`);
  }
  const tmp = join(dir, "tmp");
  mkdirSync(tmp, { recursive: true, mode: 0o700 });
  if (uid !== null) for (const path of [dir, tmp]) chownSync(path, uid, uid);
  return socket;
}

const KILLED: Readonly<Record<KillReason["kind"], string>> = {
  deadline: "killed: deadline",
  memory: "killed: memory",
  threads: `killed: it had more than ${THREADS_MAX} threads`,
  disk: `killed: its TMPDIR held more than ${TMP_BYTES} bytes or ${TMP_FILES} files`,
  unresponsive: "killed: unresponsive",
  link: "killed: what it sent to the server was not what a function sends",
  ended: "killed: ended",
};

/** Null for a process that lives: it says so. One that is ending is slow to be gone on a busy machine. */
export function exitOf(
  { exited, ping }: Pick<Child, "exited" | "ping">,
  clock: Pick<Clock, "sleep">,
): Promise<ChildExit | null> {
  const lives = ping().then(
    () => null,
    () => exited,
  );
  return Promise.race([exited, lives, clock.sleep(GONE_MS).then(() => null)]);
}

/** "ended with exit code 3", "ended by SIGSEGV", "killed: memory". */
export function describeExit(exit: ChildExit): string {
  if (exit.killed) return KILLED[exit.killed.kind];
  return exit.signal ? `ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
}
