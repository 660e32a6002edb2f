/**
 * The process of one function version: which calls are in it, when it is replaced, and how it ends.
 * `version-slot.ts` decides who may enter; `forward.ts` carries the calls.
 */
import { BriefMap } from "../../core/brief-map.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Child } from "../child.ts";
import type { KillReason } from "../child-exit.ts";
import { holdsMore } from "../folder-usage.ts";
import { THREADS_MAX, TMP_BYTES, TMP_FILES } from "../jail/jail-order.ts";
import type { FullRuntimeOptions } from "../options.ts";
import type { ActiveCall } from "./active-call.ts";

/** Shares of a processor: from the one on a process is one that computes, up to the other one that waits. */
const COMPUTES = 0.5;
const WAITS = 0.2;
/** What it took, or sent: the next one will do the same. */
const TOO_MUCH: readonly KillReason["kind"][] = ["memory", "threads", "disk", "link"];

/** A leak too slow for the limits ends with its process; not all of a server's start are replaced at once. */
const AGE_MAX_MS = 24 * 3_600_000;
const AGE_SPREAD_MS = 3_600_000;

/** A process whose event loop does not answer within this is spinning. */
const PONG_MS = 1000;

export class Instance {
  readonly spec: FunctionSpec;
  readonly child: Child;
  /** By their numbers. */
  readonly calls = new BriefMap<ActiveCall>();
  /** Monotonic milliseconds. */
  idleSince: number;
  served = 0;
  /** Monotonic milliseconds. */
  readonly #bornAt: number;
  /** When the last call left, monotonic milliseconds. */
  #leftAt: number;
  /** Most memory seen, bytes. */
  peakBytes = 0;
  readonly #options: FullRuntimeOptions;
  #ending = false;
  #drained: (() => void) | null = null;
  #background = 0;
  #looked: { readonly cpuMs: number; readonly at: number };
  #isLate = false;

  constructor(spec: FunctionSpec, child: Child, options: FullRuntimeOptions) {
    this.spec = spec;
    this.child = child;
    this.#options = options;
    this.idleSince = options.clock.monotonic();
    this.#bornAt = this.idleSince;
    this.#leftAt = this.idleSince;
    this.#looked = { cpuMs: child.usage().cpuMs, at: this.idleSince };
    child.onBackground = (running) => {
      const wasWorking = this.#background > 0;
      const isWorking = running > 0;
      this.#background = running;
      if (isWorking === wasWorking) return;
      this.idleSince = options.clock.monotonic();
      if (this.#isIdle()) this.#drained?.();
    };
  }

  usable(): boolean {
    return !this.#ending && this.child.alive() && this.child.killed() === null;
  }

  /** Of one that is over: it was ended for what it took, or was gone before its first call. */
  endsAlike(): boolean {
    const killed = this.child.killed();
    return killed ? TOO_MUCH.includes(killed.kind) : this.served === 0;
  }

  /** Nothing is under way in it, work that goes on after answers included. */
  #isIdle(): boolean {
    return this.calls.size === 0 && this.#background === 0;
  }

  /** Nothing is called, and what goes on after the answers has had a call's time for it. */
  isSpare(nowMs: number): boolean {
    if (this.calls.size > 0) return false;
    return this.#background === 0 || nowMs - this.idleSince > this.spec.limits.deadlineMs;
  }

  /**
   * It still works though nothing has been called for longer than a call may take: for `waitUntil`, or because
   * something in it never ends.
   */
  isOverdue(nowMs: number): boolean {
    const isAtWork = this.#background > 0 || this.#isLate;
    return this.calls.size === 0 && isAtWork && nowMs - this.#leftAt > this.spec.limits.deadlineMs;
  }

  /** It has lived for a day, and up to an hour more. */
  isOld(nowMs: number): boolean {
    const extraMs = (this.child.pid * 7_919) % AGE_SPREAD_MS;
    return nowMs - this.#bornAt > AGE_MAX_MS + extraMs;
  }

