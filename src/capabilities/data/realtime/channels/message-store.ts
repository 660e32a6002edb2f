/** All SQL of `realtime.messages`: what was sent from SQL, what is stored for replay, what is old. */
import type { Sql } from "postgres";
import type { Broadcast, BroadcastBody } from "./broadcast.ts";
import type { ReplayRequest } from "./join-request.ts";

/** A row that is delivered. */
export interface StoredMessage {
  readonly id: string;
  readonly topic: string;
  readonly isPrivate: boolean;
  readonly event: string;
  readonly body: BroadcastBody;
}

interface Row {
  id: string;
  topic: string;
  private: boolean;
  event: string;
  payload: string | null;
  binary_payload: Uint8Array | null;
}

interface ReadRow extends Row {
  xmin: string;
}

function toMessage(row: Row): StoredMessage {
  const body: BroadcastBody =
    row.binary_payload === null
      ? { encoding: "json", text: row.payload ?? "null" }
      : { encoding: "binary", bytes: row.binary_payload };
  return { id: row.id, topic: row.topic, isPrivate: row.private, event: row.event, body };
}

export function toBroadcast(message: StoredMessage, isReplayed: boolean): Broadcast {
  const { id, event, body } = message;
  return { event, body, meta: isReplayed ? { replayed: true, id } : { id }, whole: null };
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
    select id::text, topic, private, event, payload::text, binary_payload,
           pg_snapshot_xmin(pg_current_snapshot())::text as xmin
      from realtime.messages
     where id in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb))
       and extension = 'broadcast' and event is not null and not skip_broadcast`;
  return { messages: rows.map(toMessage), horizon: rows[0]?.xmin ?? null };
}

/** Rows of transactions that had not ended at `horizon`, oldest first, at most `limit`. */
export async function readSince(
  sql: Sql,
  horizon: string,
  limit: number,
): Promise<StoredMessage[]> {
  // A dump of another cluster brings transaction ids of its own: rows of days ago are not news.
  const rows = await sql<Row[]>`
    select id::text, topic, private, event, payload::text, binary_payload
      from realtime.messages
     where xid >= ${horizon}::text::xid8
       and extension = 'broadcast' and event is not null and not skip_broadcast
       and inserted_at > (now() at time zone 'utc') - interval '1 day'
     order by xid, inserted_at
     limit ${limit}`;
  return rows.map(toMessage);
}

/** The newest of a private channel, oldest of them first. */
export async function readReplay(
  sql: Sql,
  topic: string,
  { since, limit }: ReplayRequest,
): Promise<StoredMessage[]> {
  const rows = await sql<Row[]>`
    select id::text, topic, private, event, payload::text, binary_payload
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
