/**
 * The functions that an Extism plug-in imports from `extism:host/env` (Extism runtime ABI 1.x), for one
 * instance. Addresses and lengths are i64, so they arrive as BigInt; a throw ends the call as a trap.
 */
import type { LogLevelName } from "../messages.ts";
import { ExtismMemory } from "./extism-memory.ts";

export const EXTISM_MODULE = "extism:host/env";

/** All variables of a module together, names included; Extism's own default, and what it adds for each. */
const VARS_BYTES = 1024 * 1024;
const VAR_OVERHEAD_BYTES = 48;
/** Of one line; the log holds less. */
const LOG_MAX_BYTES = 65_536;
/** What `get_log_level` answers: 0 trace, 1 debug, 2 info, 3 warn, 4 error. */
const LOG_LEVEL_DEBUG = 1;

export interface PluginState {
  readonly memory: ExtismMemory;
  readonly config: ReadonlyMap<string, string>;
  /** Outlive the instance. */
  readonly vars: Map<string, Uint8Array<ArrayBuffer>>;
  inputAddress: number;
  inputLength: number;
  output: { readonly address: number; readonly length: number } | null;
  /** Address of the message given to `error_set`, 0 for none. */
  errorAddress: number;
  /** Of the last request, null before any. */
  answer: { readonly status: number; readonly headers: string } | null;
  log(level: LogLevelName, text: string): void;
}

type HostFunction = (...args: never[]) => unknown;

/** Names without a kernel behind them: asked for by every instance, needed to check a module. */
export const EXTISM_FUNCTIONS: ReadonlySet<string> = new Set(
  Object.keys(createExtismImports(emptyState())),
);

function emptyState(): PluginState {
  return {
    memory: new ExtismMemory(0),
    config: new Map(),
    vars: new Map(),
    inputAddress: 0,
    inputLength: 0,
    output: null,
    errorAddress: 0,
    answer: null,
    log: () => {},
  };
}

export function createExtismImports(state: PluginState): Record<string, HostFunction> {
  return {
    ...memoryFunctions(state.memory),
    ...inputFunctions(state),
    ...resultFunctions(state),
    ...storeFunctions(state),
    ...logFunctions(state),
    ...answerFunctions(state),
  };
}

function memoryFunctions(memory: ExtismMemory): Record<string, HostFunction> {
  const length = (address: bigint) => BigInt(memory.length(Number(address)));
  return {
    alloc: (size: bigint) => BigInt(memory.alloc(Number(size))),
    free: (address: bigint) => memory.free(Number(address)),
    length,
    length_unsafe: length,
    load_u8: (address: bigint) => memory.loadU8(Number(address)),
    load_u64: (address: bigint) => memory.loadU64(Number(address)),
    store_u8: (address: bigint, value: number) => memory.storeU8(Number(address), value),
    store_u64: (address: bigint, value: bigint) => memory.storeU64(Number(address), value),
  };
}

function inputFunctions(state: PluginState): Record<string, HostFunction> {
  const inside = (offset: bigint, length: number) => {
    const at = Number(offset);
    if (!(at >= 0 && at + length <= state.inputLength)) {
      throw new RangeError(`Offset ${at} is outside of the input`);
    }
    return state.inputAddress + at;
  };
  return {
    input_offset: () => BigInt(state.inputAddress),
    input_length: () => BigInt(state.inputLength),
    input_load_u8: (offset: bigint) => state.memory.loadU8(inside(offset, 1)),
    input_load_u64: (offset: bigint) => state.memory.loadU64(inside(offset, 8)),
  };
}

function resultFunctions(state: PluginState): Record<string, HostFunction> {
  return {
    output_set(address: bigint, length: bigint) {
      state.output = { address: Number(address), length: Number(length) };
      // Nothing, said in so many words: kits do so.
      if (address === 0n && length === 0n) state.output = null;
      else state.memory.check(state.output.address, state.output.length);
    },
    error_set(address: bigint) {
      if (address !== 0n && !state.memory.has(Number(address))) {
        throw new RangeError("error_set was given no block");
      }
      state.errorAddress = Number(address);
    },
    error_get: () => BigInt(state.errorAddress),
  };
}

function storeFunctions(state: PluginState): Record<string, HostFunction> {
  const { memory, vars } = state;
  // One that is cut is longer than any that is held.
  const keyAt = (address: bigint) => memory.text(Number(address), VARS_BYTES);
  return {
    config_get(address: bigint) {
      const value = state.config.get(keyAt(address));
      return value === undefined ? 0n : BigInt(memory.store(new TextEncoder().encode(value)));
    },
    var_get(address: bigint) {
      const value = vars.get(keyAt(address));
      return value === undefined ? 0n : BigInt(memory.store(value));
    },
    var_set(address: bigint, valueAddress: bigint) {
      const key = keyAt(address);
      vars.delete(key);
      if (valueAddress === 0n) return;
      const value = memory.block(Number(valueAddress));
      let heldBytes = varBytes(key, value);
      for (const [name, held] of vars) heldBytes += varBytes(name, held);
      if (heldBytes > VARS_BYTES) throw new RangeError(`Variables may hold ${VARS_BYTES} bytes`);
      vars.set(key, value);
    },
  };
}

const varBytes = (key: string, value: Uint8Array) =>
  Buffer.byteLength(key) + value.length + VAR_OVERHEAD_BYTES;

function logFunctions(state: PluginState): Record<string, HostFunction> {
  const at = (level: LogLevelName) => (address: bigint) =>
    state.log(level, state.memory.text(Number(address), LOG_MAX_BYTES));
  return {
    log_trace: at("debug"),
    log_debug: at("debug"),
    log_info: at("info"),
    log_warn: at("warn"),
    log_error: at("error"),
    get_log_level: () => LOG_LEVEL_DEBUG,
  };
}

/** What `http_request` left; the request itself waits for the outside (`host/outside.ts`). */
function answerFunctions(state: PluginState): Record<string, HostFunction> {
  return {
    http_status_code: () => state.answer?.status ?? 0,
    http_headers: () =>
      state.answer
        ? BigInt(state.memory.store(new TextEncoder().encode(state.answer.headers)))
        : 0n,
  };
}
