/** SQL of the secrets themselves: sealed rows of `reactor.secrets`, a new one with each put. */
import type { Sql, TransactionSql } from "postgres";
import type { TenantCtx } from "../../core/tenant.ts";

type Executor = Sql | TransactionSql;

export interface SecretRow {
  readonly version: number;
  readonly root: number;
  /** Null = deleted. */
  readonly sealed: Uint8Array | null;
}

export interface NewSecretRow {
  readonly path: string;
  readonly version: number;
  readonly root: number;
  readonly sealed: Uint8Array;
}

/** Earlier versions kept, for looking into what happened. */
const HISTORY = 9;

export async function newestRow(
  sql: Executor,
  tenant: TenantCtx,
  path: string,
): Promise<SecretRow | null> {
  const [row] = await sql<SecretRow[]>`
    select version, root, sealed from reactor.secrets
    where tenant = ${tenant.id} and path = ${path} order by version desc limit 1`;
  return row ?? null;
}

/**
 * Written unless another wrote this version first (`taken`) or there is a newer root (`root_old`): a
 * rotation would never end if others went on under the one before. The root's row is held until the
 * transaction ends, so that it cannot go in between.
 * @param history how many earlier versions stay.
 */
export async function insertRow(
  sql: Executor,
  tenant: TenantCtx,
  { path, version, root, sealed }: NewSecretRow,
  history = HISTORY,
): Promise<"written" | "taken" | "root_old"> {
  const [known] = await sql<{ id: number | null; written: number }[]>`
    with held as (
      select id from reactor.vault_roots
      where tenant = ${tenant.id} and id = ${root}
        and not exists (
          select from reactor.vault_roots as newer
          where newer.tenant = ${tenant.id} and newer.id > ${root})
      for key share
    ), written as (
      insert into reactor.secrets (tenant, path, version, root, sealed)
      select ${tenant.id}, ${path}, ${version}, id, ${sealed} from held
      on conflict do nothing returning 1
    )
    select (select id from held) as id, (select count(*)::int from written) as written`;
  if (known?.id == null) return "root_old";
  if (known.written === 0) return "taken";
  await sql`
    delete from reactor.secrets
    where tenant = ${tenant.id} and path = ${path} and version < ${version - history}`;
  return "written";
}

/** Every sealed text goes; the newest row stays as the mark of its version. */
export async function removeRows(sql: Sql, tenant: TenantCtx, path: string): Promise<boolean> {
  return sql.begin(async (tx) => {
    const [newest] = await tx<{ version: number; present: boolean }[]>`
      select version, sealed is not null as present from reactor.secrets
      where tenant = ${tenant.id} and path = ${path}
      order by version desc limit 1 for update`;
    if (!newest?.present) return false;
    await tx`
      delete from reactor.secrets
      where tenant = ${tenant.id} and path = ${path} and version < ${newest.version}`;
    await tx`
      update reactor.secrets set sealed = null
      where tenant = ${tenant.id} and path = ${path} and version = ${newest.version}`;
    return true;
  });
}

export async function listPaths(sql: Sql, tenant: TenantCtx, prefix: string): Promise<string[]> {
  const rows = await sql<{ path: string }[]>`
    select path from (
      select distinct on (path) path, sealed from reactor.secrets
      where tenant = ${tenant.id} and starts_with(path, ${prefix})
      order by path, version desc
    ) as newest
    where sealed is not null order by path`;
  return rows.map((row) => row.path);
}
