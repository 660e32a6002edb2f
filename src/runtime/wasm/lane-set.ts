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

interface Waiter {
  readonly name: string;
  readonly resolve: (place: Place) => void;
  readonly reject: (error: unknown) => void;
}

export class LaneSet {
  readonly #options: FullRuntimeOptions;
  readonly #pool: Pick<BlankPool, "take">;
  readonly #adopt: (child: Child) => void;
  readonly #lanes = new Set<Lane>();
  readonly #waiting: Waiter[] = [];
  #opening = 0;

  /** @param adopt is told of each process that becomes a host */
  constructor(
    options: FullRuntimeOptions,
    pool: Pick<BlankPool, "take">,
    adopt: (child: Child) => void,
  ) {
    this.#options = options;
    this.#pool = pool;
    this.#adopt = adopt;
  }

  /**
   * Resolves with a host that takes a call of the function `name` now; give it back with `release`.
   * Rejects when aborted, with `function_unavailable` when no host could be started.
   */
  take(name: string, abort: LazyAbort): Place | Promise<Place> {
    if (abort.aborted) return Promise.reject(abort.reason);
    const free = this.#waiting.length === 0 ? this.#best() : null;
    return free ? placeIn(free, false) : this.#wait(name, abort);
  }

  #wait(name: string, abort: LazyAbort): Promise<Place> {
    return new Promise<Place>((resolve, reject) => {
      const waiter = { name, resolve, reject };
      this.#waiting.push(waiter);
      abort.onAbort(() => {
        const at = this.#waiting.indexOf(waiter);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        reject(abort.reason);
      });
      this.#pump();
    });
  }

  release(lane: Lane): void {
    lane.pending -= 1;
    this.#pump();
  }

  /** Looks after memory, idle hosts and waiting calls; called every few milliseconds. */
  watch(): void {
    for (const lane of this.#lanes) lane.watch();
    this.#endIdle();
    this.#pump();
  }

  list(): readonly Lane[] {
    return [...this.#lanes];
  }

  async close(): Promise<void> {
    for (const lane of this.#lanes) lane.kill({ kind: "ended" });
    await Promise.all([...this.#lanes].map((lane) => lane.child.exited));
  }

  /** The first that takes it: a host with work at hand needs no waking, and the others can end. */
  #best(): Lane | null {
    for (const lane of this.#lanes) if (lane.accepts()) return lane;
    return null;
  }

  #pump(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#best();
      if (!lane) {
        this.#openAnother();
        return;
      }
      this.#waiting.shift()?.resolve(placeIn(lane, false));
    }
  }

  #openAnother(): void {
    if (this.#lanes.size + this.#opening >= this.#options.wasmHosts) return;
    this.#opening += 1;
    this.#open().then(
      (lane) => {
        this.#opening -= 1;
        this.#lanes.add(lane);
        this.#waiting.shift()?.resolve(placeIn(lane, true));
        this.#pump();
      },
      (error: unknown) => {
        this.#opening -= 1;
        for (const { name, reject } of this.#waiting.splice(0)) {
          reject(runtimeErrors.function_unavailable(name, error));
        }
      },
    );
  }

  async #open(): Promise<Lane> {
    const child = await this.#pool.take();
    this.#adopt(child);
    const lane = new Lane(child, openRunningMark(child.dir), this.#options.clock);
    void child.exited.then(() => {
      this.#lanes.delete(lane);
      this.#pump();
    });
    return lane;
  }

  #endIdle(): void {
    const oldest = this.#options.clock.monotonic() - this.#options.idleMs;
    for (const lane of this.#lanes) {
      if (!lane.busy() && lane.idleSince < oldest) lane.kill({ kind: "ended" });
    }
  }
}

function placeIn(lane: Lane, cold: boolean): Place {
  lane.pending += 1;
  return { lane, cold };
}
