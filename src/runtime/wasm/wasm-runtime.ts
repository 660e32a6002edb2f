/**
 * The WASM runtime: Extism plug-ins in `__wasm-host` children. A call that overruns is stopped in its
 * host; a host that does not come back is killed, and what waited behind goes to the next one, which
 * the pool holds ready. The functions capability calls `invoke` through the FunctionRuntime port.
 */
import { coreErrors } from "../../core/errors.ts";
import type {
  FunctionAnswer,
  FunctionCall,
  FunctionLogLine,
  FunctionRuntime,
} from "../../core/ports/function-runtime.ts";
import { type BlankPool, createBlankPool } from "../blank-pool.ts";
import { type Child, spawnChild } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import type { JailLevel } from "../jail/jail-plan.ts";
import { LazyAbort } from "../lazy-abort.ts";
import { createLogCap, LOG_LINES_ACCEPTED_PER_S } from "../log-cap.ts";
import { onAbort } from "../on-abort.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { processMemory } from "../process-usage.ts";
import { readInput } from "../read-input.ts";
import { specKey, versionKey } from "../spec-key.ts";
import { isBrief, TICK_MS, YoungCalls } from "../young-calls.ts";
import { chooseExport } from "./choose-export.ts";
import type { LoadedModule } from "./host/module-store.ts";
import { crashOf, HostGone } from "./host-gone.ts";
import type { Lane, LaneCall } from "./lane.ts";
import { LaneSet } from "./lane-set.ts";
import type { HeldModule } from "./resident-modules.ts";
import { tellFailure } from "./tell-failure.ts";
import { MOVED, WasmRun } from "./wasm-run.ts";

/** Without this a host reserves >4 GB of address space per memory, which makes instances slow to create. */
const HOST_ENV = { BUN_JSC_useWasmFastMemory: "0" } as const;
const BYTES = { "content-type": "application/octet-stream" } as const;
/** A call whose host died under another call is given to another host so often. */
const TRIES = 3;

export class WasmRuntime implements FunctionRuntime {
  readonly kind = "wasm";
  readonly jail: JailLevel;
  readonly #options: FullRuntimeOptions;
  readonly #pool: BlankPool;
  readonly #lanes: LaneSet;
  /** Calls that are here, by tenant and name of the function. */
  readonly #present = new Map<string, number>();
  readonly #young = new YoungCalls();
  #calls = 0;
  #stopping = false;
  #stopWatching: (() => void) | null = null;

  constructor(options: FullRuntimeOptions) {
    this.#options = options;
    this.jail = options.jail.level;
    const { clock, logger } = options;
    const spawn = () => spawnChild(options, { role: "__wasm-host", env: HOST_ENV });
    this.#pool = createBlankPool({ size: 1, clock, logger, spawn });
    this.#lanes = new LaneSet(options, this.#pool, (child) => relayLog(child, options));
  }

  async start(): Promise<void> {
    if (this.#options.prewarmWasm) this.#pool.fill();
    this.#stopWatching ??= this.#options.clock.every(TICK_MS, () => this.#watch());
  }

  #watch(): void {
    this.#young.tick();
    this.#lanes.watch();
  }

