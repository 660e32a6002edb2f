/** All SQL of `realtime.messages`: what was sent from SQL, what is stored for replay, what is old. */
import type { Sql } from "postgres";
import type { Broadcast, BroadcastBody } from "./broadcast.ts";
import type { ReplayRequest } from "./join-request.ts";

/** Larger ones are not delivered: everybody on the channel would get it whole. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

/** A row that is delivered. */
export interface StoredMessage {
  readonly id: string;
  readonly topic: string;
  readonly isPrivate: boolean;
  readonly event: string;
  /** Null: it is larger than `MESSAGE_BYTES_MAX`. */
  readonly body: BroadcastBody | null;
}

interface Row {
  id: string;
  topic: string;
  private: boolean;
  event: string;
  payload: string | null;
  binary_payload: Uint8Array | null;
  is_large: boolean;
}

interface ReadRow extends Row {
  xmin: string;
}

function toMessage(row: Row): StoredMessage {
  const { id, topic, event, is_large: isLarge } = row;
  return { id, topic, isPrivate: row.private, event, body: isLarge ? null : bodyOf(row) };
}

function bodyOf({ payload, binary_payload: bytes }: Row): BroadcastBody {
  return bytes === null
    ? { encoding: "json", text: payload ?? "null" }
    : { encoding: "binary", bytes };
}

/** Null for what is too large. */
export function toBroadcast(message: StoredMessage, isReplayed: boolean): Broadcast | null {
  const { id, event, body } = message;
  if (body === null) return null;
  return { event, body, meta: isReplayed ? { replayed: true, id } : { id }, whole: null };
}

/** What is too large is not even read. */
function columns(sql: Sql) {
  const size = sql`coalesce(octet_length(payload::text), 0) + coalesce(octet_length(binary_payload), 0)`;
  const isLarge = sql`(${size}) > ${MESSAGE_BYTES_MAX}::bigint`;
  return sql`id::text as id, topic, private, event, ${isLarge} as is_large,
    case when not ${isLarge} then payload::text end as payload,
    case when not ${isLarge} then binary_payload end as binary_payload`;
}

/** What transactions that end later may still add: ids of transactions from here on. */
export async function readHorizon(sql: Sql): Promise<string> {
  const [row] = await sql<{ xmin: string }[]>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as xmin`;
  return row?.xmin ?? "0";
}

/** The rows of these ids that are to be delivered, and the horizon of the reading. */
export async function readMessages(sql: Sql, ids: readonly string[]) {
  const rows = await sql<ReadRow[]>`
    select ${columns(sql)},
           pg_snapshot_xmin(pg_current_snapshot())::text as xmin
      from realtime.messages
     where id in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))
       and extension = 'broadcast' and event is not null and not skip_broadcast`;
  return { messages: rows.map(toMessage), horizon: rows[0]?.xmin ?? null };
}

/** Where a page of `readSince` begins. */
export interface SinceCursor {
  /** Rows of this transaction and later ones. */
  readonly xid: string;
  /** Of them, rows of larger ids; null = all. */
  readonly id: string | null;
}

/** A page of rows of transactions that had not ended at a horizon; `next` is null after the last. */
export async function readSince(sql: Sql, { xid, id }: SinceCursor, limit: number) {
  // A dump of another cluster brings transaction ids of its own: rows of days ago are not news.
  const rows = await sql<(Row & { xid: string })[]>`
    select ${columns(sql)}, xid::text
      from realtime.messages
     where xid >= ${xid}::text::xid8
       and (xid > ${xid}::text::xid8 or ${id}::uuid is null or id > ${id}::uuid)
       and extension = 'broadcast' and event is not null and not skip_broadcast
       and inserted_at > (now() at time zone 'utc') - interval '1 day'
     order by realtime.messages.xid, realtime.messages.id
     limit ${limit}`;
  const last = rows.at(-1);
  const next: SinceCursor | null =
    last && rows.length === limit ? { xid: last.xid, id: last.id } : null;
  return { messages: rows.map(toMessage), next };
}

/** The newest of a private channel, oldest of them first. */
export async function readReplay(
  sql: Sql,
  topic: string,
  { since, limit }: ReplayRequest,
): Promise<StoredMessage[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)}
      from realtime.messages
     where topic = ${topic} and private and extension = 'broadcast' and event is not null
       and inserted_at >= (to_timestamp(${since}::float8 / 1000) at time zone 'utc')
       and (expires_at is null or expires_at > (now() at time zone 'utc'))
     order by inserted_at desc, id
     limit ${limit}`;
  return rows.map(toMessage).reverse();
}

/** Keeps a broadcast that was delivered otherwise, for replay; its id. */
export async function storeBroadcast(
  sql: Sql,
  topic: string,
  { event, body }: Broadcast,
  ttlS: number,
): Promise<string> {
  const json = body.encoding === "json" ? body.text : null;
  const bytes = body.encoding === "binary" ? Buffer.from(body.bytes) : null;
  const [row] = await sql<{ id: string }[]>`
    insert into realtime.messages
      (topic, extension, event, payload, binary_payload, private, skip_broadcast, expires_at)
    values (${topic}, 'broadcast', ${event}, ${json}::text::jsonb, ${bytes}, true, true,
            (now() at time zone 'utc') + ${ttlS}::float8 * interval '1 second')
    returning id::text`;
  return row?.id ?? "";
}

/** Deletes rows older than `keepS` seconds, at most `limit` of them; the count. */
export async function purgeMessages(sql: Sql, keepS: number, limit: number): Promise<number> {
  const result = await sql`
    delete from realtime.messages where id in (
      select id from realtime.messages
       where inserted_at < (now() at time zone 'utc') - ${keepS}::float8 * interval '1 second'
       limit ${limit})`;
  return result.count;
}
