/** Cancels what runs on one connection, until whoever it is meant for has ended. */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { DatabaseAddress } from "../url.ts";
import { requestCancel } from "./cancel.ts";
import type { Job } from "./job.ts";
import type { BackendKey } from "./session.ts";

/** How often a cancel is repeated that came before the server had begun the query. */
const CANCEL_AGAIN_MS = 50;
const CANCEL_CONNECT_MS = 5_000;

export interface InterrupterOptions {
  readonly address: DatabaseAddress;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Interrupter {
  readonly #options: InterrupterOptions;
  readonly #gone = new AbortController();
  #isBusy = false;
  #requests = 0;

  constructor(options: InterrupterOptions) {
    this.#options = options;
  }

  /** A request is under way, and must not hit a newcomer. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Requests so far: whoever was sent before the last may have been hit by it. */
  get requests(): number {
    return this.#requests;
  }

  /** The connection is gone. */
  stop(): void {
    this.#gone.abort(new Error("the connection is gone"));
  }

  /** @param wanted who is to be interrupted now; null when nobody is */
  async run(key: BackendKey, wanted: () => Job | null): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      let job = wanted();
      while (job && !this.#gone.signal.aborted) {
        this.#requests += 1;
        await this.#request(key);
        if (wanted() === job) await this.#settledOrAgain(job);
        job = wanted();
      }
    } catch (error) {
      if (!this.#gone.signal.aborted) this.#options.log.warn("postgres.cancel_failed", { error });
    } finally {
      this.#isBusy = false;
    }
  }

  async #request(key: BackendKey): Promise<void> {
    const { clock, address } = this.#options;
    const limit = new AbortController();
    const cancelTimer = clock.after(CANCEL_CONNECT_MS, () =>
      limit.abort(new Error("the cancel request took too long")),
    );
    try {
      const signal = AbortSignal.any([this.#gone.signal, limit.signal]);
      await requestCancel(address, key, signal);
    } finally {
      cancelTimer();
    }
  }

  #settledOrAgain(job: Job): Promise<void> {
    return new Promise((resolve) => {
      const cancelTimer = this.#options.clock.after(CANCEL_AGAIN_MS, resolve);
      job.onSettled = () => {
        cancelTimer();
        resolve();
      };
    });
  }
}
