/** SQL of root keys and of the ways to them: `reactor.vault_roots`, `reactor.vault_unlocks`. */
import type { JSONValue, Sql, TransactionSql } from "postgres";
import type { TenantCtx } from "../../core/tenant.ts";
import type { UnlockRow } from "./master.ts";
import type { RootPlace, Unlocker } from "./unlocker.ts";

type Executor = Sql | TransactionSql;

export interface RootRows {
  /** Ascending. */
  readonly roots: readonly number[];
  readonly unlocks: readonly UnlockRow[];
}

export interface SealedRow {
  readonly path: string;
  readonly version: number;
  readonly root: number;
  readonly sealed: Uint8Array | null;
}

const FOREIGN_KEY_VIOLATION = "23503";

export async function readRoots(sql: Executor, tenant: TenantCtx): Promise<RootRows> {
  const roots = await sql<{ id: number }[]>`
    select id from reactor.vault_roots where tenant = ${tenant.id} order by id`;
  const unlocks = await sql<UnlockRow[]>`
    select root, id, kind, kdf, pending, sealed from reactor.vault_unlocks
    where tenant = ${tenant.id} order by root, id`;
  return { roots: roots.map(({ id }) => id), unlocks };
}

/** False when it is there already. */
export async function insertRoot(sql: Executor, tenant: TenantCtx, id: number): Promise<boolean> {
  const { count } = await sql`
    insert into reactor.vault_roots (tenant, id) values (${tenant.id}, ${id}) on conflict do nothing`;
  return count > 0;
}

export async function insertUnlock(
  sql: Executor,
  { tenantId, root }: RootPlace,
  { id, kind, kdf }: Unlocker,
  pending: boolean,
  sealed: Uint8Array,
): Promise<void> {
  const derivation = kdf === null ? null : sql.json(kdf as unknown as JSONValue);
  await sql`
    insert into reactor.vault_unlocks (tenant, root, id, kind, kdf, pending, sealed)
    values (${tenantId}, ${root}, ${id}, ${kind}, ${derivation}, ${pending}, ${sealed})
    on conflict (tenant, root, id) do update set sealed = excluded.sealed, kdf = excluded.kdf`;
}

/** From now on only `id` opens the vault, beside a recovery code. */
export async function settleUnlock(sql: Executor, tenant: TenantCtx, id: string): Promise<void> {
  await sql`
    delete from reactor.vault_unlocks
    where tenant = ${tenant.id} and kind <> 'recovery' and id <> ${id}`;
  await sql`
    update reactor.vault_unlocks set pending = false
    where tenant = ${tenant.id} and id = ${id} and pending`;
}

export async function dropUnlocks(
  sql: Executor,
  tenant: TenantCtx,
  which: { readonly recovery: boolean; readonly pending: boolean },
): Promise<void> {
  await sql`
    delete from reactor.vault_unlocks
    where tenant = ${tenant.id}
      and ((kind = 'recovery' and ${which.recovery}) or (pending and ${which.pending}))`;
}

/** One rotation at a time on a database, until the transaction ends. */
export async function lockRotation(tx: TransactionSql): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended('reactor.vault_rotation', 0))`;
}

/** Secrets sealed under an earlier root than `newest`, locked. */
export async function takeOlder(
  tx: TransactionSql,
  tenant: TenantCtx,
  newest: number,
  limit: number,
): Promise<readonly SealedRow[]> {
  return tx<SealedRow[]>`
    select path, version, root, sealed from reactor.secrets
    where tenant = ${tenant.id} and root < ${newest} order by path, version limit ${limit}
    for update`;
}

export async function putResealed(
  tx: TransactionSql,
  tenant: TenantCtx,
  { path, version, root, sealed }: SealedRow,
): Promise<void> {
  await tx`
    update reactor.secrets set sealed = ${sealed}, root = ${root}
    where tenant = ${tenant.id} and path = ${path} and version = ${version}`;
}

/** False while a secret still needs one of them. */
export async function dropOlder(sql: Sql, tenant: TenantCtx, newest: number): Promise<boolean> {
  try {
    await sql`delete from reactor.vault_roots where tenant = ${tenant.id} and id < ${newest}`;
    await sql`delete from reactor.vault_checks where tenant = ${tenant.id}`;
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === FOREIGN_KEY_VIOLATION) return false;
    throw error;
  }
}

/** The known text of versions before root keys; null where there is none. */
export async function readLegacyCheck(
  sql: Executor,
  tenant: TenantCtx,
): Promise<Uint8Array | null> {
  const [row] = await sql<{ sealed: Uint8Array }[]>`
    select sealed from reactor.vault_checks where tenant = ${tenant.id}`;
  return row?.sealed ?? null;
}

export async function countSecrets(sql: Executor, tenant: TenantCtx): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select count(distinct path)::int as count from reactor.secrets
    where tenant = ${tenant.id} and sealed is not null`;
  return row?.count ?? 0;
}
