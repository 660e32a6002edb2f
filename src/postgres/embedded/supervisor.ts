/**
 * Keeps PostgreSQL running: starts it, starts it again when it ends unasked, gives up the ballast when
 * the disk is full, and stops it by ever harder means. Listeners hear `down` and `up`.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import { dropBallast } from "./ballast.ts";
import { endStrays } from "./leftovers.ts";
import type { LogSignal } from "./log-lines.ts";
import { Postmaster, type PostmasterOptions } from "./postmaster.ts";
import { folderIdentity, signalProcess } from "./processes.ts";
import type { PostgresHealth, PostgresState } from "./types.ts";

const FIRST_BACKOFF_MS = 50;
const LONGEST_BACKOFF_MS = 5_000;
const FAST_STOP_MS = 10_000;
const IMMEDIATE_STOP_MS = 5_000;

export interface SupervisorOptions extends Omit<PostmasterOptions, "onSignal" | "program"> {
  readonly dataDir: string;
  /** The program `postgres`, unpacked again when its cache has been cleared. */
  readonly installProgram: () => Promise<string>;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Set<(state: PostgresState) => void>();
  #postmaster: Postmaster | null = null;
  #state: PostgresHealth["state"] = "down";
  #restarts = 0;
  #lastError: string | null = null;
  #diskFull = false;
  readonly #stop = new AbortController();
  #restarting: Promise<void> | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  pid(): number {
    return this.#postmaster?.ended === false ? this.#postmaster.pid : 0;
  }

  health(): PostgresHealth {
    return { state: this.#state, restarts: this.#restarts, lastError: this.#lastError };
  }

  onState(listener: (state: PostgresState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first start: fails with the reason, is not repeated. */
  async start(): Promise<void> {
    await this.#launch();
    this.#state = "up";
  }

  /** SIGINT (fast), SIGQUIT (immediate), SIGKILL: 10 s, 5 s, the rest of the budget. */
  async stop(budgetMs: number): Promise<void> {
    this.#stop.abort(new Error("stopping"));
    if (this.#postmaster) await this.#climbDown(this.#postmaster, budgetMs);
    await this.#restarting;
    this.#state = "stopped";
    await endStrays(folderIdentity(this.#options.cluster), this.#clock);
  }

  async #climbDown(postmaster: Postmaster, budgetMs: number): Promise<void> {
    if (postmaster.ended) return;
    const fastMs = Math.min(FAST_STOP_MS, Math.ceil(budgetMs * 0.6));
    const immediateMs = Math.min(IMMEDIATE_STOP_MS, Math.ceil(budgetMs * 0.3));
    // A fast shutdown during crash recovery hangs (seen on 15 and 18), and has nothing to save.
    if (this.#state === "up" && postmaster.isReady()) {
      signalProcess(postmaster.pid, "SIGINT");
      if (await this.#endedWithin(postmaster, fastMs)) return;
    }
    signalProcess(postmaster.pid, "SIGQUIT");
    if (await this.#endedWithin(postmaster, immediateMs)) return;
    this.#log.error("postgres.killed", { process: postmaster.pid });
    signalProcess(postmaster.pid, "SIGKILL");
    await postmaster.exited;
  }

  async #endedWithin(postmaster: Postmaster, ms: number): Promise<boolean> {
    const timer = new AbortController();
    const timeout = this.#clock.sleep(ms, timer.signal).then(
      () => false,
      () => true,
    );
    const ended = await Promise.race([postmaster.exited.then(() => true), timeout]);
    timer.abort(new Error("ended"));
    return ended;
  }

  async #launch(): Promise<void> {
    const { dataDir: _, installProgram, ...options } = this.#options;
    const program = await installProgram();
    if (this.#stop.signal.aborted) return;
    const onSignal = (signal: Exclude<LogSignal, null>) => this.#onSignal(signal);
    const postmaster = new Postmaster({ ...options, program, onSignal });
    this.#postmaster = postmaster;
    try {
      await postmaster.ready();
    } catch (error) {
      await this.#climbDown(postmaster, IMMEDIATE_STOP_MS);
      // The server ends by that Ctrl-C as well, but only after its start, and in good order.
      if (!this.#stop.signal.aborted && (await postmaster.wasInterrupted())) return this.#launch();
      throw error;
    }
    this.#lastError = null;
    void postmaster.exited.then((code) => this.#onExit(code));
  }

  #onSignal(signal: Exclude<LogSignal, null>): void {
    if (signal === "disk_full") this.#freeDisk();
    if (signal === "ready") this.#diskFull = false;
    if (this.#restarting || this.#state === "stopped") return;
    // A server process was killed: the postmaster itself goes through crash recovery.
    if (signal === "reinitializing") this.#tell("down");
    if (signal === "ready" && this.#state === "down" && this.pid() !== 0) this.#tell("up");
  }

  #freeDisk(): void {
    if (this.#diskFull) return;
    this.#diskFull = true;
    const freed = dropBallast(this.#options.dataDir);
    this.#log.error("postgres.disk_full", {
      folder: this.#options.dataDir,
      ballast_freed: freed,
      hint: "Free some space: PostgreSQL runs on the space that was held back for this",
    });
  }

  #onExit(code: number): void {
    if (this.#stop.signal.aborted) return;
    this.#log.error("postgres.ended", { code });
    this.#tell("down");
    this.#restarts += 1;
    const run = this.#restart();
    this.#restarting = run;
    void run.finally(() => {
      // The next one may have begun already.
      if (this.#restarting === run) this.#restarting = null;
    });
  }

  async #restart(): Promise<void> {
    const began = this.#clock.monotonic();
    for (let backoffMs = FIRST_BACKOFF_MS; !this.#stop.signal.aborted; ) {
      try {
        await endStrays(folderIdentity(this.#options.cluster), this.#clock);
        await this.#launch();
        if (this.#stop.signal.aborted) return;
        this.#log.info("postgres.restarted", { ms: Math.round(this.#clock.monotonic() - began) });
        this.#tell("up");
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#lastError = (error as Error).message;
        this.#log.error("postgres.restart_failed", { error: this.#lastError, again_ms: backoffMs });
      }
      await this.#clock.sleep(backoffMs, this.#stop.signal).catch(() => undefined);
      backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
    }
  }

  #tell(state: PostgresState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
