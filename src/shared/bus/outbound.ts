/**
 * The frames a tenant's publishers have handed over: sent by one statement at a time, in the order
 * they came. What gathers while a statement runs goes with the next, so a burst costs few commits.
 */
import type { Sql } from "postgres";

export interface OutboundFrame {
  readonly channel: string;
  readonly frame: string;
}

interface Waiting {
  readonly frames: readonly OutboundFrame[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Frames in one statement; a message larger than this goes alone. */
const BATCH_MAX = 500;

export class Outbound {
  readonly #sqlOf: () => Sql;
  #waiting: Waiting[] = [];
  #sending = false;

  constructor(sqlOf: () => Sql) {
    this.#sqlOf = sqlOf;
  }

  /** Resolves when the database took the frames; rejects with its error. */
  send(frames: readonly OutboundFrame[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ frames, resolve, reject });
      if (!this.#sending) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#sending = true;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        await notify(
          this.#sqlOf(),
          batch.flatMap((w) => w.frames),
        );
        for (const waiting of batch) waiting.resolve();
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
    this.#sending = false;
  }

  #takeBatch(): Waiting[] {
    let frames = 0;
    let count = 0;
    for (const waiting of this.#waiting) {
      frames += waiting.frames.length;
      if (count > 0 && frames > BATCH_MAX) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}

async function notify(sql: Sql, frames: readonly OutboundFrame[]): Promise<void> {
  // As JSON text, because postgres.js writes arrays correctly only after fetching the types.
  const json = JSON.stringify(frames);
  await sql`
    select pg_notify(item.value ->> 'channel', item.value ->> 'frame')
    from json_array_elements(${json}::text::json) with ordinality as item (value, nth)
    order by item.nth`;
}
