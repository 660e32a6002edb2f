/** What the server asks and says about its replication slot, by SQL. */
import type { Sql } from "postgres";

export interface SlotState {
  readonly name: string;
  /** Of the walsender that uses it, or null. */
  readonly activePid: number | null;
  /** `pg_lsn` as text; null in a slot that was never used. */
  readonly confirmed: string | null;
  /** The log that it needs is gone: it will never work again. */
  readonly isLost: boolean;
  /** In this database. */
  readonly isOwn: boolean;
}

/** Slots of this program, in every database of the server. */
export const SLOT_PREFIX = "reactor_changes_";

export async function readSlots(sql: Sql): Promise<SlotState[]> {
  return await sql<SlotState[]>`
    select slot_name as name, active_pid as "activePid", confirmed_flush_lsn::text as confirmed,
      coalesce(wal_status = 'lost', false) as "isLost", database = current_database() as "isOwn"
    from pg_catalog.pg_replication_slots
    where starts_with(slot_name, ${SLOT_PREFIX})`;
}

/** One slot a database; names are the whole server's. */
export async function slotName(sql: Sql): Promise<string> {
  const [row] = await sql<{ oid: string }[]>`
    select oid::text from pg_catalog.pg_database where datname = current_database()`;
  return `${SLOT_PREFIX}${row?.oid ?? ""}`;
}

/** Harmless when there is none. @throws 55006 while it is in use */
export async function dropSlot(sql: Sql, name: string): Promise<void> {
  await sql`
    select pg_catalog.pg_drop_replication_slot(slot_name)
    from pg_catalog.pg_replication_slots where slot_name = ${name}`;
}

/** Ends the walsender that uses the slot: of a server that has lost its lease, or of none any more. */
export async function endSlotUser(sql: Sql, name: string): Promise<void> {
  await sql`
    select pg_catalog.pg_terminate_backend(active_pid)
    from pg_catalog.pg_replication_slots where slot_name = ${name} and active_pid is not null`;
}

export async function currentLsn(sql: Sql): Promise<string> {
  const [row] = await sql<{ lsn: string }[]>`
    select pg_catalog.pg_current_wal_insert_lsn()::text as lsn`;
  return row?.lsn ?? "0/0";
}

export interface LogicalSupport {
  readonly walLevel: string;
  /** Of the owner: superuser, or REPLICATION. */
  readonly mayReplicate: boolean;
  /** MB, or -1: a slot that nobody reads may fill the disk. */
  readonly keepMb: number;
}

export async function readSupport(sql: Sql): Promise<LogicalSupport> {
  const [row] = await sql<LogicalSupport[]>`
    select current_setting('wal_level') as "walLevel",
      (select rolsuper or rolreplication from pg_catalog.pg_roles where rolname = current_user)
        as "mayReplicate",
      (select setting::int from pg_catalog.pg_settings where name = 'max_slot_wal_keep_size')
        as "keepMb"`;
  return row ?? { walLevel: "", mayReplicate: false, keepMb: -1 };
}
