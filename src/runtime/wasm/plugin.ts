/**
 * One instance of one module: calls an export with input bytes and gives its output bytes. Reused from
 * call to call, over errors too (globals live on, as in Extism), thrown away after a trap or an exit.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { LogLevelName } from "../messages.ts";
import { engineReason } from "./engine-reason.ts";
import { createExtismImports, EXTISM_MODULE, type PluginState } from "./extism-imports.ts";
import { ExtismMemory } from "./extism-memory.ts";
import { type Asking, OUTSIDE } from "./host/outside.ts";
import { START_EXPORT, STOP_EXPORT } from "./rewrite/rewrite-module.ts";
import { createWasi, WASI_MODULE, WasiExit } from "./wasi.ts";

export interface PluginOptions {
  /** Rewritten (`rewrite/rewrite-module.ts`). */
  readonly module: WebAssembly.Module;
  readonly config: Readonly<Record<string, string>>;
  /** The module's variables, handed from instance to instance. */
  readonly vars: Map<string, Uint8Array<ArrayBuffer>>;
  /** Blocks of one call together, bytes. */
  readonly memoryBytes: number;
  /** Its imports wait for the outside: calls give promises. */
  readonly waits: boolean;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** Of a plug-in's error: more is no message. */
const ERROR_MAX_BYTES = 65_536;

export type PluginLog = (level: LogLevelName, text: string) => void;

export type PluginResult =
  | { readonly ok: true; readonly output: Uint8Array<ArrayBuffer> }
  /** The plug-in's own error, or a trap. */
  | { readonly ok: false; readonly message: string };

/** How a call reaches the outside and gives its turn away meanwhile. */
export interface CallWorld extends Pick<Asking, "header" | "link" | "abort"> {
  readonly log: PluginLog;
  /** Runs `wait` while other calls have the thread. */
  outside<T>(wait: () => Promise<T>): Promise<T>;
}

/** What JavaScript Promise Integration adds, which TypeScript's library does not know yet. */
interface PromiseIntegration {
  readonly Suspending: new (run: (...args: never[]) => unknown) => WebAssembly.ImportValue;
  promising(run: CallableFunction): () => Promise<unknown>;
}
const integration = WebAssembly as unknown as PromiseIntegration;

export class Plugin {
  readonly #state: PluginState;
  readonly #exports: WebAssembly.Exports;
  readonly #waits: boolean;
  #world: CallWorld | null = null;
  #isSpent = false;
  /** Null while nothing of the module has run. */
  #stopWord: Int32Array | null = null;

