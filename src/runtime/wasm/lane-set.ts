/** Which host takes the next call: the first with room, else a new one, else whichever is through first. */
import type { BlankPool } from "../blank-pool.ts";
import type { Child } from "../child.ts";
import { runtimeErrors } from "../errors.ts";
import type { LazyAbort } from "../lazy-abort.ts";
import type { FullRuntimeOptions } from "../options.ts";
import { Lane } from "./lane.ts";
import { openRunningMark } from "./running-mark.ts";

export interface Place {
  readonly lane: Lane;
  /** True when the host was started for this call. */
  readonly cold: boolean;
}

export interface LaneSet {
  /**
   * Resolves with a host that takes a call of the function `name` now; give it back with `release`.
   * Rejects when aborted, with `function_unavailable` when no host could be started.
   */
  take(name: string, abort: LazyAbort): Place | Promise<Place>;
  release(lane: Lane): void;
  /** Looks after memory, idle hosts and waiting calls; called every few milliseconds. */
  watch(): void;
  list(): readonly Lane[];
  close(): Promise<void>;
}

interface Waiter {
  readonly name: string;
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

  /** The first that takes it: a host with work at hand needs no waking, and the others can end. */
  function best(): Lane | null {
    for (const lane of lanes) if (lane.accepts()) return lane;
    return null;
  }

  function place(lane: Lane, cold: boolean): Place {
    lane.pending += 1;
    return { lane, cold };
  }

  function pump(): void {
    while (waiting.length > 0) {
      const lane = best();
      if (!lane) {
        openAnother();
        return;
      }
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
          waiter.reject(runtimeErrors.function_unavailable(waiter.name, error));
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
    take(name, abort) {
      if (abort.aborted) return Promise.reject(abort.reason);
      const free = waiting.length === 0 ? best() : null;
      if (free) return place(free, false);
      return new Promise<Place>((resolve, reject) => {
        const waiter = { name, resolve, reject };
        waiting.push(waiter);
        const drop = () => {
          const at = waiting.indexOf(waiter);
          if (at < 0) return;
          waiting.splice(at, 1);
          reject(abort.reason);
        };
        abort.onAbort(drop);
        pump();
      });
    },
    release(lane) {
      lane.pending -= 1;
      pump();
    },
    watch() {
      for (const lane of lanes) lane.watch();
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
