/**
 * One child process of this program (a Bun runner, a WASM host): spawned with nothing of the
 * server's environment, in a folder of its own, with a link for calls and control and a Unix socket
 * for WebSockets, through the jail where there is one. Both runtimes build on it.
 */
import { basename } from "node:path";
import type { Clock } from "../core/ports/clock.ts";
import type { FunctionSpec } from "../core/ports/function-runtime.ts";
import type { Logger, LogLevel } from "../core/ports/log.ts";
import { scheduleThread } from "../shared/linux/scheduling.ts";
import { Callers } from "./callers.ts";
import { asked } from "./child-asks.ts";
import { type ChildExit, describeExit, type KillReason } from "./child-exit.ts";
import { type ControlChannel, createControlChannel } from "./control-channel.ts";
import type { EgressOptions } from "./egress/egress-server.ts";
import { type BodyShare, createPace, OUTPUT_BYTES_PER_S } from "./flow.ts";
import type { Cgroups, ChildGroup } from "./jail/cgroups.ts";
import type { JailPlan } from "./jail/jail-plan.ts";
import { type ChildLink, listenForLink } from "./link/listen-link.ts";
import type { FromChild, LogEntry, ToChild } from "./messages.ts";
import type { HostCalls, ServiceKey } from "./options.ts";
import { type ProcessUsage, processUsage } from "./process-usage.ts";
import { programUsage } from "./program-usage.ts";
import { readLines } from "./read-lines.ts";
import {
  type ChildOptions,
  type ChildPlace,
  type ChildProcess,
  closePlace,
  makePlace,
  removePlace,
  startProcess,
} from "./start-child.ts";

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
  /** What their long bodies share. */
  readonly bodies: BodyShare;
  /** Hears what a child says before it has an owner: why it could not start. */
  readonly logger: Logger;
}

/** What a process said before it ended may still be on its way for so long. */
const LAST_WORDS_MS = 100;
const READY_TIMEOUT_MS = 15_000;

export interface Child {
  readonly pid: number;
  readonly dir: string;
  readonly socket: string;
  /** It hosts a program of others, and is all ours itself. */
  readonly isHost: boolean;
  /** In whose names it may ask this server. */
  readonly callers: Callers;
  /** Resolves when the child can be called; rejects when it died first or took too long. */
  readonly ready: Promise<void>;
  readonly exited: Promise<ChildExit>;
  alive(): boolean;
  /** What it uses now; of a host, what its program and all that it started use. */
  usage(): ProcessUsage;
  killed(): KillReason | null;
  send(message: ToChild): void;
  /** Sends a call; see `CallSender`. @throws CallNotSent where it cannot be reached any more */
  readonly call: ChildLink["call"];
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
  const child = new SpawnedChild(world, options);
  watchStart(child, world.clock);
  return child;
}

class SpawnedChild implements Child {
  readonly pid: number;
  readonly dir: string;
  readonly socket: string;
  readonly isHost: boolean;
  readonly callers: Callers;
  readonly ready: Promise<void>;
  readonly exited: Promise<ChildExit>;
  readonly call: Child["call"] = (...sent) => this.#link.call(...sent);
  specOf: Child["specOf"] = () => null;
  onBackground: Child["onBackground"] = () => undefined;
  onLog: Child["onLog"];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #place: ChildPlace;
  readonly #channel: ControlChannel;
  readonly #link: ChildLink;
  readonly #process: ChildProcess;
  readonly #group: ChildGroup | null;
  #reason: KillReason | null = null;
  #isAlive = true;
  #pings = 0;

