/**
 * One WASM host and what was given to it. It runs its calls one after the other; the mark it shares
 * with us says which one, so that time and crashes are charged to the right call.
 * `lane-set.ts` chooses the lane, `wasm-runtime.ts` decides what a caller is told.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Answer } from "../calls/answer-head.ts";
import { CallNotSent, ProcessGone } from "../calls/call-sender.ts";
import { type Child, type ChildExit, exitOf, type KillReason } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import type { LazyAbort } from "../lazy-abort.ts";
import type { LoadOrder, WasmCall } from "../messages.ts";
import { processRss } from "../process-usage.ts";
import { specKey } from "../spec-key.ts";
import type { LoadedModule } from "./host/module-store.ts";
import type { RunningMark } from "./running-mark.ts";
import { MOVED } from "./wasm-run.ts";

/** Calls given to one host before the first has answered, at most. Two hosts are woken twice as often as one. */
const DEPTH_MAX = 128;
/** What a host has waiting should be done in about this time. */
const BACKLOG_MS = 4;
/** A host that has been at one call for this long gets no more, and what waits behind it moves. */
const STUCK_MS = 20;
/** Calls of modules that wait for the outside, in one host at most. */
const WAITING_MAX = 64;
/** Beside the linear memory: the executable, the compiler, other modules that are resident. */
const HOST_BYTES = 384 * 1024 * 1024;
/** Between the deadline and the end of a host that has not stopped its call. */
const STOP_GRACE_MS = 150;

/** A call that the host has not answered, and the monotonic time when it was sent. */
interface GivenCall {
  readonly call: LaneCall;
  readonly sentAt: number;
}

export interface LaneCall {
  /** Its module waits for the outside: it may have begun and not be running. */
  readonly waits: boolean;
  readonly spec: FunctionSpec;
  readonly header: WasmCall;
  readonly input: Uint8Array<ArrayBuffer>;
  /** Of this try. */
  readonly controller: LazyAbort;
  /** Called once when the host has done with it, which may be after the caller left. */
  readonly settled: () => void;
}

/** The host went away under a call. */
export class HostGone extends Error {
  readonly exit: ChildExit;
  /** True when it was running this call. */
  readonly atFault: boolean;
  /** True when this call may have had effects already. */
  readonly hasBegun: boolean;

  constructor(exit: ChildExit, atFault: boolean, hasBegun: boolean) {
    super("The WASM host ended");
    this.exit = exit;
    this.atFault = atFault;
    this.hasBegun = hasBegun;
  }
}

export class Lane {
  readonly child: Child;
  /** Calls promised to this host, also those whose module is still being loaded. */
  pending = 0;
  /** Those under way whose modules wait for the outside. */
  waiting = 0;
  /** When it last ended a call, monotonic milliseconds. */
  idleSince: number;
  /** What a call takes here, moving average. */
  #callMs = 1;
  readonly #clock: Clock;
  readonly #mark: RunningMark;
  /** By their numbers. */
  readonly #calls = new Map<number, GivenCall>();
  readonly #loaded = new Map<string, LoadedModule>();
  readonly #loading = new Map<string, Promise<LoadedModule>>();
  /** Number of the last order to load each. */
  readonly #loadOf = new Map<string, number>();
  readonly #specs = new Map<string, FunctionSpec>();
  /** How many calls have each module in use, from before it is loaded until they are answered. */
  readonly #users = new Map<string, number>();
  /** To be forgotten when the last of them is through. */
  readonly #retired = new Set<string>();
  /** When each module was last used, monotonic milliseconds. */
  readonly #usedAt = new Map<string, number>();
  #loads = 0;

