/**
 * Events in `reactor.events`: written in the caller's transaction, so that the event exists exactly
 * when what it tells of does.
 *
 * Order. An event's place is (turn, id), where `turn` is its transaction's id. It becomes readable
 * when its turn is below the snapshot's xmin, that is, when every transaction with a smaller or
 * equal id has ended; a transaction still to commit has a turn of at least xmin and so a larger
 * place. No event can therefore appear behind a cursor. (By `id` alone it could: transaction 11
 * draws id 1, transaction 10 draws id 2 and commits while 11 runs; a reader that takes 2 never sees
 * 1.) The public id is the place as one number, `turn << 64 | id`: it grows as the port promises.
 *
 * A transaction that has written and stays open holds later events back, in any database of the
 * cluster: readers poll as well as wait for the wake-up (see `event-consumer.ts`).
 */
import type { Sql, TransactionSql } from "postgres";
import type { Events, StoredEvent } from "../../core/ports/events.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { TenantDatabases } from "../tenant-database.ts";
import { eventJson, readLimit } from "./event-rules.ts";

/** Tells readers, at the commit of `tx`, that there is something to read; `tx` null = now. */
export type WakeReaders = (tenant: TenantCtx, tx: TransactionSql | null) => Promise<void>;

interface EventRow {
  readonly turn: string;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: string;
  readonly at: string;
}

export function createPostgresEvents(databases: TenantDatabases, wake: WakeReaders): Events {
  const sqlOf = (tenant: TenantCtx): Sql => databases.for(tenant).system;
  return {
    async append(tenant, tx, events) {
      const rows = events.map((event) => ({ ...event, data: eventJson(event) }));
      if (rows.length === 0) return;
      const json = JSON.stringify(rows);
      await (tx ?? sqlOf(tenant))`
        insert into reactor.events (tenant, type, subject, data)
        select ${tenant.id}, item.value ->> 'type', item.value ->> 'subject',
          (item.value ->> 'data')::jsonb
        from json_array_elements(${json}::text::json) with ordinality as item (value, nth)
        order by item.nth`;
      await wake(tenant, tx);
    },
    async read(tenant, cursor, limit) {
      const sql = sqlOf(tenant);
      return readRows(sql, tenant, cursor, readLimit(limit));
    },
    async commit(tenant, cursor, id) {
      const sql = sqlOf(tenant);
      const { turn, row } = placeOf(id);
      await sql`
        insert into reactor.event_cursors as c (tenant, name, turn, id)
        values (${tenant.id}, ${cursor}, ${turn}, ${row})
        on conflict (tenant, name) do update set turn = excluded.turn, id = excluded.id
        where (excluded.turn, excluded.id) > (c.turn, c.id)`;
    },
    async forget(tenant, cursor) {
      const sql = sqlOf(tenant);
      await sql`
        delete from reactor.event_cursors where tenant = ${tenant.id} and name = ${cursor}`;
    },
    async trim(tenant, olderThanMs) {
      const sql = sqlOf(tenant);
      const rows = await sql`
        delete from reactor.events e
        where e.tenant = ${tenant.id}
          and e.at < now() - ${olderThanMs}::float8 * interval '1 millisecond'
          and not exists (
            select from reactor.event_cursors c
            where c.tenant = ${tenant.id} and (c.turn, c.id) < (e.turn, e.id))`;
      return rows.count;
    },
  };
}

async function readRows(sql: Sql, tenant: TenantCtx, cursor: string, limit: number) {
  // Known from its first read on, so that `trim` keeps what it has yet to see.
  await sql`
    insert into reactor.event_cursors (tenant, name) values (${tenant.id}, ${cursor})
    on conflict do nothing`;
  const rows = await sql<EventRow[]>`
    select e.turn::text, e.id::text, e.type, e.subject, e.data::text as data,
      to_char(e.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from reactor.events e
    join reactor.event_cursors c on c.tenant = e.tenant and c.name = ${cursor}
    where e.tenant = ${tenant.id} and (e.turn, e.id) > (c.turn, c.id)
      and e.turn < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        + (select shift from reactor.events_clock)
    order by e.turn, e.id limit ${limit}`;
  return rows.map(toStored);
}

function toStored(row: EventRow): StoredEvent {
  return {
    id: (BigInt(row.turn) << 64n) | BigInt(row.id),
    type: row.type,
    subject: row.subject,
    data: JSON.parse(row.data) as unknown,
    at: row.at,
  };
}

function placeOf(id: bigint): { turn: string; row: string } {
  return { turn: String(id >> 64n), row: String(id & 0xffff_ffff_ffff_ffffn) };
}

/**
 * After the database was moved into another cluster (a dump, restored), whose transaction ids are
 * smaller: new events must still come after the old ones. Called at boot, before anything writes.
 */
export async function adoptEvents(sql: Sql): Promise<void> {
  await sql`select reactor.events_adopt()`;
}