  async invoke(call: FunctionCall): Promise<FunctionAnswer> {
    if (this.#stopping) throw coreErrors.unavailable("The functions runtime");
    const leave = this.#enter(call);
    const { limits } = call.spec;
    const deadlineAt = this.#options.clock.now() + limits.deadlineMs;
    const run = new WasmRun(call, deadlineAt, (armed) => this.#arm(armed));
    try {
      const input = readInput(call.request, limits.bodyInBytes, run.controller);
      run.input = input instanceof Promise ? await input : input;
      return await this.#attempt(run);
    } catch (error) {
      tellFailure(call, error, this.#options);
      throw error;
    } finally {
      run.finish();
      leave();
    }
  }

  /** What ends a call early that lasts: its deadline, and its client. Returns what calls that off. */
  #arm(run: WasmRun): () => void {
    const { clock } = this.#options;
    const { request, spec } = run.call;
    const { deadlineMs } = spec.limits;
    const cancels: (() => void)[] = [];
    const overrun = () => run.overrun(runtimeErrors.function_timeout(spec.name, deadlineMs));
    const leave = () => run.abort(runtimeErrors.client_closed_request());
    const grow = () => {
      cancels.push(clock.after(run.deadlineAt - clock.now(), overrun));
      cancels.push(onAbort(request.signal, leave));
    };
    if (isBrief(deadlineMs)) grow();
    else cancels.push(this.#young.add(grow));
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  /** Bounds how many calls of one function are here at all. */
  #enter({ tenant, spec }: FunctionCall): () => void {
    const { concurrency, queue } = spec.limits;
    const key = `${tenant.id}/${spec.name}`;
    const here = this.#present.get(key) ?? 0;
    if (here >= concurrency + queue) {
      throw runtimeErrors.function_busy(spec.name, concurrency, queue);
    }
    this.#present.set(key, here + 1);
    return () => {
      const left = (this.#present.get(key) ?? 1) - 1;
      if (left > 0) this.#present.set(key, left);
      else this.#present.delete(key);
    };
  }

  async #attempt(run: WasmRun): Promise<FunctionAnswer> {
    for (let tries = 1; ; ) {
      const place = this.#lanes.take(run.call.spec.name, run.controller);
      const { lane, cold } = place instanceof Promise ? await place : place;
      const module = lane.modules.enter(run.call.spec);
      const isCold = cold || module.loaded === null;
      run.call.onPlaced?.({ cold: isCold });
      try {
        const output = await this.#runIn(lane, run, module);
        return { status: 200, headers: BYTES, body: output, cold: isCold };
      } catch (error) {
        if (run.ended) throw run.ended;
        if (error instanceof HostGone) {
          const mayRepeat = !error.atFault && !error.hasBegun;
          if (!mayRepeat || tries === TRIES) throw crashOf(run.call.spec, error);
          tries += 1;
        } else if (error !== MOVED) throw error;
        run.controller = new LazyAbort();
      } finally {
        lane.modules.leave(module);
        this.#lanes.release(lane);
      }
    }
  }

  #runIn(lane: Lane, run: WasmRun, module: HeldModule): Promise<Uint8Array<ArrayBuffer>> {
    const loading = lane.modules.load(module);
    return loading instanceof Promise
      ? loading.then((loaded) => this.#give(lane, run, loaded))
      : this.#give(lane, run, loading);
  }

  #give(
    lane: Lane,
    run: WasmRun,
    { callable, waits }: LoadedModule,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { spec, exportName, requestId } = run.call;
    const chosen = chooseExport(spec.name, callable, { entry: spec.entry, exportName });
    this.#calls = (this.#calls % 0xffff_fffe) + 1;
    const id = `${spec.name} ${spec.version} ${requestId}`;
    const { authorization, apikey, org } = run.call.caller ?? {};
    const laneCall: LaneCall = {
      spec,
      waits,
      header: {
        n: this.#calls,
        id,
        key: specKey(spec),
        exportName: chosen,
        deadlineAt: run.deadlineAt,
        ...(authorization ? { authorization } : {}),
        ...(apikey ? { apikey } : {}),
        ...(org ? { org } : {}),
      },
      input: run.input,
      controller: run.controller,
      settled: () => run.settled(laneCall),
    };
    run.given(lane, laneCall);
    return lane.run(laneCall);
  }

  /** A module is loaded by its first call: that takes milliseconds. */
  async prepare(): Promise<void> {}

  async retire(name: string, version: string): Promise<void> {
    for (const lane of this.#lanes.list()) lane.modules.unload(versionKey(name, version));
  }

  processes(): { pid: number; function: string | null; memoryBytes: number }[] {
    const children = [...this.#lanes.list().map(({ child }) => child), ...this.#pool.list()];
    return children.map(({ pid }) => ({ pid, function: null, memoryBytes: processMemory(pid) }));
  }

  async stop(budgetMs: number): Promise<void> {
    this.#stopping = true;
    const { clock } = this.#options;
    const until = clock.monotonic() + budgetMs;
    while (this.#present.size > 0 && clock.monotonic() < until) await clock.sleep(5);
    this.#stopWatching?.();
    this.#stopWatching = null;
    await Promise.all([this.#lanes.close(), this.#pool.close()]);
  }
}

/** Lines of a host carry whose they are, as we put it on the call. */
function relayLog(child: Child, options: FullRuntimeOptions): void {
  const cap = createLogCap(options.clock, { linesPerS: LOG_LINES_ACCEPTED_PER_S });
  child.onLog = ([level, id, message]) => {
    if (!cap.admit()) return;
    options.onLog({ ...lineOwner(id), level, message });
  };
}

/** Reverses what `#runIn` wrote; a line of the host itself has no owner. */
function lineOwner(id: string | null): Pick<FunctionLogLine, "function" | "version" | "requestId"> {
  const [name = "wasm-host", version = "", requestId = null] = id?.split(" ") ?? [];
  return { function: name, version, requestId };
}
