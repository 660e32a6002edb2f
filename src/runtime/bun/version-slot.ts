/**
 * The way in to one function version: its processes (assigned from the pool when calls need them, up to
 * its maximum, and again after they went), the limit of calls at a time, and the queue before them.
 */
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import { runtimeErrors } from "../errors.ts";
import type { FullRuntimeOptions } from "../options.ts";
import type { ActiveCall } from "./active-call.ts";
import type { Instance } from "./instance.ts";
import { RestartPace } from "./restart-pace.ts";

export interface Entry {
  readonly instance: Instance;
  /** True when the process was assigned for this call. */
  readonly cold: boolean;
}

interface Waiter {
  readonly call: ActiveCall;
  readonly resolve: (entry: Entry) => void;
  readonly reject: (error: unknown) => void;
}

/** A version that could not be loaded is not tried again for this long. */
const FAILED_LOAD_MS = 1000;

export class VersionSlot {
  readonly spec: FunctionSpec;
  readonly #instances: Instance[] = [];
  readonly #options: FullRuntimeOptions;
  readonly #open: (spec: FunctionSpec) => Promise<Instance>;
  readonly #waiting: Waiter[] = [];
  readonly #restarts: RestartPace;
  #willRetry = false;
  #opening = 0;
  #isRetired = false;
  #failed: { readonly error: unknown; readonly until: number } | null = null;

  constructor(
    spec: FunctionSpec,
    options: FullRuntimeOptions,
    open: (spec: FunctionSpec) => Promise<Instance>,
  ) {
    this.spec = spec;
    this.#options = options;
    this.#restarts = new RestartPace(options.clock);
    this.#open = open;
  }

  /** There is nothing to be kept of it. */
  empty(): boolean {
    const isUsed = this.#instances.length > 0 || this.#opening > 0 || this.#waiting.length > 0;
    return !isUsed && (this.#isRetired || this.#restarts.hasForgotten());
  }

  list(): readonly Instance[] {
    return this.#instances;
  }

  /** Resolves when the call may run; it has then entered the instance. */
  enter(call: ActiveCall): Entry | Promise<Entry> {
    const instance = this.#waiting.length === 0 ? this.#withRoom() : null;
    if (!instance) return this.#wait(call);
    instance.enter(call);
    // Room is left, and yet others may help: the next ones find a process of their own.
    if (instance.calls.size > this.#busyAt()) this.#grow();
    return { instance, cold: false };
  }

  /** Makes and keeps the least number of processes there are to be. */
  keepReady(): void {
    const wanted = this.#isRetired ? 0 : this.spec.instances.min;
    while (this.#usable() + this.#opening < wanted && !this.#hasFailed()) {
      if (this.#mustWait()) return;
      this.#assign();
    }
  }

  /** The instance is left to itself: it takes no new call. False when it was not one of these. */
  detach(instance: Instance): boolean {
    const at = this.#instances.indexOf(instance);
    if (at >= 0) this.#instances.splice(at, 1);
    return at >= 0;
  }

  /** Its process is gone, or as good as gone. */
  leftBy(instance: Instance): void {
    if (this.detach(instance) && instance.endsAlike()) this.#restarts.countEnd();
  }

  /** No new process is kept; those who wait are still served. The instances are for the caller to end. */
  retire(): Instance[] {
    this.#isRetired = true;
    return this.#instances.splice(0);
  }

  /** Lets in whoever now may; called whenever a call leaves or a process goes. */
  pump(): void {
    while (this.#waiting.length > 0) {
      const instance = this.#withRoom();
      if (!instance) break;
      this.#admit(instance, false);
    }
    if (this.#waiting.length > 0) this.#grow();
  }

  #wait(call: ActiveCall): Promise<Entry> {
    const { limits, name, instances } = this.spec;
    const atOnce = limits.concurrency * instances.max;
    // Of those that wait, these have their place in processes that are to come.
    const toCome = limits.concurrency * (instances.max - this.#usable());
    if (this.#waiting.length >= toCome + limits.queue) {
      throw runtimeErrors.function_busy(name, atOnce, limits.queue);
    }
    const pauseMs = this.#usable() > 0 ? 0 : this.#pauseMs();
    if (pauseMs >= limits.deadlineMs) throw runtimeErrors.function_paused(name, pauseMs);
    return new Promise<Entry>((resolve, reject) => {
      const waiter = { call, resolve, reject };
      this.#waiting.push(waiter);
      call.controller.onAbort(() => this.#drop(waiter));
      this.pump();
    });
  }

  #drop(waiter: Waiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    waiter.reject(waiter.call.failure);
  }

  /** The least busy of those that take another call. */
  #withRoom(): Instance | null {
    let best: Instance | null = null;
    for (const instance of this.#instances) {
      if (!instance.usable() || !instance.hasRoom()) continue;
      if (!best || instance.calls.size < best.calls.size) best = instance;
    }
    return best;
  }

  /** Calls in one process from which on another is wanted, where there may be one. */
  #busyAt(): number {
    return Math.ceil(this.spec.limits.concurrency / 2);
  }

  #usable(): number {
    return this.#instances.filter((instance) => instance.usable()).length;
  }

  #hasFailed(): boolean {
    return this.#failed !== null && this.#options.clock.monotonic() < this.#failed.until;
  }

  #admit(instance: Instance, cold: boolean): void {
    let first = cold;
    while (instance.hasRoom()) {
      const waiter = this.#waiting.shift();
      if (!waiter) return;
      instance.enter(waiter.call);
      waiter.resolve({ instance, cold: first });
      first = false;
    }
  }

  /** One process more, where there may be one and none is on its way. */
  #grow(): void {
    if (this.#opening > 0 || this.#usable() >= this.spec.instances.max) return;
    if (this.#failed && this.#hasFailed()) this.#refuseAll(this.#failed.error);
    else if (!this.#mustWait()) this.#assign();
  }

  /** Whether a next process has to wait; it is then tried again by itself. */
  #mustWait(): boolean {
    const pauseMs = this.#pauseMs();
    if (pauseMs <= 0) return false;
    if (this.#willRetry) return true;
    this.#willRetry = true;
    this.#options.clock.after(pauseMs, () => {
      this.#willRetry = false;
      this.pump();
      this.keepReady();
    });
    return true;
  }

  #pauseMs(): number {
    // Some are not gone yet, and would be counted too late.
    for (const instance of [...this.#instances]) if (!instance.usable()) this.leftBy(instance);
    return this.#restarts.waitMs();
  }

  #assign(): void {
    this.#opening += 1;
    this.#open(this.spec).then(
      (instance) => {
        this.#opening -= 1;
        this.#failed = null;
        this.#admit(instance, true);
        if (this.#isRetired) void instance.end(this.#options.drainMs);
        else this.#instances.push(instance);
        this.pump();
      },
      (error: unknown) => {
        this.#opening -= 1;
        this.#failed = { error, until: this.#options.clock.monotonic() + FAILED_LOAD_MS };
        if (this.#usable() === 0) this.#refuseAll(error);
      },
    );
  }

  #refuseAll(error: unknown): void {
    // Those that have a process to wait for still have it.
    if (this.#usable() > 0) return;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
