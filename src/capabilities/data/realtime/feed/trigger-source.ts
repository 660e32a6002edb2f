/**
 * Changes that row triggers wrote down, for databases whose log cannot be read. Slower than the log (each
 * write writes twice, and a long transaction holds the feed up), with the same promises: nothing that is
 * committed is left out, and changes of one row come in the order of their commits. When nobody has read
 * for the length of the window, the triggers write nothing more down, and whoever reads next begins anew.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { TenantDatabase } from "../../../../core/ports/database.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Table } from "../../schema/schema.ts";
import type { ChangeSource, SourceSink } from "./change-source.ts";
import { feedErrors } from "./errors.ts";
import type { Position } from "./position.ts";
import type { RawChange, RowShape, RowValues } from "./raw-change.ts";
import { readShape, readTypes, type StoredType } from "./shape-store.ts";
import {
  beginAnew,
  createTriggers,
  forgetChanges,
  giveSequence,
  hasTriggers,
  isRead,
  listenForChanges,
  nobodySkips,
  readChanges,
  readOnFor,
  readSequence,
  removeTriggers,
  type WrittenChange,
} from "./trigger-store.ts";

export interface TriggerSourceOptions {
  database(): TenantDatabase;
  /** Whether anybody may subscribe to tables of this schema. */
  serves(schema: string): boolean;
  /** A larger row is a gap. */
  readonly maxRowBytes: number;
  /** Changes are written down for so long without a reader. */
  readonly windowMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const PAGE = 1_000;
/** A notification may be lost, and a transaction may end that held others up. */
const POLL_MS = 500;
const FORGET_MS = 10_000;
const RETRY_MS = 1_000;
/** A reader that is only slow must not be taken for gone. */
const UNREAD_MS_MIN = 60_000;
/** Of an entry of the log, beside its texts. */
const OVERHEAD_BYTES = 200;
const REFUSALS = new Map([
  ["42501", "belongs to another role: no trigger can be made for it"],
  ["55P03", "is being written by a transaction that does not end: its triggers wait for it"],
]);
const TYPES = { I: "INSERT", U: "UPDATE", D: "DELETE" } as const;

/** Everything up to and including this place. */
const at = (seq: bigint): Position => ({ lsn: seq, index: 0 });

export class TriggerSource implements ChangeSource {
  readonly #options: TriggerSourceOptions;
  readonly #types = new Map<number, StoredType>();

  constructor(options: TriggerSourceOptions) {
    this.#options = options;
  }

