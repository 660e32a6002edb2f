/**
 * The one connection on which a tenant's channels are listened to. postgres.js has `sql.listen`, but
 * in an outage it reconnects without pause, leaves calls hanging and announces one recovery hundreds
 * of times; so the connection is kept here: one at a time, made again with growing pauses, with a
 * single word about the gap once every channel is live again.
 */
import postgres, { type Sql } from "postgres";
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";

export interface ListenerOptions {
  /** Whose settings the connection uses; never a pooler. */
  readonly direct: () => Sql;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onNotification: (channel: string, payload: string) => void;
  /** The connection was lost and is there again: anything may have been missed. */
  readonly onGap: () => void;
}

const ANSWER_MS = 10_000;
const HEARTBEAT_MS = 30_000;
const PAUSE_MS_MIN = 50;
const PAUSE_MS_MAX = 2_000;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #channels = new Set<string>();
  #link: Sql | null = null;
  #step: Promise<unknown> = Promise.resolve();
  #pauseMs = PAUSE_MS_MIN;
  #missed = false;
  #cancelRetry: () => void = () => undefined;
  #cancelHeartbeat: () => void = () => undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Resolves when the channel is live; rejects when the database cannot be reached. */
  listen(channel: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#channels.add(channel);
      try {
        if (this.#link) await this.#ask(this.#link, `listen "${channel}"`);
        else await this.#open();
      } catch (error) {
        this.#channels.delete(channel);
        throw error;
      }
    });
  }

  unlisten(channel: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#channels.delete(channel);
      if (this.#channels.size === 0) await this.#drop();
      else if (this.#link) await this.#ask(this.#link, `unlisten "${channel}"`);
    });
  }

  /** Ends the connection for good. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#channels.clear();
      await this.#drop();
    });
  }

  /** One step after the other: a failed one is its caller's to report, and the next still runs. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#step.then(step);
    this.#step = done.catch(() => undefined);
    return done;
  }

  async #open(): Promise<void> {
    this.#cancelRetry();
    const { direct, onNotification } = this.#options;
    // `onnotify` is what `sql.listen` itself is made of; the types leave it out.
    const settings = {
      ...direct().options,
      ...{ max: 1, idle_timeout: null, max_lifetime: null, fetch_types: false },
      onnotify: onNotification,
      onclose: () => this.#lost(link),
    };
    const link: Sql = postgres(settings as unknown as postgres.Options<Record<string, never>>);
    try {
      await this.#ask(link, [...this.#channels].map((c) => `listen "${c}"`).join(";"));
    } catch (error) {
      await link.end({ timeout: 0 });
      if (this.#missed) this.#retryLater();
      throw error;
    }
    this.#link = link;
    this.#pauseMs = PAUSE_MS_MIN;
    this.#cancelHeartbeat = this.#options.clock.every(HEARTBEAT_MS, () => void this.#beat(link));
    if (this.#missed) this.#recovered();
  }

  #recovered(): void {
    this.#missed = false;
    this.#options.log.warn("bus.reconnected", { channels: this.#channels.size });
    this.#options.onGap();
  }

  /** Called by postgres.js for connections that failed to open, too: those are not `#link`. */
  #lost(link: Sql): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.#cancelHeartbeat();
    this.#missed = true;
    this.#options.log.warn("bus.connection_lost", { channels: this.#channels.size });
    void link.end({ timeout: 0 });
    this.#retryLater();
  }

  #retryLater(): void {
    this.#cancelRetry();
    this.#cancelRetry = this.#options.clock.after(this.#pauseMs, () => {
      this.#inTurn(async () => {
        if (!this.#link && this.#channels.size > 0) await this.#open();
      }).catch((error: unknown) => this.#options.log.warn("bus.unreachable", { error }));
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
  }

  async #drop(): Promise<void> {
    const link = this.#link;
    this.#link = null;
    this.#missed = false;
    this.#cancelRetry();
    this.#cancelHeartbeat();
    await link?.end({ timeout: 0 });
  }

  /** A peer that vanished without a word is noticed by asking. */
  async #beat(link: Sql): Promise<void> {
    try {
      await this.#ask(link, "select 1");
    } catch (error) {
      this.#options.log.warn("bus.no_heartbeat", { error });
      this.#lost(link);
    }
  }

  async #ask(link: Sql, statement: string): Promise<void> {
    const answered = new AbortController();
    const late = this.#options.clock.sleep(ANSWER_MS, answered.signal).then(() => {
      throw new Error(`the database did not answer within ${ANSWER_MS} ms`);
    });
    // Aborted once answered; only its being first matters.
    late.catch(() => undefined);
    try {
      await Promise.race([link.unsafe(statement), late]);
    } finally {
      answered.abort(new Error("answered"));
    }
  }
}
