/** The modules a WASM host holds: compiled once, one instance each, made anew after a trap or an error. */
import { systemClock } from "../../../shared/clock.ts";
import { systemRng } from "../../../shared/rng.ts";
import type { LoadHeader } from "../../messages.ts";
import { inspectModule } from "../inspect-module.ts";
import { Plugin, type PluginLog, type PluginOptions, type PluginResult } from "../plugin.ts";
import { rewriteModule } from "../rewrite/rewrite-module.ts";
import type { Watchdog } from "./watchdog.ts";

export interface ModuleStore {
  /** Compiles; the exports that can be called. Throws `invalid_function` or the engine's error. */
  load(header: LoadHeader, bytes: Uint8Array): readonly string[];
  unload(key: string): void;
  /** The instance was stopped: the next call has a new one. */
  drop(key: string): void;
  call(key: string, exportName: string, input: Uint8Array, log: PluginLog): PluginResult;
}

interface Resident {
  readonly options: PluginOptions;
  readonly callable: readonly string[];
  plugin: Plugin | null;
  /** The watchdog's number of the plugin's instance, 0 for none. */
  instance: number;
  calls: number;
}

type Instances = Pick<Watchdog, "adopt" | "running" | "forget">;

/** An instance is replaced after so many calls, so that a leak in it ends. */
const CALLS_PER_INSTANCE = 10_000;
/** Of each table; a pointer each. */
const TABLE_ELEMENTS = 1_000_000;

export function createModuleStore(watchdog: Instances): ModuleStore {
  const residents = new Map<string, Resident>();
  return {
    load({ key, memoryBytes, config }, bytes) {
      const known = residents.get(key);
      if (known) return known.callable;
      const { callable, exportNames } = inspectModule(bytes);
      const names = exportNames.includes("_start") ? [...callable, "_start"] : callable;
      const module = new WebAssembly.Module(
        rewriteModule(bytes, { memoryBytes, tableElements: TABLE_ELEMENTS }),
      );
      const options = { module, config, memoryBytes, clock: systemClock, rng: systemRng };
      residents.set(key, { options, callable: names, plugin: null, instance: 0, calls: 0 });
      return names;
    },
    unload(key) {
      const resident = residents.get(key);
      if (resident) drop(resident, watchdog);
      residents.delete(key);
    },
    drop(key) {
      const resident = residents.get(key);
      if (resident) drop(resident, watchdog);
    },
    call(key, exportName, input, log) {
      const resident = residents.get(key);
      if (!resident) return { ok: false, message: "The module is not loaded", trap: true };
      return callResident(resident, exportName, input, log, watchdog);
    },
  };
}

function drop(resident: Resident, watchdog: Instances): void {
  if (resident.instance !== 0) watchdog.forget(resident.instance);
  resident.plugin = null;
  resident.instance = 0;
}

function callResident(
  resident: Resident,
  exportName: string,
  input: Uint8Array,
  log: PluginLog,
  watchdog: Instances,
): PluginResult {
  try {
    if (resident.plugin) watchdog.running(resident.instance);
    resident.plugin ??= new Plugin(resident.options, log, (stopWord) => {
      resident.instance = watchdog.adopt(stopWord);
    });
  } catch (error) {
    drop(resident, watchdog);
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, message: `The module could not be started: ${message}`, trap: true };
  }
  const result = resident.plugin.call(exportName, input, log);
  resident.calls += 1;
  if (!result.ok || resident.calls % CALLS_PER_INSTANCE === 0) drop(resident, watchdog);
  return result;
}
