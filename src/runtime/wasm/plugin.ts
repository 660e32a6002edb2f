/**
 * One instance of one module: calls an export with input bytes and gives its output bytes. Reused from
 * call to call (globals and variables live on, as in Extism), thrown away after a trap or an error.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { LogLevelName } from "../messages.ts";
import { createExtismImports, EXTISM_MODULE, type PluginState } from "./extism-imports.ts";
import { ExtismMemory } from "./extism-memory.ts";
import { START_EXPORT, STOP_EXPORT } from "./rewrite/rewrite-module.ts";
import { createWasi, WASI_MODULE, WasiExit } from "./wasi.ts";

export interface PluginOptions {
  readonly module: WebAssembly.Module;
  readonly config: Readonly<Record<string, string>>;
  /** Blocks of one call together, bytes. */
  readonly memoryBytes: number;
  readonly clock: Clock;
  readonly rng: Rng;
}

export type PluginLog = (level: LogLevelName, text: string) => void;

export type PluginResult =
  | { readonly ok: true; readonly output: Uint8Array<ArrayBuffer> }
  /** The plug-in's own error, or a trap; the instance must not be used again. */
  | { readonly ok: false; readonly message: string; readonly trap: boolean };

export class Plugin {
  readonly #state: PluginState;
  readonly #exports: WebAssembly.Exports;
  #log: PluginLog = () => {};

  /**
   * Runs the module's start function and initialisers: may trap, may be stopped.
   * @param options the module has been rewritten (`rewrite/rewrite-module.ts`).
   * @param onInstance told of the stop word before anything of the module runs.
   */
  constructor(options: PluginOptions, log: PluginLog, onInstance: (stopWord: Int32Array) => void) {
    this.#log = log;
    const write: PluginLog = (level, text) => this.#log(level, text);
    this.#state = {
      memory: new ExtismMemory(options.memoryBytes),
      config: new Map(Object.entries(options.config)),
      vars: new Map(),
      inputAddress: 0,
      inputLength: 0,
      output: null,
      errorAddress: 0,
      log: write,
    };
    let memory: WebAssembly.Memory | null = null;
    const wasi = createWasi({ ...options, memory: () => memory, log: write });
    const imports = { [EXTISM_MODULE]: createExtismImports(this.#state), [WASI_MODULE]: wasi };
    const instance = new WebAssembly.Instance(
      options.module,
      imports as unknown as WebAssembly.Imports,
    );
    this.#exports = instance.exports;
    if (this.#exports["memory"] instanceof WebAssembly.Memory) memory = this.#exports["memory"];
    const stop = this.#exports[STOP_EXPORT] as WebAssembly.Memory;
    onInstance(new Int32Array(stop.buffer));
    this.#run(START_EXPORT);
    this.#run("_initialize");
    this.#run("hs_init");
  }

  #run(name: string): unknown {
    const entry = this.#exports[name];
    return typeof entry === "function" ? (entry as () => unknown)() : undefined;
  }

  call(exportName: string, input: Uint8Array, log: PluginLog): PluginResult {
    this.#log = log;
    this.#begin(input);
    try {
      return this.#result(this.#run(exportName));
    } catch (error) {
      if (error instanceof WasiExit && error.code === 0) return this.#result(0);
      return { ok: false, message: this.#errorText() ?? messageOf(error), trap: true };
    }
  }

  #begin(input: Uint8Array): void {
    const state = this.#state;
    state.memory.reset();
    state.output = null;
    state.errorAddress = 0;
    state.inputLength = input.length;
    state.inputAddress = input.length > 0 ? state.memory.store(input) : 0;
  }

  #result(code: unknown): PluginResult {
    const error = this.#errorText();
    if (error !== null) return { ok: false, message: error, trap: false };
    if (typeof code === "number" && code !== 0) {
      return { ok: false, message: `The plug-in returned ${code}`, trap: false };
    }
    const { output, memory } = this.#state;
    const bytes = output ? memory.read(output.address, output.length) : new Uint8Array();
    return { ok: true, output: bytes };
  }

  #errorText(): string | null {
    const { errorAddress, memory } = this.#state;
    return errorAddress === 0 ? null : new TextDecoder().decode(memory.block(errorAddress));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
