/**
 * Which modules one WASM host has, seen from the server: loaded by the first call that needs them, kept
 * while calls use them, and forgotten when they are retired or nobody has used them for a while.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { FunctionSpec } from "../../core/ports/function-runtime.ts";
import type { Answer } from "../calls/answer-head.ts";
import type { Child } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import type { LoadOrder } from "../messages.ts";
import { specKey } from "../spec-key.ts";
import type { LoadedModule } from "./host/module-store.ts";
import { bytesOf, exitUnder, HostGone } from "./host-gone.ts";

/** Beside the linear memory: the executable, the compiler, other modules that are resident. */
export const HOST_BYTES = 384 * 1024 * 1024;

/** A module that a host has or is to have. */
export interface HeldModule {
  readonly key: string;
  readonly spec: FunctionSpec;
  /** Calls that have it in use, from before it is loaded until they are answered. */
  users: number;
  /** Null until it is there. */
  loaded: LoadedModule | null;
  /** While it is on its way. */
  loading: Promise<LoadedModule> | null;
  /** Number of the order to load it; 0 before there is one. */
  order: number;
  /** When it was last used, monotonic milliseconds. */
  usedAt: number;
  /** To be forgotten when nobody uses it any more. */
  isRetired: boolean;
}

export class ResidentModules {
  readonly #child: Child;
  readonly #clock: Clock;
  /** By `specKey`. */
  readonly #held = new Map<string, HeldModule>();
  #orders = 0;

  constructor(child: Child, clock: Clock) {
    this.#child = child;
    this.#clock = clock;
    child.specOf = (key) => (key === undefined ? null : (this.#held.get(key)?.spec ?? null));
  }

  /** Keeps the module here until `leave`, even when it is retired meanwhile. */
  enter(spec: FunctionSpec): HeldModule {
    const key = specKey(spec);
    const held = this.#held.get(key) ?? this.#add(key, spec);
    held.users += 1;
    return held;
  }

  #add(key: string, spec: FunctionSpec): HeldModule {
    const usedAt = this.#clock.monotonic();
    const nothing = { users: 0, loaded: null, loading: null, order: 0, isRetired: false };
    const held: HeldModule = { key, spec, usedAt, ...nothing };
    this.#held.set(key, held);
    return held;
  }

  leave(held: HeldModule): void {
    held.users -= 1;
    held.usedAt = this.#clock.monotonic();
    if (held.users === 0 && held.isRetired) this.#forget(held);
  }

  /** Makes the module resident; resolves with what it is. */
  load(held: HeldModule): LoadedModule | Promise<LoadedModule> {
    return held.loaded ?? held.loading ?? this.#askToLoad(held);
  }

  #askToLoad(held: HeldModule): Promise<LoadedModule> {
    this.#limitMemory();
    held.loading = this.#sendModule(held)
      .then((loaded) => {
        held.loaded = loaded;
        return loaded;
      })
      .finally(() => {
        held.loading = null;
      });
    return held.loading;
  }

  /** The kernel's bound is for the largest that is resident; which call runs, it cannot know. */
  #limitMemory(): void {
    const limits = [...this.#held.values()].map(({ spec }) => spec.limits.memoryBytes);
    this.#child.limitMemory(HOST_BYTES + Math.max(...limits));
  }

  /** The host cannot read our files, so the module goes to it as a body. */
  async #sendModule(held: HeldModule): Promise<LoadedModule> {
    const { codePath, config, limits, isolation } = held.spec;
    this.#orders += 1;
    held.order = this.#orders;
    const { key, order: n } = held;
    const { memoryBytes } = limits;
    const load: LoadOrder = { key, n, memoryBytes, config, fresh: isolation === "request" };
    const answer = await this.#loadBy(load, await Bun.file(codePath).bytes());
    const text = new TextDecoder().decode(await bytesOf(answer));
    if (answer.outcome !== undefined) throw runtimeErrors.invalid_function(text);
    return JSON.parse(text) as LoadedModule;
  }

  async #loadBy(load: LoadOrder, module: Uint8Array<ArrayBuffer>): Promise<Answer> {
    try {
      return await this.#child.call({ load }, module).answer;
    } catch (error) {
      const exit = await exitUnder(error, this.#child, this.#clock);
      throw exit ? new HostGone(exit, false, false) : error;
    }
  }

  /** Forgets all modules whose key begins so, each when nobody uses it any more. */
  unload(prefix: string): void {
    for (const held of [...this.#held.values()]) {
      if (!held.key.startsWith(prefix)) continue;
      held.isRetired = true;
      if (held.users === 0) this.#forget(held);
    }
  }

  /** Forgets modules that were not used for as long as their functions say. */
  unloadIdle(): void {
    const nowMs = this.#clock.monotonic();
    for (const held of this.#held.values()) {
      if (held.users === 0 && nowMs - held.usedAt > held.spec.limits.idleMs) this.#forget(held);
    }
  }

  #forget({ key, order, loaded }: HeldModule): void {
    this.#held.delete(key);
    if (loaded) this.#child.send({ t: "unload", key, n: order });
  }
}
