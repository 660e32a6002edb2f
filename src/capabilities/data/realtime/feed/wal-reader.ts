/**
 * Turns the messages of one replication connection into changes: knows the tables they speak of and
 * counts the changes of each transaction.
 */
import type {
  BeginMessage,
  OldRow,
  PgOutputMessage,
  RelationMessage,
  TupleValue,
} from "../../../../postgres/replication/pgoutput.ts";
import type { Received } from "../../../../postgres/replication/replication-connection.ts";
import type { SourceSink } from "./change-source.ts";
import { before } from "./position.ts";
import type { RawChange, RowShape } from "./raw-change.ts";

/** A relation as sent, and the table that readers know it by; null when nobody can subscribe to it. */
interface Relation {
  readonly shape: RowShape | null;
  readonly isKey: readonly boolean[];
}

export interface WalReaderOptions {
  readonly sink: SourceSink;
  /** Null for a table that is not served. */
  shapeOf(relation: RelationMessage): Promise<RowShape | null>;
  /** A larger row is a gap. */
  readonly maxRowBytes: number;
}

/** Of an entry of the log, beside its texts. */
const OVERHEAD_BYTES = 200;

export class WalReader {
  readonly #options: WalReaderOptions;
  readonly #relations = new Map<number, Relation>();
  #begun: BeginMessage | null = null;
  #index = 0;

  constructor(options: WalReaderOptions) {
    this.#options = options;
  }

  /** Rejects when a table could not be looked up. */
  async take({ message, walEnd, sizeBytes }: Received): Promise<void> {
    if (message !== null) await this.#takeMessage(message, sizeBytes);
    else if (this.#begun === null) this.#options.sink.progress(before(walEnd));
  }

  async #takeMessage(message: PgOutputMessage, sizeBytes: number): Promise<void> {
    switch (message.kind) {
      case "begin":
        this.#begun = message;
        this.#index = 0;
        return;
      case "commit":
        this.#begun = null;
        this.#options.sink.progress(before(message.commitLsn + 1n));
        return;
      case "relation": {
        const shape = await this.#options.shapeOf(message);
        this.#relations.set(message.oid, { shape, isKey: message.columns.map((c) => c.isKey) });
        return;
      }
      case "insert":
        this.#add(message.relationOid, sizeBytes, "INSERT", message.row, null);
        return;
      case "update":
        this.#add(message.relationOid, sizeBytes, "UPDATE", message.row, message.old);
        return;
      case "delete":
        this.#add(message.relationOid, sizeBytes, "DELETE", null, message.old);
        return;
      case "truncate":
        for (const oid of message.relationOids) this.#gap(oid, "the table was truncated");
        return;
      case "type":
      case "origin":
      case "message":
        return;
    }
  }

  #add(
    oid: number,
    sizeBytes: number,
    type: RawChange["type"],
    row: readonly TupleValue[] | null,
    old: OldRow | null,
  ): void {
    if (sizeBytes > this.#options.maxRowBytes) {
      this.#gap(oid, "a row was too large");
      return;
    }
    const relation = this.#relations.get(oid);
    const oldRow = old && relation ? oldValues(old, relation) : null;
    // What an update left untouched out of line is in the old row, where that is told.
    const filled = row?.map((value, at) => (value === undefined ? oldRow?.[at] : value)) ?? null;
    this.#append(relation, { type, row: filled, old: oldRow, sizeBytes });
  }

  #gap(oid: number, reason: string): void {
    const gap = { type: "GAP", reason, row: null, old: null, sizeBytes: 0 } as const;
    this.#append(this.#relations.get(oid), gap);
  }

  /** Also what nobody can subscribe to is counted: positions must not depend on who looks. */
  #append(
    relation: Relation | undefined,
    part: Pick<RawChange, "type" | "row" | "old" | "sizeBytes"> & { readonly reason?: string },
  ): void {
    const begun = this.#begun;
    if (!begun || !relation) throw new Error("a change outside of what the stream has told");
    const index = this.#index;
    this.#index += 1;
    if (!relation.shape) return;
    this.#options.sink.change({
      reason: "",
      ...part,
      position: { lsn: begun.commitLsn, index },
      xid: begun.xid,
      committedAtMs: Number(begun.committedAtUs / 1000n),
      shape: relation.shape,
      sizeBytes: part.sizeBytes + OVERHEAD_BYTES,
    });
  }
}

/** Columns that the old row does not tell are undefined, not null. */
function oldValues(old: OldRow, { isKey }: Relation): readonly TupleValue[] | null {
  if (old.part === "none") return null;
  if (old.part === "whole") return old.row;
  return old.row.map((value, at) => (isKey[at] ? value : undefined));
}