  /**
   * Runs the module's start function and initialisers: may trap, may be stopped. They cannot wait.
   * @param onInstance told of the stop word before anything of the module runs.
   */
  constructor(options: PluginOptions, onInstance: (stopWord: Int32Array) => void) {
    const write: PluginLog = (level, text) => this.#world?.log(level, text);
    this.#waits = options.waits;
    this.#state = {
      memory: new ExtismMemory(options.memoryBytes),
      config: new Map(Object.entries(options.config)),
      vars: options.vars,
      inputAddress: 0,
      inputLength: 0,
      output: null,
      errorAddress: 0,
      answer: null,
      log: write,
    };
    let memory: WebAssembly.Memory | null = null;
    const checkStop = () => this.#checkStop();
    const wasi = createWasi({ ...options, memory: () => memory, checkStop, log: write });
    const own = { [EXTISM_MODULE]: createExtismImports(this.#state), [WASI_MODULE]: wasi };
    const imports = options.waits ? this.#withOutside(own) : own;
    const instance = new WebAssembly.Instance(
      options.module,
      imports as unknown as WebAssembly.Imports,
    );
    this.#exports = instance.exports;
    if (this.#exports["memory"] instanceof WebAssembly.Memory) memory = this.#exports["memory"];
    const stop = this.#exports[STOP_EXPORT] as WebAssembly.Memory;
    this.#stopWord = new Int32Array(stop.buffer);
    onInstance(this.#stopWord);
    this.#run(START_EXPORT);
    this.#run("_initialize");
    this.#run("hs_init");
  }

  /** The module looks by itself only every so many turns: too few of those that have us at work for long. */
  #checkStop(): void {
    if (this.#stopWord && Atomics.load(this.#stopWord, 0) !== 0) throw new Error("It was stopped");
  }

  #withOutside(own: Record<string, object>): Record<string, object> {
    const modules: Record<string, Record<string, unknown>> = {};
    for (const [module, functions] of Object.entries(OUTSIDE)) {
      modules[module] = { ...own[module] };
      for (const [name, ask] of Object.entries(functions)) {
        const wait = (a: bigint, b: bigint = 0n) => this.#ask((asking) => ask(asking, a, b));
        Object.assign(modules[module], { [name]: new integration.Suspending(wait as never) });
      }
    }
    return { ...own, ...modules };
  }

  async #ask(ask: (asking: Asking) => Promise<bigint>): Promise<bigint> {
    const world = this.#world;
    if (!world) throw new Error("Nothing can be asked outside of a call");
    const { memory } = this.#state;
    const asking: Asking = { ...world, memory, answer: this.#state.answer };
    const result = await world.outside(() => ask(asking));
    this.#state.answer = asking.answer;
    return result;
  }

  /** It trapped or exited in the midst of something (its stack is not where it was), or was a program. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** What is thrown away with it. */
  get heldBytes(): number {
    const { memory } = this.#exports;
    const own = memory instanceof WebAssembly.Memory ? memory.buffer.byteLength : 0;
    return own + this.#state.memory.heldBytes;
  }

  #run(name: string): unknown {
    const entry = this.#exports[name];
    return typeof entry === "function" ? (entry as () => unknown)() : undefined;
  }

  /** One call at a time. A promise only where the module's imports wait. */
  call(
    exportName: string,
    input: Uint8Array,
    world: CallWorld,
  ): PluginResult | Promise<PluginResult> {
    this.#world = world;
    try {
      this.#begin(input);
    } catch (error) {
      return this.#failure(error);
    }
    // A program runs once in an instance: its C library says so by a trap.
    this.#isSpent = exportName === "_start";
    if (this.#waits) return this.#callWaiting(exportName);
    try {
      return this.#result(this.#run(exportName));
    } catch (error) {
      return this.#failure(error);
    }
  }

  async #callWaiting(exportName: string): Promise<PluginResult> {
    const entry = this.#exports[exportName];
    if (typeof entry !== "function") return this.#result(undefined);
    try {
      return this.#result(await integration.promising(entry)());
    } catch (error) {
      return this.#failure(error);
    }
  }

  #failure(error: unknown): PluginResult {
    this.#isSpent = true;
    if (error instanceof WasiExit && error.code === 0) return this.#result(0);
    return { ok: false, message: this.#errorText() ?? engineReason(error) };
  }

  #begin(input: Uint8Array): void {
    const state = this.#state;
    state.memory.reset();
    state.output = null;
    state.errorAddress = 0;
    state.answer = null;
    if (input.length > state.memory.roomBytes) {
      throw new RangeError("The input is larger than the function's memory");
    }
    state.inputLength = input.length;
    state.inputAddress = state.memory.store(input);
  }

  #result(code: unknown): PluginResult {
    const error = this.#errorText();
    if (error !== null) return { ok: false, message: error };
    if (typeof code === "number" && code !== 0) {
      return { ok: false, message: `The plug-in returned ${code}` };
    }
    const { output, memory } = this.#state;
    const bytes = output ? memory.read(output.address, output.length) : new Uint8Array();
    return { ok: true, output: bytes };
  }

  #errorText(): string | null {
    const { errorAddress, memory } = this.#state;
    return errorAddress === 0 ? null : memory.text(errorAddress, ERROR_MAX_BYTES);
  }
}
