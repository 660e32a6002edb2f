/**
 * Streams the CopyData of one command over a replication connection: `BASE_BACKUP` for the backup
 * (PostgreSQL documentation, "Streaming Replication Protocol"; protocol 3.0, "COPY Operations").
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { DatabaseAddress } from "../url.ts";
import { wireErrors } from "./errors.ts";
import { MessageWriter } from "./message-writer.ts";
import { PgError, parseErrorFields } from "./pg-error.ts";
import { openSession, type Session, type SessionOwner } from "./session.ts";

/** The socket is paused while this much waits for the reader. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface CopyOutOptions {
  /** A role with REPLICATION, on a direct connection. */
  readonly address: DatabaseAddress;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal?: AbortSignal;
}

/**
 * Yields the payload of each CopyData message; several COPY streams of one command follow each
 * other. Leaving the loop early, or the signal, ends the connection. Throws PgError,
 * `connection_lost`, or what `openSession` throws.
 */
export async function* copyOut(options: CopyOutOptions, sql: string): AsyncGenerator<Uint8Array> {
  // "database" and not "true": then pg_hba.conf judges it like any login to that database.
  const startParameters = { replication: "database" };
  const session = await openSession({ ...options, startParameters });
  const stream = new CopyStream(session);
  session.owner = stream;
  const onAbort = () => session.destroy(options.signal?.reason);
  options.signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const writer = new MessageWriter();
    writer.simpleQuery(sql);
    session.write(writer.take());
    for (;;) {
      const chunk = await stream.next();
      if (chunk === null) break;
      yield chunk;
    }
    writer.terminate();
    session.end(writer.take());
  } finally {
    options.signal?.removeEventListener("abort", onAbort);
    if (!stream.isDone) session.destroy();
  }
}

class CopyStream implements SessionOwner {
  readonly #session: Session;
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #isPaused = false;
  #failure: unknown = null;
  #wake: () => void = () => undefined;
  /** ReadyForQuery has come. */
  isDone = false;

  constructor(session: Session) {
    this.#session = session;
  }

  readonly onMessage = (type: number, data: Buffer, start: number, end: number) => {
    if (type === 0x64) this.#keep(data.subarray(start, end));
    else if (type === 0x45) this.#failure ??= new PgError(parseErrorFields(data, start, end));
    else if (type === 0x5a) this.isDone = true;
    this.#wake();
  };

  readonly onClose = (cause: unknown) => {
    if (!this.isDone) this.#failure ??= wireErrors.connection_lost(cause);
    this.#wake();
  };

  readonly onDrain = () => undefined;

  /** Null at the end of the command. */
  async next(): Promise<Buffer | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) return this.#handOut(chunk);
      if (this.#failure !== null) throw this.#failure;
      if (this.isDone) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#isPaused || this.#waitingBytes < MAX_WAITING_BYTES) return;
    this.#isPaused = true;
    this.#session.pause();
  }

  #handOut(chunk: Buffer): Buffer {
    this.#waitingBytes -= chunk.length;
    if (this.#isPaused && this.#waitingBytes < MAX_WAITING_BYTES / 2) {
      this.#isPaused = false;
      this.#session.resume();
    }
    return chunk;
  }
}
