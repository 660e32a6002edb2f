/**
 * The way in to one function version: its one process (assigned from the pool at the first call and
 * again after it went), the limit of calls at a time, and the queue before it.
 */
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import { runtimeErrors } from "../errors.ts";
import type { FullRuntimeOptions } from "../options.ts";
import type { ActiveCall } from "./active-call.ts";
import type { Instance } from "./instance.ts";

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
  instance: Instance | null = null;
  readonly #options: FullRuntimeOptions;
  readonly #open: (spec: FunctionSpec) => Promise<Instance>;
  readonly #waiting: Waiter[] = [];
  #opening = false;
  #failed: { readonly error: unknown; readonly until: number } | null = null;

  constructor(
    spec: FunctionSpec,
    options: FullRuntimeOptions,
    open: (spec: FunctionSpec) => Promise<Instance>,
  ) {
    this.spec = spec;
    this.#options = options;
    this.#open = open;
  }

  empty(): boolean {
    return this.instance === null && !this.#opening && this.#waiting.length === 0;
  }

  /** Resolves when the call may run; it has then entered the instance. */
  enter(call: ActiveCall): Entry | Promise<Entry> {
    const { instance } = this;
    if (instance?.usable() && instance.hasRoom() && this.#waiting.length === 0) {
      instance.enter(call);
      return { instance, cold: false };
    }
    return this.#wait(call);
  }

  /** The instance is left to itself: it takes no new call. */
  detach(): Instance | null {
    const { instance } = this;
    this.instance = null;
    return instance;
  }

  /** Lets in whoever now may; called whenever a call leaves or the process goes. */
  pump(): void {
    if (this.#waiting.length === 0) return;
    if (this.instance?.usable()) this.#admit(this.instance, false);
    else this.#assign();
  }

  #wait(call: ActiveCall): Promise<Entry> {
    const { limits, name } = this.spec;
    if (this.#waiting.length >= limits.concurrency + this.#options.waiting) {
      throw runtimeErrors.function_busy(name, limits.concurrency, this.#options.waiting);
    }
    if (this.instance?.usable() && this.#waiting.length >= this.#options.waiting) {
      throw runtimeErrors.function_busy(name, limits.concurrency, this.#options.waiting);
    }
    return new Promise<Entry>((resolve, reject) => {
      const waiter = { call, resolve, reject };
      this.#waiting.push(waiter);
      call.controller.signal.addEventListener("abort", () => this.#drop(waiter), { once: true });
      this.pump();
    });
  }

  #drop(waiter: Waiter): void {
    const at = this.#waiting.indexOf(waiter);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    waiter.reject(waiter.call.failure);
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

  #assign(): void {
    if (this.#opening) return;
    if (this.#failed && this.#options.clock.monotonic() < this.#failed.until) {
      this.#refuseAll(this.#failed.error);
      return;
    }
    this.#opening = true;
    this.#open(this.spec).then(
      (instance) => {
        this.#opening = false;
        this.#failed = null;
        this.instance = instance;
        this.#admit(instance, true);
        if (!instance.usable()) this.pump();
      },
      (error: unknown) => {
        this.#opening = false;
        this.#failed = { error, until: this.#options.clock.monotonic() + FAILED_LOAD_MS };
        this.#refuseAll(error);
      },
    );
  }

  #refuseAll(error: unknown): void {
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