  async now(): Promise<Position> {
    return at(BigInt((await readSequence(this.#sql())).last));
  }

  async follow(table: Table): Promise<void> {
    if (await hasTriggers(this.#sql(), table)) return;
    try {
      await createTriggers(this.#sql(), table);
    } catch (error) {
      const why = REFUSALS.get((error as { code?: string }).code ?? "");
      throw why
        ? feedErrors.realtime_unavailable(`${table.schema}.${table.name} ${why}`, error)
        : error;
    }
  }

  async remove(): Promise<void> {
    await removeTriggers(this.#sql());
    this.#options.log.info("realtime.triggers_dropped");
  }

  async run(signal: AbortSignal, sink: SourceSink): Promise<void> {
    const { clock, log } = this.#options;
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.#readOn(signal, sink);
      } catch (error) {
        signal.throwIfAborted();
        log.warn("realtime.stream_lost", { error });
        sink.failing(error);
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** Until something fails. */
  async #readOn(signal: AbortSignal, sink: SourceSink): Promise<void> {
    const { database, clock } = this.#options;
    let wake: () => void = () => undefined;
    const unlisten = await listenForChanges(database().direct, () => wake());
    try {
      let last = await this.#begin(signal, sink);
      let forgetAtMs = clock.monotonic() + FORGET_MS;
      for (;;) {
        const woken = new Promise<void>((resolve) => {
          wake = resolve;
        });
        last = await this.#readAll(last, sink);
        if (clock.monotonic() > forgetAtMs) {
          await this.#stay();
          await forgetChanges(this.#sql(), sink.confirmable());
          forgetAtMs = clock.monotonic() + FORGET_MS;
        }
        await Promise.race([woken, clock.sleep(POLL_MS, signal)]);
        signal.throwIfAborted();
      }
    } finally {
      await unlisten().catch((error: unknown) => {
        this.#options.log.debug("realtime.unlisten_failed", { error });
      });
    }
  }

  /** Has changes written down for a while longer. */
  async #stay(): Promise<void> {
    if (!(await isRead(this.#sql()))) throw new Error("changes were left out meanwhile");
    await this.#writeOn();
  }

  async #writeOn(): Promise<void> {
    const { windowMs } = this.#options;
    await readOnFor(this.#sql(), Math.ceil(Math.max(windowMs, UNREAD_MS_MIN) / 1_000));
  }

  /** Nothing that commits from here on is left out. */
  async #resume(signal: AbortSignal, sink: SourceSink): Promise<void> {
    const { clock, log } = this.#options;
    if (!(await isRead(this.#sql()))) {
      await beginAnew(this.#sql());
      log.info("realtime.triggers_begun_anew");
    }
    await this.#writeOn();
    let isTold = false;
    while (!(await nobodySkips(this.#sql()))) {
      if (!isTold) log.info("realtime.writers_awaited");
      isTold = true;
      sink.failing(
        new Error("A transaction that began to write before anybody read is still open"),
      );
      await clock.sleep(POLL_MS, signal);
    }
  }

  /** Where what is kept begins. */
  async #begin(signal: AbortSignal, sink: SourceSink): Promise<bigint> {
    await this.#resume(signal, sink);
    const { incarnation, last, first } = await readSequence(this.#sql());
    const floor = first === null ? BigInt(last) : BigInt(first) - 1n;
    sink.started({
      incarnation: incarnation.replaceAll("-", "").slice(0, 8),
      floor: at(floor),
      current: { lsn: BigInt(last) + 1n, index: -1 },
    });
    return floor;
  }

  async #readAll(after: bigint, sink: SourceSink): Promise<bigint> {
    let last = after;
    for (;;) {
      await giveSequence(this.#sql(), PAGE);
      const page = await readChanges(this.#sql(), last, PAGE);
      for (const written of page) {
        const change = await this.#changeOf(written);
        if (change) sink.change(change);
        last = BigInt(written.seq);
      }
      sink.progress(at(last));
      sink.flush();
      await sink.room();
      if (page.length < PAGE) return last;
    }
  }

  /** Null for a table that nobody can subscribe to. */
  async #changeOf(written: WrittenChange): Promise<RawChange | null> {
    const shape = await this.#shapeOf(written);
    if (!shape) return null;
    const isTooLarge = written.sizeBytes > this.#options.maxRowBytes;
    const common = {
      position: at(BigInt(written.seq)),
      // Its place says that it is over for everybody.
      xid: null,
      committedAtMs: written.atMs,
      shape,
      sizeBytes: written.sizeBytes + OVERHEAD_BYTES,
    };
    if (written.kind === "T" || isTooLarge) {
      const reason = isTooLarge ? "a row was too large" : "the table was truncated";
      return { ...common, type: "GAP", reason, row: null, old: null };
    }
    const type = TYPES[written.kind];
    return { ...common, type, reason: "", row: written.newRow, old: oldValues(written) };
  }

  async #shapeOf({ relation, names, types }: WrittenChange): Promise<RowShape | null> {
    const table = await readShape(this.#sql(), relation);
    if (!table || !this.#options.serves(table.schema)) return null;
    const unknown = types.filter((oid) => !this.#types.has(oid));
    if (unknown.length > 0) {
      for (const type of await readTypes(this.#sql(), unknown)) this.#types.set(type.oid, type);
    }
    const columns = names.map((name, n) => {
      const type = this.#types.get(types[n] ?? 0);
      return { name, type: type?.name ?? "text", form: type?.form ?? ("quoted" as const) };
    });
    return { schema: table.schema, table: table.table, columns };
  }

  #sql() {
    return this.#options.database().system;
  }
}

/** In the order of the row's columns; what the old row does not tell is undefined, not null. */
function oldValues({ names, oldRow, oldNames }: WrittenChange): RowValues | null {
  if (!oldRow || !oldNames) return null;
  return names.map((name) => {
    const place = oldNames.indexOf(name);
    return place < 0 ? undefined : (oldRow[place] ?? null);
  });
}