  constructor(world: ChildWorld, options: ChildOptions) {
    this.#clock = world.clock;
    this.callers = new Callers(world.clock);
    this.#logger = world.logger;
    this.onLog = ([, , said]) => this.#logger.warn("runtime.child_said", { pid: this.pid, said });
    this.#channel = createControlChannel({
      onLog: (entry) => this.onLog(entry),
      onBackground: (running) => this.onBackground(running),
      onWork: (call, isWorking) => this.callers.works(call, isWorking),
    });
    this.#place = makePlace(world, options, world.nextNumber());
    this.dir = this.#place.dir;
    this.socket = this.#place.socket;
    this.isHost = this.#place.order?.program ?? false;
    this.#link = this.#listen(world);
    this.#process = this.#start(options);
    this.pid = this.#process.pid;
    this.#group = world.cgroups?.enclose(this.pid, basename(this.dir)) ?? null;
    this.ready = this.#becomeReady();
    this.exited = this.#watchExit();
    void this.#watchLink();
    this.#listenToOutput();
  }

  #listen(world: ChildWorld): ChildLink {
    return listenForLink(this.dir, {
      ...asked(world, this.callers, (key) => this.specOf(key)),
      clock: this.#clock,
      bodies: world.bodies,
      onBroken: () => this.kill({ kind: "link" }),
      onControl: (message) => this.#channel.receive(message),
    });
  }

  #start(options: ChildOptions): ChildProcess {
    try {
      return startProcess(this.#place, options);
    } catch (error) {
      void this.#removeTraces();
      throw error;
    }
  }

  async #becomeReady(): Promise<void> {
    await this.#channel.waitFor(({ t }) => t === "ready" || undefined);
    try {
      closePlace(this.#place);
    } catch (error) {
      // In a place that is open to it, it gets no code of others.
      this.kill({ kind: "ended" });
      throw error;
    }
  }

  async #removeTraces(): Promise<void> {
    this.#link.close();
    await removePlace(this.#place).catch((error: unknown) =>
      this.#logger.warn("runtime.folder_left", { folder: this.dir, error }),
    );
  }

  async #watchExit(): Promise<ChildExit> {
    await this.#process.exited;
    this.#isAlive = false;
    if (this.#group?.wasOutOfMemory()) this.#reason ??= { kind: "memory" };
    this.#group?.remove();
    await Promise.race([this.#link.ended, this.#clock.sleep(LAST_WORDS_MS)]);
    const { exitCode: code, signalCode } = this.#process;
    const signal = signalCode === null ? null : String(signalCode);
    const exit = { code, signal, killed: this.#reason };
    this.#channel.fail(new Error(`The process was ${describeExit(exit)}`));
    await this.#removeTraces();
    return exit;
  }

  /** Without its link it can neither be called nor ask for anything. */
  async #watchLink(): Promise<void> {
    await this.#link.ended;
    await this.#clock.sleep(LAST_WORDS_MS);
    if (this.#isAlive) this.kill({ kind: "link" });
  }

  #listenToOutput(): void {
    const listen = (stream: ReadableStream<Uint8Array>, level: LogLevel) =>
      void readLines(stream, (text) => this.onLog([level, null, text]), outputPace(this.#clock));
    listen(this.#process.stdout, "info");
    listen(this.#process.stderr, "error");
  }

  alive(): boolean {
    return this.#isAlive;
  }

  usage(): ProcessUsage {
    return this.isHost ? programUsage(this.pid) : processUsage(this.pid);
  }

  killed(): KillReason | null {
    return this.#reason;
  }

  send(message: ToChild): void {
    if (this.#isAlive) this.#link.say(message);
  }

  limitMemory(bytes: number): void {
    this.#group?.limitMemory(bytes);
  }

  schedule(when: "usual" | "late"): void {
    scheduleThread(this.pid, when);
  }

  kill(reason: KillReason): void {
    this.#reason ??= reason;
    this.#process.kill("SIGKILL");
  }

  ask<T>(message: ToChild, pick: (answer: FromChild) => T | undefined): Promise<T> {
    const answer = this.#channel.waitFor(pick);
    this.send(message);
    return answer;
  }

  ping(): Promise<true> {
    this.#pings += 1;
    const n = this.#pings;
    const isPong = (answer: FromChild) => answer.t === "pong" && answer.n === n;
    return this.ask({ t: "ping", n }, (answer) => isPong(answer) || undefined);
  }
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

const outputPace = (clock: Clock) => ({
  waitMs: createPace(clock, OUTPUT_BYTES_PER_S),
  sleep: (ms: number) => clock.sleep(ms),
});
