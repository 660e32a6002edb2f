/**
 * The function runtimes: what the functions capability gets behind the FunctionRuntime port.
 * `createRuntimes` is called once by the server; nothing else in here is imported from outside,
 * except `bundleFunction` and `checkModule`, which a deploy uses.
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import type { FunctionRuntime } from "../core/ports/function-runtime.ts";
import { BunRuntime } from "./bun/bun-runtime.ts";
import { LambdaRuntime } from "./lambda/lambda-runtime.ts";
import { type RuntimeOptions, withDefaults } from "./options.ts";
import { WasmRuntime } from "./wasm/wasm-runtime.ts";

export type { LambdaSettings, RuntimeOptions } from "./options.ts";

export interface Runtimes {
  readonly bun: FunctionRuntime;
  readonly wasm: FunctionRuntime;
  readonly lambda: FunctionRuntime;
  /** The kernel itself bounds each process. */
  readonly cgroups: boolean;
  /** Null: programs of their own can be run here; else why they cannot, a sentence. */
  programsRefused(): Promise<string | null>;
  start(): Promise<void>;
  /** Drains within the budget, ends every child, removes the folder. */
  stop(budgetMs: number): Promise<void>;
  processes(): ReturnType<FunctionRuntime["processes"]>;
}

export function createRuntimes(given: RuntimeOptions): Runtimes {
  const options = withDefaults(given);
  const bun = new BunRuntime(options);
  const wasm = new WasmRuntime(options);
  const lambda = new LambdaRuntime(options, bun);
  return {
    bun,
    wasm,
    lambda,
    cgroups: options.cgroups !== null,
    programsRefused: () => bun.programsRefused(),
    async start() {
      rmSync(options.dir, { recursive: true, force: true });
      // Children of other users go through it to their own folders, which are closed.
      const mode = options.jail.firstUid === null ? 0o700 : 0o711;
      mkdirSync(options.dir, { recursive: true, mode });
      chmodSync(options.dir, mode);
      await Promise.all([bun.start(), wasm.start(), lambda.start()]);
    },
    async stop(budgetMs) {
      await Promise.all([bun.stop(budgetMs), wasm.stop(budgetMs), lambda.stop(budgetMs)]);
      rmSync(options.dir, { recursive: true, force: true });
    },
    processes: () => [...bun.processes(), ...wasm.processes()],
  };
}
