/** The publication that the feed reads: adding tables to it, and seeing that they stay in it. */
import type { ReservedSql, Sql } from "postgres";
import { quoteIdent, quoteTable } from "../../compile/quote.ts";

interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Locks of tables that are being published, among the advisory locks of the database. */
const LOCK_SPACE = 0x72_63_68_67n << 32n;

const LOCK_MS = 2_000;

/** Held while a table is being published, by whoever publishes it. */
export function publishingLock(tableOid: number): string {
  return String(LOCK_SPACE + BigInt(tableOid));
}

/** Without those that inherit from it: they may have nothing that names their rows. */
export function addStatement(publication: string, table: TableName): string {
  return `alter publication ${quoteIdent(publication)} add table only ${quoteTable(table)}`;
}

/**
 * Adds the table and keeps it locked for as long as `settle` takes, which is given the connection:
 * the pool may have no other. False when somebody else is at it.
 * When it cannot be settled it is taken out again.
 * @throws 55P03 while something else holds the table, 42P01 where there is no such publication, 42501,
 *   0A000 for what cannot be published; what `settle` throws
 */
export async function publish(
  sql: Sql,
  publication: string,
  table: TableName & { readonly oid: number },
  settle: (connection: Sql) => Promise<void>,
): Promise<boolean> {
  const connection = await sql.reserve();
  const lock = publishingLock(table.oid);
  try {
    const [row] = await connection<{ is_mine: boolean }[]>`
      select pg_catalog.pg_try_advisory_lock(${lock}::bigint) as is_mine`;
    if (row?.is_mine !== true) return false;
    try {
      await addAndSettle(connection, publication, table, settle);
    } finally {
      await connection`select pg_catalog.pg_advisory_unlock(${lock}::bigint)`;
    }
    return true;
  } finally {
    connection.release();
  }
}

async function addAndSettle(
  connection: ReservedSql,
  publication: string,
  table: TableName,
  settle: (connection: Sql) => Promise<void>,
): Promise<void> {
  // One request, one transaction. What holds the table may hold it for hours (a vacuum, an index), and
  // who else subscribes to a new table waits behind this.
  await connection.unsafe(
    `set local lock_timeout = '${LOCK_MS}ms'; ${addStatement(publication, table)}`,
  );
  try {
    await settle(connection);
  } catch (error) {
    await unpublish(connection, publication, table);
    throw error;
  }
}

/** @throws 42704 when it is not in it */
export async function unpublish(sql: Sql, publication: string, table: TableName): Promise<void> {
  const name = quoteTable(table);
  await sql.unsafe(`alter publication ${quoteIdent(publication)} drop table only ${name}`);
}

/**
 * Transactions that write to the table, or to a partition of it, now. What they wrote before it was
 * published is not told when they commit.
 */
export async function readWriters(sql: Sql, tableOid: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select distinct l.virtualtransaction as id
    from pg_catalog.pg_locks l
    where l.granted and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock')
      and l.locktype = 'relation'
      and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
      and l.relation in (
        select ${tableOid}::bigint::oid
        union select relid from pg_catalog.pg_partition_tree(${tableOid}::bigint::oid))`;
  return rows.map((row) => row.id);
}