  constructor(child: Child, mark: RunningMark, clock: Clock) {
    this.child = child;
    this.#mark = mark;
    this.#clock = clock;
    this.idleSince = clock.monotonic();
    child.specOf = (key) => (key === undefined ? null : (this.#specs.get(key) ?? null));
  }

  usable(): boolean {
    return this.child.alive() && this.child.killed() === null;
  }

  busy(): boolean {
    return this.pending > 0 || this.#calls.size > 0;
  }

  accepts(): boolean {
    const depth = Math.max(1, Math.min(DEPTH_MAX, BACKLOG_MS / this.#callMs));
    const { pending, waiting } = this;
    const present = Math.max(pending, this.#calls.size) - waiting;
    if (!this.usable() || present >= depth || waiting >= WAITING_MAX) return false;
    return this.#runningForMs() < STUCK_MS;
  }

  /** Memory, calls that wait behind a long one, modules that nobody uses. Every few milliseconds. */
  watch(): void {
    this.#watchMemory();
    this.#moveWaiting();
    this.#unloadIdle();
  }

  /** Frees what waits behind a call that takes long; the host skips what was given up. */
  #moveWaiting(): void {
    if (this.#calls.size < 2 || this.#runningForMs() < STUCK_MS) return;
    const n = this.#mark[0];
    for (const { call } of this.#calls.values()) {
      // One that waits for the outside has begun: it must not happen twice.
      if (call.header.n !== n && !call.waits) call.controller.abort(MOVED);
    }
  }

  /** The caller's time is up: ends the host if it is still at this call when it should have stopped. */
  overran(call: LaneCall, requestId: string): void {
    const check = () => {
      if (this.#calls.has(call.header.n) && this.#mark[0] === call.header.n) {
        this.kill({ kind: "deadline", requestId });
      }
    };
    this.#clock.after(STOP_GRACE_MS, check);
  }

  kill(reason: KillReason): void {
    this.child.kill(reason);
  }

  #watchMemory(): void {
    if (!this.busy()) return;
    const limits = [...this.#calls.values()].map(({ call }) => call.spec.limits.memoryBytes);
    const limitBytes = HOST_BYTES + Math.max(0, ...limits);
    if (processRss(this.child.pid) > limitBytes) this.kill({ kind: "memory" });
  }

  /** Keeps the module here until `leave`, even when it is retired meanwhile. */
  enter(spec: FunctionSpec): void {
    const key = specKey(spec);
    this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
  }

  leave(spec: FunctionSpec): void {
    const key = specKey(spec);
    const left = (this.#users.get(key) ?? 1) - 1;
    this.#usedAt.set(key, this.#clock.monotonic());
    if (left > 0) {
      this.#users.set(key, left);
      return;
    }
    this.#users.delete(key);
    if (this.#retired.has(key)) this.#forget(key);
  }

  /** Makes the module resident; resolves with what it is. */
  load(spec: FunctionSpec): LoadedModule | Promise<LoadedModule> {
    const key = specKey(spec);
    return this.#loaded.get(key) ?? this.#loading.get(key) ?? this.#askToLoad(key, spec);
  }

  /** The kernel's bound is for the largest that is resident; which call runs, it cannot know. */
  #limitMemory(): void {
    const limits = [...this.#specs.values()].map((spec) => spec.limits.memoryBytes);
    this.child.limitMemory(HOST_BYTES + Math.max(...limits));
  }

  #askToLoad(key: string, spec: FunctionSpec): Promise<LoadedModule> {
    this.#specs.set(key, spec);
    this.#limitMemory();
    const loading = this.#sendModule(key, spec).then((loaded) => {
      this.#loaded.set(key, loaded);
      return loaded;
    });
    this.#loading.set(key, loading);
    return loading.finally(() => this.#loading.delete(key));
  }

  /** The host cannot read our files, so the module goes to it as a body. */
  async #sendModule(key: string, spec: FunctionSpec): Promise<LoadedModule> {
    const { codePath, config, limits, isolation } = spec;
    const fresh = isolation === "request";
    this.#loads += 1;
    this.#loadOf.set(key, this.#loads);
    const { memoryBytes } = limits;
    const load: LoadOrder = { key, n: this.#loads, memoryBytes, config, fresh };
    const answer = await this.#loadBy(load, await Bun.file(codePath).bytes());
    const text = new TextDecoder().decode(await bytesOf(answer));
    if (answer.outcome !== undefined) throw runtimeErrors.invalid_function(text);
    return JSON.parse(text) as LoadedModule;
  }

  async #loadBy(load: LoadOrder, module: Uint8Array<ArrayBuffer>): Promise<Answer> {
    try {
      return await this.child.call({ load }, module).answer;
    } catch (error) {
      const exit = isGone(error) ? await exitOf(this.child, this.#clock) : null;
      throw exit ? new HostGone(exit, false, false) : error;
    }
  }

  has(spec: FunctionSpec): boolean {
    return this.#loaded.has(specKey(spec));
  }

  /** Forgets all modules whose key begins so, each when nobody uses it any more. */
  unload(prefix: string): void {
    for (const key of new Set([...this.#loaded.keys(), ...this.#users.keys()])) {
      if (!key.startsWith(prefix)) continue;
      if (this.#users.has(key)) this.#retired.add(key);
      else this.#forget(key);
    }
  }

  /** Forgets modules that were not used for as long as their functions say. */
  #unloadIdle(): void {
    const nowMs = this.#clock.monotonic();
    for (const [key, usedAt] of this.#usedAt) {
      const idleMs = this.#specs.get(key)?.limits.idleMs ?? 0;
      if (!this.#users.has(key) && nowMs - usedAt > idleMs) this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#retired.delete(key);
    this.#usedAt.delete(key);
    this.#specs.delete(key);
    const n = this.#loadOf.get(key) ?? 0;
    this.#loadOf.delete(key);
    if (this.#loaded.delete(key)) this.child.send({ t: "unload", key, n });
  }

  /** Throws `function_failed` for the plug-in's error, `function_timeout`, `HostGone`, or the reason of the abort. */
  async run(call: LaneCall): Promise<Uint8Array<ArrayBuffer>> {
    this.#calls.set(call.header.n, { call, sentAt: this.#clock.monotonic() });
    if (call.waits) this.waiting += 1;
    const { outcome, bytes } = await this.#exchange(call);
    this.#settle(call);
    if (outcome === undefined) return bytes;
    const { name, limits } = call.spec;
    if (outcome === "late") throw runtimeErrors.function_timeout(name, limits.deadlineMs);
    throw runtimeErrors.function_failed(new TextDecoder().decode(bytes));
  }

  async #exchange(call: LaneCall) {
    const { controller } = call;
    try {
      const { answer, cancel } = this.child.call(call.header, call.input);
      controller.onAbort(() => cancel(controller.reason));
      const came = await answer;
      const bytes = bytesOf(came);
      return { outcome: came.outcome, bytes: bytes instanceof Promise ? await bytes : bytes };
    } catch (error) {
      if (controller.aborted) {
        this.#settleWhenFree(call);
        throw controller.reason;
      }
      const exit = isGone(error) ? await exitOf(this.child, this.#clock) : null;
      const atFault = this.#mark[0] === call.header.n;
      this.#settle(call);
      throw exit ? new HostGone(exit, atFault, call.waits) : error;
    }
  }

  /** The caller left; the host may still be at it. It answers a ping when it is through. */
  #settleWhenFree(call: LaneCall): void {
    const settle = () => this.#settle(call);
    this.child.ping().then(settle, settle);
  }

  #settle(call: LaneCall): void {
    const given = this.#calls.get(call.header.n);
    if (given?.call !== call) return;
    this.#calls.delete(call.header.n);
    call.settled();
    const now = this.#clock.monotonic();
    if (call.waits) {
      this.waiting -= 1;
      this.idleSince = now;
      return;
    }
    const tookMs = now - Math.max(given.sentAt, this.idleSince);
    this.#callMs += (tookMs - this.#callMs) / 16;
    this.idleSince = now;
  }

  /** How long the host has been at its present call: since it came, or since the one before ended. */
  #runningForMs(): number {
    const given = this.#calls.get(this.#mark[0] ?? 0);
    return given ? this.#clock.monotonic() - Math.max(given.sentAt, this.idleSince) : 0;
  }
}

const isGone = (error: unknown) => error instanceof ProcessGone || error instanceof CallNotSent;

function bytesOf({ body }: Answer): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
  return body instanceof ReadableStream ? new Response(body).bytes() : (body ?? new Uint8Array());
}
