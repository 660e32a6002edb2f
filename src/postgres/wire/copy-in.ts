/**
 * Sends rows by `COPY … FROM STDIN` over a connection of its own (protocol 3.0, "COPY Operations").
 * The command, its data and their end go out together: a server that refuses the command skips the
 * rest. postgres.js cannot do it: it loses errors that come after the data, and queries of others may
 * be sent on the connection in between.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { DatabaseAddress } from "../url.ts";
import { wireErrors } from "./errors.ts";
import { MessageWriter } from "./message-writer.ts";
import { PgError, parseErrorFields } from "./pg-error.ts";
import { openSession, type Session } from "./session.ts";

const COPY_DATA = 0x64;
const COPY_DONE = Uint8Array.of(0x63, 0, 0, 0, 4);

export interface CopyInOptions {
  readonly address: DatabaseAddress;
  readonly clock: Clock;
  readonly rng: Rng;
  /** The connection is closed when nothing was written for so long. */
  readonly idleTimeoutMs: number;
}

/** Connects when first used and again after the connection was lost; one COPY at a time, in order. */
export class CopyIn {
  readonly #options: CopyInOptions;
  readonly #lifetime = new AbortController();
  #session: Session | null = null;
  #last: Promise<void> = Promise.resolve();
  #cancelIdle: () => void = () => undefined;
  /** Of the command under way. */
  #settled = Promise.withResolvers<void>();
  #failure: unknown = null;

  constructor(options: CopyInOptions) {
    this.#options = options;
  }

  /** Resolves once it is committed. Throws PgError, `connection_lost`, or what `openSession` throws. */
  write(sql: string, data: Uint8Array): Promise<void> {
    const written = this.#last.then(() => this.#write(sql, data));
    this.#last = written.catch(() => undefined);
    return written;
  }

  /** Waits for what is being written, `budgetMs` at most, and ends the connection. Nothing can be written after it. */
  async close(budgetMs: number): Promise<void> {
    const cancel = this.#options.clock.after(budgetMs, () => this.#abort());
    await this.#last;
    cancel();
    this.#end();
    this.#lifetime.abort(wireErrors.database_unavailable(new Error("the pool is closed")));
  }

  async #write(sql: string, data: Uint8Array): Promise<void> {
    this.#lifetime.signal.throwIfAborted();
    this.#cancelIdle();
    this.#failure = null;
    this.#settled = Promise.withResolvers();
    const session = this.#session ?? (await this.#open());
    session.write(startOf(sql, data.length));
    session.write(data);
    session.write(COPY_DONE);
    try {
      await this.#settled.promise;
    } finally {
      this.#cancelIdle = this.#options.clock.after(this.#options.idleTimeoutMs, () => this.#end());
    }
  }

  async #open(): Promise<Session> {
    const session = await openSession({ ...this.#options, signal: this.#lifetime.signal });
    this.#session = session;
    session.owner = {
      onMessage: (type, data, start, end) => {
        if (type === 0x45) this.#failure ??= new PgError(parseErrorFields(data, start, end));
        else if (type === 0x5a) this.#settle();
      },
      onClose: (cause) => {
        // One that was ended for its idleness says so while the next may be at work.
        if (this.#session !== session) return;
        this.#session = null;
        this.#failure ??= wireErrors.connection_lost(cause);
        this.#settle();
      },
      onDrain: () => undefined,
    };
    return session;
  }

  #settle(): void {
    if (this.#failure === null) this.#settled.resolve();
    else this.#settled.reject(this.#failure);
  }

  #abort(): void {
    this.#lifetime.abort(wireErrors.database_unavailable(new Error("the pool is closed")));
    this.#session?.destroy();
  }

  #end(): void {
    this.#cancelIdle();
    const writer = new MessageWriter();
    writer.terminate();
    this.#session?.end(writer.take());
    this.#session = null;
  }
}

/** "Query", and the head of the one CopyData message. */
function startOf(sql: string, sizeBytes: number): Buffer {
  const writer = new MessageWriter();
  writer.simpleQuery(sql);
  const head = Buffer.alloc(5);
  head[0] = COPY_DATA;
  head.writeInt32BE(4 + sizeBytes, 1);
  return Buffer.concat([writer.take(), head]);
}
