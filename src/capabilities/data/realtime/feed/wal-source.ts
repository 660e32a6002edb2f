/**
 * Changes from the write-ahead log, by one named slot a database. The slot outlives connections and
 * servers; the window of the feed stays unconfirmed in it, so that a new server is sent it again.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { TenantDatabase } from "../../../../core/ports/database.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Rng } from "../../../../core/ports/rng.ts";
import { parseLsn } from "../../../../postgres/replication/lsn.ts";
import type { RelationMessage } from "../../../../postgres/replication/pgoutput.ts";
import { ReplicationConnection } from "../../../../postgres/replication/replication-connection.ts";
import { parseDatabaseUrl } from "../../../../postgres/url.ts";
import type { ChangeSource, SourceSink } from "./change-source.ts";
import { before, type Position } from "./position.ts";
import type { RowShape } from "./raw-change.ts";
import { readShape, readTypes } from "./shape-store.ts";
import { currentLsn, dropSlot, endSlotUser, readSlots, slotName } from "./slot-store.ts";
import { WalReader } from "./wal-reader.ts";

export interface WalSourceOptions {
  database(): TenantDatabase;
  readonly publication: string;
  /** Whether anybody may subscribe to tables of this schema. */
  serves(schema: string): boolean;
  readonly maxRowBytes: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 5_000;
const CONFIRM_MS = 1_000;
/** A slot in use for so many attempts is in use by nobody who should. */
const BUSY_MAX = 5;
/** SQLSTATE of a slot that another walsender uses. */
const OBJECT_IN_USE = "55006";

export class WalSource implements ChangeSource {
  readonly #options: WalSourceOptions;

  constructor(options: WalSourceOptions) {
    this.#options = options;
  }

  async now(): Promise<Position> {
    return before(parseLsn(await currentLsn(this.#options.database().system)));
  }

  async remove(): Promise<void> {
    const { system } = this.#options.database();
    const name = await slotName(system);
    await endSlotUser(system, name);
    for (let tries = 0; ; tries += 1) {
      try {
        await dropSlot(system, name);
        this.#options.log.info("realtime.slot_dropped", { slot: name });
        return;
      } catch (error) {
        if (codeOf(error) !== OBJECT_IN_USE || tries >= BUSY_MAX) throw error;
        await this.#options.clock.sleep(BACKOFF_FIRST_MS * 2 ** tries);
      }
    }
  }

  async run(signal: AbortSignal, sink: SourceSink): Promise<void> {
    const { clock, log } = this.#options;
    let failures = 0;
    for (;;) {
      signal.throwIfAborted();
      try {
        await this.#readOnce(signal, sink, () => {
          failures = 0;
        });
      } catch (error) {
        signal.throwIfAborted();
        log.warn("realtime.stream_lost", { error, attempt: failures + 1 });
        sink.failing(error);
        await this.#afterFailure(error, failures);
      }
      const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures);
      failures += 1;
      await clock.sleep(ceilingMs * (0.5 + this.#options.rng.float() / 2), signal);
    }
  }

  /** What stands in the way of the next attempt is cleared. */
  async #afterFailure(error: unknown, failures: number): Promise<void> {
    const { database, log } = this.#options;
    if (codeOf(error) !== OBJECT_IN_USE || failures < BUSY_MAX) return;
    // We hold the lease: whoever still reads the slot has lost it.
    const { system } = database();
    const name = await slotName(system);
    log.warn("realtime.slot_taken_over", { slot: name });
    await endSlotUser(system, name).catch((cause: unknown) => {
      log.warn("realtime.slot_busy", { slot: name, error: cause });
    });
  }

  /** Until the connection is lost. */
  async #readOnce(signal: AbortSignal, sink: SourceSink, onBegun: () => void): Promise<void> {
    const { database, clock, rng, publication, maxRowBytes } = this.#options;
    const address = parseDatabaseUrl(database().directUrl);
    const connection = await ReplicationConnection.open({ address, clock, rng, signal });
    try {
      const slot = await slotName(database().system);
      const start = await this.#prepareSlot(connection, slot);
      await connection.start({ slot, publication });
      sink.started(start);
      onBegun();
      const shapeOf = (relation: RelationMessage) => this.#shapeOf(relation);
      const reader = new WalReader({ sink, shapeOf, maxRowBytes });
      await this.#pump(connection, reader, sink);
    } finally {
      connection.close();
    }
  }

  async #pump(connection: ReplicationConnection, reader: WalReader, sink: SourceSink) {
    const stop = this.#options.clock.every(CONFIRM_MS, () => {
      connection.confirm(sink.confirmable());
    });
    try {
      for (;;) {
        for (const received of await connection.receive()) await reader.take(received);
        sink.flush();
        await sink.room();
      }
    } finally {
      stop();
    }
  }

  /** The slot, made where there is none or only one whose log is gone; where it begins. */
  async #prepareSlot(connection: ReplicationConnection, name: string) {
    const { database, log } = this.#options;
    const [system] = await connection.query("IDENTIFY_SYSTEM");
    const [identifier, timeline, current, , databaseName] = [...(system ?? []), null, null];
    const incarnation = digest(`${identifier}/${timeline}/${databaseName}`);
    const slots = await readSlots(database().system);
    const found = slots.find((slot) => slot.name === name);
    const isUsable = found && !found.isLost && found.confirmed !== null;
    if (found && !isUsable) {
      log.warn("realtime.slot_lost", { slot: name });
      await dropSlot(database().system, name);
    }
    const floor = isUsable ? found.confirmed : await createSlot(connection, name);
    return {
      incarnation,
      floor: before(parseLsn(floor ?? "0/0")),
      current: before(parseLsn(current ?? "0/0") + 1n),
    };
  }

  async #shapeOf(relation: RelationMessage): Promise<RowShape | null> {
    const { system } = this.#options.database();
    const table = (await readShape(system, relation.oid)) ?? {
      schema: relation.schema,
      table: relation.name,
    };
    if (!this.#options.serves(table.schema)) return null;
    const oids = [...new Set(relation.columns.map(({ typeOid }) => typeOid))];
    const types = new Map((await readTypes(system, oids)).map((type) => [type.oid, type]));
    const columns = relation.columns.map(({ name, typeOid }) => {
      const type = types.get(typeOid);
      // Of a type that was dropped meanwhile the text is all there is.
      return { name, type: type?.name ?? "text", form: type?.form ?? ("quoted" as const) };
    });
    return { schema: table.schema, table: table.table, columns };
  }
}

async function createSlot(connection: ReplicationConnection, name: string): Promise<string> {
  const [row] = await connection.query(
    `CREATE_REPLICATION_SLOT "${name}" LOGICAL pgoutput (SNAPSHOT 'nothing')`,
  );
  return row?.[1] ?? "0/0";
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
