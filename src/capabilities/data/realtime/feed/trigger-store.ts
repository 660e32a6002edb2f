/** All SQL of the change feed that reads what triggers wrote. */
import type { Sql, TransactionSql } from "postgres";
import { quoteIdent, quoteTable } from "../../compile/quote.ts";

/** A change as a trigger wrote it. */
export interface WrittenChange {
  readonly seq: string;
  readonly atMs: number;
  readonly kind: "I" | "U" | "D" | "T";
  readonly relation: number;
  readonly names: readonly string[];
  readonly types: readonly number[];
  readonly newRow: readonly (string | null)[] | null;
  readonly oldRow: readonly (string | null)[] | null;
  readonly oldNames: readonly string[] | null;
  readonly sizeBytes: number;
}

export interface SequenceState {
  readonly incarnation: string;
  /** The last place that was given. */
  readonly last: string;
  /** The first that is still kept; null when none is. */
  readonly first: string | null;
}

const TRIGGER = "reactor_realtime";
const TRUNCATE_TRIGGER = "reactor_realtime_truncate";
/** `reactor.write_change` notifies it. */
const CHANGED_CHANNEL = "reactor_realtime";

/** `reactor.write_change` holds it, shared, in transactions of which it leaves changes out. */
const SKIPPING_LOCK = [1_919_117_415, 0] as const;

/** Whether changes have been written down without a break: somebody has read in time. */
export async function isRead(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ is_read: boolean }[]>`
    select last_value >= extract(epoch from pg_catalog.clock_timestamp()) as is_read
    from reactor.realtime_read_until`;
  return row?.is_read === true;
}

/** Changes are written down for so long, whether or not somebody reads them. */
export async function readOnFor(sql: Sql, seconds: number): Promise<void> {
  await sql`select pg_catalog.setval('reactor.realtime_read_until',
    extract(epoch from pg_catalog.clock_timestamp())::bigint + ${seconds}::int)`;
}

/** Some changes were left out: nothing that was written down before goes together with what comes. */
export async function beginAnew(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`update reactor.realtime_sequence set incarnation = gen_random_uuid()`;
    await tx`delete from reactor.realtime_changes`;
  });
}

/** No transaction is open of which changes were left out. */
export async function nobodySkips(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ is_free: boolean }[]>`
    select pg_catalog.pg_try_advisory_xact_lock(${SKIPPING_LOCK[0]}::int, ${SKIPPING_LOCK[1]}::int) as is_free`;
  return row?.is_free === true;
}

export async function readSequence(sql: Sql): Promise<SequenceState> {
  const [row] = await sql<SequenceState[]>`
    select incarnation::text, last::text,
      (select min(seq)::text from reactor.realtime_changes where seq is not null) as first
    from reactor.realtime_sequence`;
  return row ?? { incarnation: "", last: "0", first: null };
}

/**
 * Gives places to changes in the order in which they were written, up to the first whose transaction
 * may not be over for everybody. Two changes of one row are written in the order of their commits, since
 * the second waits for the first; so their places are in it too.
 */
export async function giveSequence(sql: Sql, limit: number): Promise<void> {
  const [pending] = await sql`select from reactor.realtime_changes where seq is null limit 1`;
  if (!pending) return;
  await sql.begin(async (tx) => {
    await tx`select from reactor.realtime_sequence for update`;
    const given = await tx`
      with pending as (
        select id, xid from reactor.realtime_changes where seq is null order by id limit ${limit}
      ),
      judged as (
        select id, bool_and(xid < pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()))
          over (order by id) as is_over
        from pending
      ),
      numbered as (
        select id, row_number() over (order by id) as n from judged where is_over
      )
      update reactor.realtime_changes c
      set seq = (select last from reactor.realtime_sequence) + numbered.n
      from numbered where c.id = numbered.id`;
    await tx`update reactor.realtime_sequence set last = last + ${given.count}`;
  });
}

