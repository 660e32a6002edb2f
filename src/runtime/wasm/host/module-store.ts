/**
 * The modules a WASM host holds, compiled once, and their instances: made when they are needed, used
 * again, thrown away after a trap or an exit. A module that waits for the outside has several, because
 * one instance is in one call at a time; any other has one. The variables are the module's.
 */
import { systemClock } from "../../../shared/clock.ts";
import { systemRng } from "../../../shared/rng.ts";
import type { LoadOrder } from "../../messages.ts";
import { inspectModule } from "../inspect-module.ts";
import { Plugin } from "../plugin.ts";
import { TABLE_ELEMENTS } from "../rewrite/rewrite-limits.ts";
import { rewriteModule } from "../rewrite/rewrite-module.ts";
import { threwAway } from "../thrown-away.ts";
import { waitsOutside } from "./outside.ts";
import type { Watchdog } from "./watchdog.ts";

export interface LoadedModule {
  /** Exports that can be called. */
  readonly callable: readonly string[];
  /** It imports functions that wait for the outside: several of its calls may be under way. */
  readonly waits: boolean;
}

/** An instance in use by one call. */
export interface Borrowed {
  readonly plugin: Plugin;
  /** The watchdog's number of the instance. */
  readonly instance: number;
  /** @param isGood false throws the instance away. */
  giveBack(isGood: boolean): void;
}

export interface ModuleStore {
  /** Compiles. Throws `invalid_function` or the engine's error. */
  load(order: LoadOrder, bytes: Uint8Array): LoadedModule;
  /** Unless a later order than the one of this number has loaded it again. */
  unload(key: string, n: number): void;
  /** Null when the module is not loaded. Making an instance runs code of the module: it may trap. */
  borrow(key: string): Borrowed | null;
  waits(key: string): boolean;
}

interface Instance {
  readonly plugin: Plugin;
  readonly number: number;
  calls: number;
}

interface Resident extends LoadedModule {
  readonly order: LoadOrder;
  readonly module: WebAssembly.Module;
  readonly idle: Instance[];
  readonly vars: Vars;
  /** Number of the last order to load it. */
  n: number;
  gone: boolean;
}

type Vars = Map<string, Uint8Array<ArrayBuffer>>;
type Instances = Pick<Watchdog, "adopt" | "running" | "forget">;

/** An instance is replaced after so many calls, so that a leak in it ends. */
const CALLS_PER_INSTANCE = 10_000;

export function createModuleStore(watchdog: Instances): ModuleStore {
  const residents = new Map<string, Resident>();

  function make({ module, order, waits, vars: kept }: Resident): Instance {
    const { config, memoryBytes, fresh } = order;
    const vars: Vars = fresh ? new Map() : kept;
    const world = { clock: systemClock, rng: systemRng };
    let number = 0;
    try {
      const options = { module, config, vars, memoryBytes, waits, ...world };
      const plugin = new Plugin(options, (stopWord) => {
        number = watchdog.adopt(stopWord);
      });
      return { plugin, number, calls: 0 };
    } catch (error) {
      if (number !== 0) watchdog.forget(number);
      throw error;
    }
  }

  function retire(instance: Instance): void {
    watchdog.forget(instance.number);
    const { heldBytes } = instance.plugin;
    // Its call, which ends now, has it in hand still.
    setImmediate(threwAway, heldBytes);
  }

  return {
    load(order, bytes) {
      const known = residents.get(order.key);
      if (known) {
        known.n = order.n;
        return known;
      }
      const { callable, exportNames, imports } = inspectModule(bytes);
      const names = exportNames.includes("_start") ? [...callable, "_start"] : callable;
      const limits = { memoryBytes: order.memoryBytes, tableElements: TABLE_ELEMENTS };
      const module = new WebAssembly.Module(rewriteModule(bytes, limits));
      const resident = { order, module, callable: names, waits: waitsOutside(imports) };
      residents.set(order.key, { ...resident, idle: [], vars: new Map(), n: order.n, gone: false });
      return resident;
    },
    unload(key, n) {
      const resident = residents.get(key);
      if (resident?.n !== n) return;
      resident.gone = true;
      for (const instance of resident.idle.splice(0)) retire(instance);
      residents.delete(key);
    },
    borrow(key) {
      const resident = residents.get(key);
      if (!resident) return null;
      const instance = resident.idle.pop() ?? make(resident);
      watchdog.running(instance.number);
      return {
        plugin: instance.plugin,
        instance: instance.number,
        giveBack(isGood) {
          instance.calls += 1;
          const isSpent = instance.calls >= CALLS_PER_INSTANCE || resident.order.fresh;
          if (isGood && !isSpent && !resident.gone) resident.idle.push(instance);
          else retire(instance);
        },
      };
    },
    waits: (key) => residents.get(key)?.waits ?? false,
  };
}