  /** Id of the request in a process that takes one at a time, as long as there is one. */
  onlyCall(): string | null {
    return this.spec.limits.concurrency > 1 ? null : this.soleCall();
  }

  /** Id of the request that is under way, where it is the only one now. */
  soleCall(): string | null {
    if (this.calls.size !== 1) return null;
    const [active] = this.calls.values();
    return active?.call.requestId ?? null;
  }

  hasRoom(): boolean {
    return this.calls.size < this.spec.limits.concurrency;
  }

  enter(call: ActiveCall): void {
    call.number = this.child.callers.enter(call.call.caller);
    this.calls.set(call.number, call);
    this.served += 1;
  }

  holds(call: ActiveCall): boolean {
    return this.calls.get(call.number) === call;
  }

  leave(call: ActiveCall): void {
    this.calls.delete(call.number);
    this.child.callers.leave(call.number, call.isThrough, this.spec.limits.deadlineMs);
    this.idleSince = this.#options.clock.monotonic();
    this.#leftAt = this.idleSince;
    if (this.#isIdle()) this.#drained?.();
  }

  /** One that computes all the time lets those in first that have little to do; it gets no less by it. */
  #giveTurn(cpuMs: number): void {
    const at = this.#options.clock.monotonic();
    const share = (cpuMs - this.#looked.cpuMs) / Math.max(1, at - this.#looked.at);
    this.#looked = { cpuMs, at };
    const isLate = share > (this.#isLate ? WAITS : COMPUTES);
    if (isLate === this.#isLate) return;
    this.#isLate = isLate;
    this.child.schedule(isLate ? "late" : "usual");
  }

  /** Kills the process when it uses more than it may. */
  checkUsage(): void {
    const { memoryBytes, threads, cpuMs } = this.child.usage();
    this.#giveTurn(cpuMs);
    this.peakBytes = Math.max(this.peakBytes, memoryBytes);
    if (memoryBytes > this.spec.limits.memoryBytes) this.kill({ kind: "memory" });
    else if (threads > THREADS_MAX) this.kill({ kind: "threads" });
  }

  /** A process that ended before the first look is asked once. */
  peakMemory(): number {
    if (this.peakBytes === 0) this.peakBytes = this.child.usage().memoryBytes;
    return this.peakBytes;
  }

  /** The same for what it has written. A folder that cannot be counted is one too many. */
  async checkDisk(): Promise<void> {
    const bounds = { bytes: TMP_BYTES, entries: TMP_FILES };
    const isOver = await holdsMore(this.child.dir, bounds).catch(() => true);
    if (isOver) this.kill({ kind: "disk" });
  }

  kill(reason: KillReason): void {
    this.child.kill(reason);
  }

  /** After a call was given up: kills the process unless its event loop answers within `withinMs`. */
  mustAnswer(withinMs = PONG_MS): void {
    const cancel = this.#options.clock.after(Math.max(withinMs, PONG_MS), () =>
      this.kill({ kind: "unresponsive" }),
    );
    this.child.ping().then(cancel, cancel);
  }

  /**
   * Until what it has said so far is here: messages of WebSockets come by another way than word of the work
   * that goes on after them, and may come first. One that spins says no more.
   */
  #heard(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(PONG_MS, resolve);
      const heard = () => {
        cancel();
        resolve();
      };
      this.child.ping().then(heard, heard);
    });
  }

  /** Lets what is under way finish within `budgetMs`, then ends the process. No new call may enter. */
  async end(budgetMs: number): Promise<void> {
    this.#ending = true;
    await this.#heard();
    if (!this.#isIdle()) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        const cancel = this.#options.clock.after(budgetMs, resolve);
        void this.child.exited.then(() => {
          cancel();
          resolve();
        });
      });
    }
    this.kill({ kind: "ended" });
    await this.child.exited;
  }
}
