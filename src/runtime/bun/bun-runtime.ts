/**
 * The Bun runtime: functions as processes of this same executable, one per version, taken from a pool
 * of blank runners. The functions capability calls `invoke` through the FunctionRuntime port.
 */
import { coreErrors, ReactorError } from "../../core/errors.ts";
import type {
  FunctionAnswer,
  FunctionCall,
  FunctionRuntime,
  FunctionSocket,
  FunctionSocketEvents,
  FunctionSpec,
} from "../../core/ports/function-runtime.ts";
import { describeExit } from "../child-exit.ts";
import { runtimeErrors } from "../errors.ts";
import type { JailLevel } from "../jail/jail-plan.ts";
import { onAbort } from "../on-abort.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { specKey, versionKey } from "../spec-key.ts";
import { isBrief, TICK_MS, YoungCalls } from "../young-calls.ts";
import { ActiveCall } from "./active-call.ts";
import { endOverrun, explainFailure, mayRepeat } from "./failed-call.ts";
import { forwardCall } from "./forward.ts";
import type { Instance } from "./instance.ts";
import { openInstance } from "./open-instance.ts";
import { openSocket } from "./open-socket.ts";
import { Runners } from "./runners.ts";
import { VersionSlot } from "./version-slot.ts";

/** `tmp` is looked at every so many watches. */
const DISK_EVERY = 5;
/** Idle instances are looked at every so many watches. */
const IDLE_EVERY = 20;

export class BunRuntime implements FunctionRuntime {
  readonly kind = "bun";
  readonly jail: JailLevel;
  readonly #options: FullRuntimeOptions;
  readonly #slots = new Map<string, VersionSlot>();
  readonly #instances = new Set<Instance>();
  readonly #runners: Runners;
  readonly #young = new YoungCalls();
  #stopping = false;
  #watches = 0;
  #isCounting = false;
  #stopWatching: (() => void) | null = null;

  constructor(options: FullRuntimeOptions) {
    this.#options = options;
    this.jail = options.jail.level;
    this.#runners = new Runners(options);
  }

  async start(): Promise<void> {
    this.#runners.blanks.fill();
    // Memory is looked at as often while calls run; the paper killed at 260 MB with a cap of 256.
    this.#stopWatching ??= this.#options.clock.every(TICK_MS, () => this.#watch());
  }