/** Arrays come as JSON: the driver reads a null of an array of texts as the text "NULL". */
export async function readChanges(
  sql: Sql,
  after: bigint,
  limit: number,
): Promise<WrittenChange[]> {
  return await sql<WrittenChange[]>`
    select seq::text, (extract(epoch from at) * 1000)::float8 as "atMs", kind::text,
      relation::bigint::float8 as relation, array_to_json(names) as names,
      types::bigint[]::float8[] as types, array_to_json(new_row) as "newRow",
      array_to_json(old_row) as "oldRow", array_to_json(old_names) as "oldNames",
      pg_catalog.pg_column_size(c.*)::int as "sizeBytes"
    from reactor.realtime_changes c where c.seq > ${String(after)}::bigint order by c.seq limit ${limit}`;
}

export async function forgetChanges(sql: Sql, before: bigint): Promise<void> {
  await sql`delete from reactor.realtime_changes where seq < ${String(before)}::bigint`;
}

interface TableName {
  readonly schema: string;
  readonly name: string;
}

/**
 * The lock that this takes waits for transactions that write to the table now, so that everything which
 * commits afterwards is told; and later writers wait behind it, hence not for long.
 * @throws 42501 for somebody else's table, 55P03 when writers do not end
 */
export async function createTriggers(sql: Sql, table: TableName): Promise<void> {
  const run = "execute function reactor.write_change()";
  await sql.begin(async (tx) => {
    await tx`set local lock_timeout = '1s'`;
    await tx.unsafe(`create or replace trigger ${quoteIdent(TRIGGER)}
      after insert or update or delete on ${quoteTable(table)} for each row ${run}`);
    // A row's trigger is its partitions' as well, a statement's is not.
    for (const part of await readParts(tx, table)) {
      await tx.unsafe(`create or replace trigger ${quoteIdent(TRUNCATE_TRIGGER)}
        after truncate on ${quoteTable(part)} for each statement ${run}`);
    }
  });
}

/** The table and its partitions, without foreign ones. */
async function readParts(sql: Sql | TransactionSql, table: TableName): Promise<TablePart[]> {
  const name = quoteTable(table);
  return await sql<TablePart[]>`
    select n.nspname as schema, c.relname as name, exists (
      select from pg_catalog.pg_trigger t where t.tgrelid = c.oid and t.tgname = ${TRUNCATE_TRIGGER}
    ) as "isTold"
    from (
      select ${name}::regclass::oid as oid
      union select relid from pg_catalog.pg_partition_tree(${name}::regclass)
    ) tree
    join pg_catalog.pg_class c on c.oid = tree.oid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p')`;
}

interface TablePart extends TableName {
  readonly isTold: boolean;
}

export async function hasTriggers(sql: Sql, table: TableName): Promise<boolean> {
  return (await readParts(sql, table)).every(({ isTold }) => isTold);
}

/** Tables that no longer need to write anything down, and what they wrote. */
export async function removeTriggers(sql: Sql): Promise<void> {
  const tables = await sql<TableName[]>`
    select n.nspname as schema, c.relname as name
    from pg_catalog.pg_trigger t
    join pg_catalog.pg_class c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where t.tgname = ${TRUNCATE_TRIGGER}
    -- What a partition has of its root goes with the root's.
    order by c.relispartition`;
  for (const table of tables) {
    const name = quoteTable(table);
    await sql.unsafe(`
      drop trigger if exists ${quoteIdent(TRIGGER)} on ${name};
      drop trigger if exists ${quoteIdent(TRUNCATE_TRIGGER)} on ${name};`);
  }
  await sql`delete from reactor.realtime_changes`;
}

/** Ends the LISTEN with the returned function. */
export async function listenForChanges(sql: Sql, onChange: () => void) {
  const { unlisten } = await sql.listen(CHANGED_CHANNEL, onChange, onChange);
  return unlisten;
}
