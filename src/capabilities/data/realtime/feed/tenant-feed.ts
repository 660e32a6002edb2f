/**
 * The change feed of one tenant on this server: begins with the first subscription, and ends some time
 * after the last one has left.
 */
import type { Principal } from "../../../../core/ports/auth.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import type { ChangeInterest, ChangeSink, ChangeSubscription } from "../change-feed.ts";
import { feedErrors } from "./errors.ts";
import type { FeedDeps } from "./feed-deps.ts";
import { OpenFeed } from "./open-feed.ts";

/** A subscription that knows how far it is. */
export interface FeedSubscription extends ChangeSubscription {
  /** The id behind everything it was told of: resuming there misses nothing and repeats little. */
  position(): string;
}

const TICK_MS = 1_000;

export class TenantFeed {
  readonly #deps: FeedDeps;
  readonly #tenant: TenantCtx;
  #open: Promise<OpenFeed> | null = null;
  #closing: Promise<void> = Promise.resolve();
  #stopTicking: (() => void) | null = null;
  #current: OpenFeed | null = null;
  #isStopped = false;

  constructor(deps: FeedDeps, tenant: TenantCtx) {
    this.#deps = deps;
    this.#tenant = tenant;
  }

  get subscribers(): number {
    return this.#current?.size ?? 0;
  }

  async subscribe(
    interest: ChangeInterest,
    sink: ChangeSink,
    after: string | null,
  ): Promise<FeedSubscription> {
    const feed = await this.#opened();
    const subscription = await feed.subscribe(interest, sink, after);
    return {
      update: (principal: Principal) => feed.update(subscription, principal),
      close: () => feed.remove(subscription),
      position: () => feed.positionOf(subscription),
    };
  }

  /** For the end of the server: subscribers are told, the slot stays. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#close(false);
  }

  async #opened(): Promise<OpenFeed> {
    if (this.#isStopped) throw feedErrors.realtime_unavailable("The server is stopping");
    this.#open ??= this.#begin();
    return await this.#open;
  }

  async #begin(): Promise<OpenFeed> {
    await this.#closing;
    try {
      const feed = await OpenFeed.open(this.#deps, this.#tenant);
      this.#current = feed;
      this.#stopTicking = this.#deps.clock.every(TICK_MS, () => {
        feed.tick();
        if (feed.isAbandoned) void this.#close(true);
      });
      return feed;
    } catch (error) {
      this.#open = null;
      throw error;
    }
  }

  #close(removes: boolean): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (!open) return this.#closing;
    this.#stopTicking?.();
    this.#closing = open.then(
      async (feed) => {
        await feed.close(removes);
        if (this.#current === feed) this.#current = null;
      },
      () => undefined,
    );
    return this.#closing;
  }
}