  async invoke(call: FunctionCall): Promise<FunctionAnswer> {
    const active = new ActiveCall(call);
    const { clock } = this.#options;
    const { deadlineMs } = call.spec.limits;
    let instance: Instance | null = null;
    const startedAt = clock.monotonic();
    const onDeadline = () => endOverrun(active, instance);
    const onClientGone = () => {
      active.abort(runtimeErrors.client_closed_request());
      instance?.mustAnswer(startedAt + deadlineMs - clock.monotonic());
    };
    const grow = () => {
      active.onFinish(clock.after(startedAt + deadlineMs - clock.monotonic(), onDeadline));
      active.onFinish(onAbort(call.request.signal, onClientGone));
    };
    if (isBrief(deadlineMs)) grow();
    else active.onFinish(this.#young.add(grow));
    try {
      return await this.#attempt(active, (entered) => {
        instance = entered;
      });
    } catch (error) {
      active.finish();
      throw error;
    }
  }

  /** The opening has the call's deadline, the open socket has none: it ends with its process. */
  async connect(call: FunctionCall, events: FunctionSocketEvents): Promise<FunctionSocket> {
    // A process that has just ended looks like one that refuses: then the next one is asked.
    return (await this.#connectOnce(call, events, true)) ?? this.#connectAgain(call, events);
  }

  async #connectAgain(call: FunctionCall, events: FunctionSocketEvents): Promise<FunctionSocket> {
    const socket = await this.#connectOnce(call, events, false);
    if (!socket) throw runtimeErrors.socket_refused(call.spec.name);
    return socket;
  }

  /** Null when the process went away under it, where that is asked for. */
  async #connectOnce(
    call: FunctionCall,
    events: FunctionSocketEvents,
    mayBeGone: boolean,
  ): Promise<FunctionSocket | null> {
    const active = new ActiveCall(call);
    let entered: Instance | null = null;
    const { name, limits } = call.spec;
    const cancel = this.#options.clock.after(limits.deadlineMs, () =>
      active.abort(runtimeErrors.function_timeout(name, limits.deadlineMs)),
    );
    try {
      const slot = this.#slotOf(call.spec);
      const { instance } = await slot.enter(active);
      entered = instance;
      active.onFinish(() => this.#leave(slot, instance, active));
      return await openSocket(active, instance.child.socket, events);
    } catch (error) {
      active.finish();
      const isRefusal = error instanceof ReactorError && error.code === "socket_refused";
      if (mayBeGone && isRefusal && (await hasGone(entered))) return null;
      throw error;
    } finally {
      cancel();
    }
  }

  /**
   * One try; a second one when a neighbour's deadline took the process along and asking twice is safe, and
   * some more while no function has seen the call.
   */
  async #attempt(active: ActiveCall, entered: (i: Instance) => void): Promise<FunctionAnswer> {
    for (let tries = 1; ; tries += 1) {
      const slot = this.#slotOf(active.call.spec);
      const { instance, cold } = await slot.enter(active);
      entered(instance);
      const place = { cold, peakMemoryBytes: () => instance.peakMemory() };
      active.call.onPlaced?.(place);
      const leave = () => this.#leave(slot, instance, active);
      active.onFinish(leave);
      try {
        const answer = await forwardCall(active, instance.child);
        return { ...answer, ...place };
      } catch (error) {
        if (!mayRepeat(active, instance, error, tries)) {
          throw await explainFailure(active, instance, error, this.#options.clock);
        }
        leave();
      }
    }
  }

  #leave(slot: VersionSlot, instance: Instance, active: ActiveCall): void {
    if (!instance.holds(active)) return;
    instance.leave(active);
    if (instance.served >= this.#options.callsPerProcess) this.#replace(slot, instance);
    slot.pump();
  }

  #slotOf(spec: FunctionSpec): VersionSlot {
    if (this.#stopping) throw coreErrors.unavailable("The functions runtime");
    const key = specKey(spec);
    const known = this.#slots.get(key);
    if (known) return known;
    const slot = new VersionSlot(spec, this.#options, (wanted) => this.#open(wanted));
    this.#slots.set(key, slot);
    return slot;
  }

  async #open(spec: FunctionSpec): Promise<Instance> {
    const instance = await openInstance(spec, this.#runners, this.#options);
    this.#instances.add(instance);
    void instance.child.exited.then((exit) => {
      this.#instances.delete(instance);
      const slot = this.#slots.get(specKey(spec));
      slot?.leftBy(instance);
      if (exit.killed?.kind !== "ended") {
        const fields = { function: spec.name, version: spec.version, reason: describeExit(exit) };
        this.#options.logger.warn("runtime.process_ended", fields);
      }
      slot?.pump();
      if (!this.#stopping) slot?.keepReady();
    });
    return instance;
  }

  /** What goes on after the answers has had its time: the process ends, and its function is told. */
  #endOverdue(slot: VersionSlot, instance: Instance): void {
    if (!slot.detach(instance)) return;
    const { name, version, limits } = instance.spec;
    const message = `Work went on for ${limits.deadlineMs} ms after the last answer: the process was ended`;
    const line = { function: name, version, requestId: null, level: "warn", message } as const;
    this.#options.onLog(line);
    instance.kill({ kind: "ended" });
  }

  /** New calls go to a fresh process; the present one finishes what it has. */
  #replace(slot: VersionSlot, instance: Instance): void {
    if (slot.detach(instance)) void instance.end(this.#options.drainMs);
  }

  #watch(): void {
    this.#young.tick();
    this.#watches += 1;
    const lookAtIdle = this.#watches % IDLE_EVERY === 0;
    for (const instance of this.#instances) {
      if (instance.calls.size > 0 || lookAtIdle) instance.checkUsage();
    }
    if (this.#watches % DISK_EVERY === 0) this.#watchDisk();
    if (lookAtIdle) this.#recycleIdle();
  }

  /** Where the kernel does not bound `tmp`. Counting takes its time, so one look at a time. */
  #watchDisk(): void {
    if (this.#options.jail.namespaces || this.#isCounting) return;
    this.#isCounting = true;
    const looks = [...this.#instances].map((instance) => instance.checkDisk());
    void Promise.all(looks).finally(() => {
      this.#isCounting = false;
    });
  }

  #recycleIdle(): void {
    const now = this.#options.clock.monotonic();
    for (const [key, slot] of this.#slots) {
      for (const one of [...slot.list()]) {
        if (one.isOverdue(now)) this.#endOverdue(slot, one);
        else if (one.isOld(now)) this.#replace(slot, one);
      }
      const oldest = now - slot.spec.limits.idleMs;
      // Those that are to be kept ready are recycled by their calls and age only.
      const spare = slot.list().length - slot.spec.instances.min;
      const idle = slot.list().filter((one) => one.isSpare(now) && one.idleSince < oldest);
      for (const instance of idle.slice(0, Math.max(0, spare))) this.#replace(slot, instance);
      if (slot.empty()) this.#slots.delete(key);
    }
  }

  async retire(name: string, version: string): Promise<void> {
    const prefix = versionKey(name, version);
    const retiring = [...this.#slots].filter(([key]) => key.startsWith(prefix));
    const instances = retiring.flatMap(([, slot]) => slot.retire());
    await Promise.all(instances.map((instance) => instance.end(this.#options.drainMs)));
    for (const [key, slot] of retiring) if (slot.empty()) this.#slots.delete(key);
  }

  async prepare(spec: FunctionSpec): Promise<void> {
    if (spec.instances.min > 0 && !this.#stopping) this.#slotOf(spec).keepReady();
  }

  /** Null: programs of Lambda functions can be run here; else why they cannot, a sentence. */
  async programsRefused(): Promise<string | null> {
    const { prefix, reason } = await this.#runners.programs();
    return prefix ? null : reason;
  }

  processes(): { pid: number; function: string | null; memoryBytes: number }[] {
    const busy = [...this.#instances].map(({ child, spec }) => ({ child, name: spec.name }));
    const blank = this.#runners.blanks.list().map((child) => ({ child, name: null }));
    return [...busy, ...blank].map(({ child, name }) => ({
      pid: child.pid,
      function: name,
      memoryBytes: child.usage().memoryBytes,
    }));
  }

  async stop(budgetMs: number): Promise<void> {
    this.#stopping = true;
    const ending = [...this.#instances].map((instance) => instance.end(budgetMs));
    await Promise.all([...ending, this.#runners.blanks.close()]);
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#slots.clear();
  }
}

async function hasGone(instance: Instance | null): Promise<boolean> {
  if (instance === null) return false;
  return await instance.child.ping().then(
    () => false,
    () => true,
  );
}
