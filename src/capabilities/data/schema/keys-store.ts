/** What relationships are made of: keys, the rules of views, functions over rows. */
import type { TransactionSql } from "postgres";
import type { ComputedRow, ForeignKeyRow, KeyRow, ViewRuleRow } from "./catalog-rows.ts";

/** Of all tables: a view may lead to one that is not exposed itself. */
export async function readKeys(tx: TransactionSql): Promise<KeyRow[]> {
  return await tx<KeyRow[]>`
    select conrelid::bigint::float8 as table_oid, contype as kind, conkey as columns
    from pg_catalog.pg_constraint
    where contype in ('p', 'u') and conrelid <> 0
      and connamespace <> 'pg_catalog'::regnamespace
    order by conrelid, contype, conname`;
}

/** Those of partitions repeat their parents'. */
export async function readForeignKeys(tx: TransactionSql): Promise<ForeignKeyRow[]> {
  return await tx<ForeignKeyRow[]>`
    select conname as name, conrelid::bigint::float8 as table_oid,
      confrelid::bigint::float8 as target_oid, conkey as columns, confkey as target_columns
    from pg_catalog.pg_constraint
    where contype = 'f' and conparentid = 0
    order by conrelid, conname, oid`;
}

/** @param schemas where the views of a chain may be: the exposed ones and the search path's. */
export async function readViewRules(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<ViewRuleRow[]> {
  return await tx<ViewRuleRow[]>`
    select c.oid::bigint::float8 as view_oid, r.ev_action::text as action
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_rewrite r on r.ev_class = c.oid and r.ev_type = '1'
    where c.relkind in ('v', 'm') and n.nspname = any(${schemas as string[]})`;
}

/**
 * docs.postgrest.org, "Computed Relationships": the row estimate says whether there is at most one.
 */
export async function readComputed(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<ComputedRow[]> {
  return await tx<ComputedRow[]>`
    select n.nspname as schema, p.proname as name, origin.oid::bigint::float8 as table_oid,
      target.oid::bigint::float8 as target_oid,
      not p.proretset or p.prorows = 1 as is_single
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_class origin on origin.reltype = p.proargtypes[0]
    join pg_catalog.pg_class target on target.reltype = p.prorettype
    where n.nspname = any(${schemas as string[]}) and p.pronargs = 1 and p.prokind = 'f'
      and origin.relkind in ('r', 'v', 'm', 'f', 'p') and target.relkind in ('r', 'v', 'm', 'f', 'p')
    order by n.nspname, p.proname, p.oid`;
}
