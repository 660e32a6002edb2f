/**
 * Decodes the messages of the output plugin `pgoutput`, protocol version 1, values as text
 * (PostgreSQL documentation, "Logical Replication Message Formats").
 */
import { wireErrors } from "../wire/errors.ts";
import { ByteCursor } from "./byte-cursor.ts";

/**
 * A value in the text form of its type's output function, null for NULL, or undefined for a value
 * stored out of line that the update did not touch: the log does not hold it.
 */
export type TupleValue = string | null | undefined;

export interface RelationColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  /** Part of the replica identity. */
  readonly isKey: boolean;
}

/** `d` primary key, `i` an index, `f` the whole row, `n` nothing. */
export type ReplicaIdentity = "d" | "n" | "f" | "i";

export interface RelationMessage {
  readonly kind: "relation";
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly identity: ReplicaIdentity;
  readonly columns: readonly RelationColumn[];
}

export interface InsertMessage {
  readonly kind: "insert";
  readonly relationOid: number;
  readonly row: readonly TupleValue[];
}

/** What an update or delete tells of the old row: its key, the whole of it, or nothing. */
export type OldRow =
  | { readonly part: "key" | "whole"; readonly row: readonly TupleValue[] }
  | { readonly part: "none" };

export interface UpdateMessage {
  readonly kind: "update";
  readonly relationOid: number;
  readonly old: OldRow;
  readonly row: readonly TupleValue[];
}

export interface DeleteMessage {
  readonly kind: "delete";
  readonly relationOid: number;
  readonly old: OldRow;
}

export interface TruncateMessage {
  readonly kind: "truncate";
  readonly relationOids: readonly number[];
  readonly cascades: boolean;
  readonly restartsIdentity: boolean;
}

export interface BeginMessage {
  readonly kind: "begin";
  /** Where the commit record stands: grows from one transaction to the next. */
  readonly commitLsn: bigint;
  /** Microseconds since 1970. */
  readonly committedAtUs: bigint;
  /** The transaction's id, 32 bits, without its epoch. */
  readonly xid: number;
}

export interface CommitMessage {
  readonly kind: "commit";
  readonly commitLsn: bigint;
  /** The first byte behind the commit record: confirmed, the transaction is not sent again. */
  readonly endLsn: bigint;
  readonly committedAtUs: bigint;
}

/** `pg_logical_emit_message`. */
export interface LogicalMessage {
  readonly kind: "message";
  readonly isTransactional: boolean;
  readonly lsn: bigint;
  readonly prefix: string;
  readonly content: Buffer;
}

export type PgOutputMessage =
  | BeginMessage
  | CommitMessage
  | RelationMessage
  | InsertMessage
  | UpdateMessage
  | DeleteMessage
  | TruncateMessage
  | LogicalMessage
  | { readonly kind: "type"; readonly oid: number; readonly schema: string; readonly name: string }
  | { readonly kind: "origin"; readonly name: string };

/** Microseconds between 1970 and 2000, where Postgres begins to count. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n;

/** The message that is `data[start, end)`. @throws protocol_violation */
export function decodePgOutput(data: Buffer, start: number, end: number): PgOutputMessage {
  const cursor = new ByteCursor(data, start, end);
  const message = readMessage(cursor);
  if (!cursor.isDone) throw violation("a replication message is longer than its content");
  return message;
}

function readMessage(cursor: ByteCursor): PgOutputMessage {
  const type = cursor.byte();
  switch (type) {
    case 0x42: // B
      return readBegin(cursor);
    case 0x43: // C
      return readCommit(cursor);
    case 0x52: // R
      return readRelation(cursor);
    case 0x49: // I
      return { kind: "insert", relationOid: cursor.uint32(), row: readNewRow(cursor) };
    case 0x55: // U
      return readUpdate(cursor);
    case 0x44: // D
      return readDelete(cursor);
    case 0x54: // T
      return readTruncate(cursor);
    case 0x59: // Y
      return { kind: "type", oid: cursor.uint32(), ...readName(cursor) };
    case 0x4f: // O
      cursor.uint64();
      return { kind: "origin", name: cursor.cstring() };
    case 0x4d: // M
      return readLogicalMessage(cursor);
    default:
      throw violation(`replication message of type ${type}`);
  }
}

