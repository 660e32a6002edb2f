/** Which host takes the next call: an idle one, a new one while there may be more, or one that is nearly through. */
import type { BlankPool } from "../blank-pool.ts";
import type { Child } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { Lane } from "./lane.ts";
import { openRunningMark } from "./running-mark.ts";

export interface Place {
  readonly lane: Lane;
  /** True when the host was started for this call. */
  readonly cold: boolean;
}

export interface LaneSet {
  /** Resolves with a host that takes the call now; give it back with `release`. Rejects when aborted. */
  take(signal: AbortSignal): Promise<Place>;
  release(lane: Lane): void;
  /** Looks after memory, idle hosts and waiting calls; called every few milliseconds. */
  watch(): void;
  list(): readonly Lane[];
  close(): Promise<void>;
}

interface Waiter {
  readonly resolve: (place: Place) => void;
  readonly reject: (error: unknown) => void;
}

export function createLaneSet(
  options: FullRuntimeOptions,
  pool: BlankPool,
  adopt: (child: Child) => void,
): LaneSet {
  const lanes = new Set<Lane>();
  const waiting: Waiter[] = [];
  let opening = 0;

  function best(): Lane | null {
    let found: Lane | null = null;
    for (const lane of lanes) {
      if (lane.accepts() && (!found || lane.pending < found.pending)) found = lane;
    }
    return found;
  }

  function place(lane: Lane, cold: boolean): Place {
    lane.pending += 1;
    return { lane, cold };
  }

  function pump(): void {
    while (waiting.length > 0) {
      const lane = best();
      if (!lane || lane.busy()) openAnother();
      if (!lane) return;
      waiting.shift()?.resolve(place(lane, false));
    }
  }

  function openAnother(): void {
    if (lanes.size + opening >= options.wasmHosts) return;
    opening += 1;
    openLane().then(
      (lane) => {
        opening -= 1;
        lanes.add(lane);
        waiting.shift()?.resolve(place(lane, true));
        pump();
      },
      (error: unknown) => {
        opening -= 1;
        for (const waiter of waiting.splice(0)) {
          waiter.reject(runtimeErrors.function_unavailable("wasm", error));
        }
      },
    );
  }

  async function openLane(): Promise<Lane> {
    const child = await pool.take();
    adopt(child);
    const lane = new Lane(child, openRunningMark(child.dir), options.clock);
    void child.exited.then(() => {
      lanes.delete(lane);
      pump();
    });
    return lane;
  }

  function endIdle(): void {
    const oldest = options.clock.monotonic() - options.idleMs;
    for (const lane of lanes) {
      if (!lane.busy() && lane.idleSince < oldest) lane.kill({ kind: "ended" });
    }
  }

  return {
    take(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      return new Promise<Place>((resolve, reject) => {
        const waiter = { resolve, reject };
        waiting.push(waiter);
        const drop = () => {
          const at = waiting.indexOf(waiter);
          if (at < 0) return;
          waiting.splice(at, 1);
          reject(signal.reason);
        };
        signal.addEventListener("abort", drop, { once: true });
        pump();
      });
    },
    release(lane) {
      lane.pending -= 1;
      pump();
    },
    watch() {
      for (const lane of lanes) lane.watchMemory();
      endIdle();
      pump();
    },
    list: () => [...lanes],
    async close() {
      for (const lane of lanes) lane.kill({ kind: "ended" });
      await Promise.all([...lanes].map((lane) => lane.child.exited));
    },
  };
}
