/**
 * One WASM host and what was given to it. It runs its calls one after the other; the mark it shares
 * with us says which one, so that time and crashes are charged to the right call.
 * `lane-set.ts` chooses the lane, `wasm-runtime.ts` decides what a caller is told.
 */
import { BriefMap } from "../../core/brief-map.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Child } from "../child.ts";
import type { KillReason } from "../child-exit.ts";
import { runtimeErrors } from "../errors.ts";
import type { LazyAbort } from "../lazy-abort.ts";
import type { WasmCall } from "../messages.ts";
import { processMemory } from "../process-usage.ts";
import { bytesOf, exitUnder, HostGone } from "./host-gone.ts";
import { HOST_BYTES, ResidentModules } from "./resident-modules.ts";
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

export class Lane {
  readonly child: Child;
  readonly modules: ResidentModules;
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
  readonly #calls = new BriefMap<GivenCall>();
  constructor(child: Child, mark: RunningMark, clock: Clock) {
    this.child = child;
    this.#mark = mark;
    this.#clock = clock;
    this.idleSince = clock.monotonic();
    this.modules = new ResidentModules(child, clock);
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
    this.modules.unloadIdle();
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
    const limits = this.#calls.values().map(({ call }) => call.spec.limits.memoryBytes);
    const limitBytes = HOST_BYTES + Math.max(0, ...limits);
    if (processMemory(this.child.pid) > limitBytes) this.kill({ kind: "memory" });
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
      const exit = await exitUnder(error, this.child, this.#clock);
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
