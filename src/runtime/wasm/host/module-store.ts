/** The modules a WASM host holds: compiled once, one instance each, made anew after a trap or an error. */
import { systemClock } from "../../../shared/clock.ts";
import { systemRng } from "../../../shared/rng.ts";
import type { LoadMessage } from "../../messages.ts";
import { capMemory } from "../cap-memory.ts";
import { inspectModule } from "../inspect-module.ts";
import { Plugin, type PluginLog, type PluginOptions, type PluginResult } from "../plugin.ts";

export interface ModuleStore {
  /** Compiles; resolves with the exports that can be called. */
  load(message: LoadMessage): Promise<readonly string[]>;
  unload(key: string): void;
  call(key: string, exportName: string, input: Uint8Array, log: PluginLog): PluginResult;
}

interface Resident {
  readonly options: PluginOptions;
  readonly callable: readonly string[];
  plugin: Plugin | null;
  calls: number;
}

/** An instance is replaced after so many calls, so that a leak in it ends. */
const CALLS_PER_INSTANCE = 10_000;

export function createModuleStore(): ModuleStore {
  const residents = new Map<string, Resident>();
  return {
    async load({ key, codePath, memoryBytes, config }) {
      const known = residents.get(key);
      if (known) return known.callable;
      const bytes = await Bun.file(codePath).bytes();
      const { callable, exportNames } = inspectModule(bytes);
      const names = exportNames.includes("_start") ? [...callable, "_start"] : callable;
      const module = new WebAssembly.Module(capMemory(bytes, memoryBytes));
      const options = { module, config, memoryBytes, clock: systemClock, rng: systemRng };
      residents.set(key, { options, callable: names, plugin: null, calls: 0 });
      return names;
    },
    unload: (key) => void residents.delete(key),
    call(key, exportName, input, log) {
      const resident = residents.get(key);
      if (!resident) return { ok: false, message: "The module is not loaded", trap: true };
      return callResident(resident, exportName, input, log);
    },
  };
}

function callResident(
  resident: Resident,
  exportName: string,
  input: Uint8Array,
  log: PluginLog,
): PluginResult {
  try {
    resident.plugin ??= new Plugin(resident.options, log);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, message: `The module could not be started: ${message}`, trap: true };
  }
  const result = resident.plugin.call(exportName, input, log);
  resident.calls += 1;
  if (!result.ok || resident.calls % CALLS_PER_INSTANCE === 0) resident.plugin = null;
  return result;
}