function readBegin(cursor: ByteCursor): BeginMessage {
  const commitLsn = cursor.uint64();
  const committedAtUs = cursor.int64() + POSTGRES_EPOCH_US;
  return { kind: "begin", commitLsn, committedAtUs, xid: cursor.uint32() };
}

function readCommit(cursor: ByteCursor): CommitMessage {
  cursor.byte();
  const commitLsn = cursor.uint64();
  const endLsn = cursor.uint64();
  return { kind: "commit", commitLsn, endLsn, committedAtUs: cursor.int64() + POSTGRES_EPOCH_US };
}

/** Of a relation or type; pg_catalog is sent as an empty text. */
function readName(cursor: ByteCursor): { schema: string; name: string } {
  const schema = cursor.cstring();
  return { schema: schema === "" ? "pg_catalog" : schema, name: cursor.cstring() };
}

function readRelation(cursor: ByteCursor): RelationMessage {
  const oid = cursor.uint32();
  const names = readName(cursor);
  const identity = String.fromCharCode(cursor.byte());
  if (!isIdentity(identity)) throw violation(`replica identity ${JSON.stringify(identity)}`);
  const columns = Array.from({ length: cursor.int16() }, () => readColumn(cursor));
  return { kind: "relation", oid, ...names, identity, columns };
}

function isIdentity(text: string): text is ReplicaIdentity {
  return text === "d" || text === "n" || text === "f" || text === "i";
}

function readColumn(cursor: ByteCursor): RelationColumn {
  const isKey = (cursor.byte() & 1) === 1;
  const name = cursor.cstring();
  return { name, isKey, typeOid: cursor.uint32(), typeModifier: cursor.int32() };
}

function readUpdate(cursor: ByteCursor): UpdateMessage {
  const relationOid = cursor.uint32();
  const mark = cursor.byte();
  if (mark === 0x4e) {
    return { kind: "update", relationOid, old: { part: "none" }, row: readRow(cursor) };
  }
  const old = readOldRow(cursor, mark);
  return { kind: "update", relationOid, old, row: readNewRow(cursor) };
}

function readDelete(cursor: ByteCursor): DeleteMessage {
  const relationOid = cursor.uint32();
  return { kind: "delete", relationOid, old: readOldRow(cursor, cursor.byte()) };
}

function readOldRow(cursor: ByteCursor, mark: number): OldRow {
  if (mark !== 0x4b && mark !== 0x4f) throw violation(`tuple of kind ${mark}`);
  return { part: mark === 0x4b ? "key" : "whole", row: readRow(cursor) };
}

function readNewRow(cursor: ByteCursor): TupleValue[] {
  const mark = cursor.byte();
  if (mark !== 0x4e) throw violation(`tuple of kind ${mark}`);
  return readRow(cursor);
}

function readRow(cursor: ByteCursor): TupleValue[] {
  const count = cursor.int16();
  const row: TupleValue[] = [];
  for (let column = 0; column < count; column += 1) row.push(readValue(cursor));
  return row;
}

function readValue(cursor: ByteCursor): TupleValue {
  const kind = cursor.byte();
  switch (kind) {
    case 0x6e: // n
      return null;
    case 0x75: // u
      return undefined;
    case 0x74: // t
      return cursor.text(cursor.int32());
    default:
      throw violation(`value of kind ${kind}`);
  }
}

function readTruncate(cursor: ByteCursor): TruncateMessage {
  const count = cursor.int32();
  const options = cursor.byte();
  const relationOids: number[] = [];
  for (let at = 0; at < count; at += 1) relationOids.push(cursor.uint32());
  const [cascades, restartsIdentity] = [(options & 1) !== 0, (options & 2) !== 0];
  return { kind: "truncate", relationOids, cascades, restartsIdentity };
}

function readLogicalMessage(cursor: ByteCursor): LogicalMessage {
  const isTransactional = (cursor.byte() & 1) === 1;
  const lsn = cursor.uint64();
  const prefix = cursor.cstring();
  return { kind: "message", isTransactional, lsn, prefix, content: cursor.bytes(cursor.int32()) };
}

function violation(what: string) {
  return wireErrors.protocol_violation(what);
}
