/** What the catalogue says of the tables whose changes come: names, types, and how values are printed. */
import type { Sql } from "postgres";
import type { TextForm } from "./render-value.ts";

export interface StoredShape {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
}

export interface StoredType {
  readonly oid: number;
  readonly name: string;
  readonly form: TextForm;
}

/** The table that readers know: the root of a partition, else itself. Null when it was dropped. */
export async function readShape(sql: Sql, oid: number): Promise<StoredShape | null> {
  const [row] = await sql<StoredShape[]>`
    select c.oid::bigint::float8 as oid, n.nspname as schema, c.relname as table
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.oid = coalesce(pg_catalog.pg_partition_root(${oid}::bigint::oid), ${oid}::bigint::oid)`;
  return row ?? null;
}

/**
 * `to_json` looks through domains, renders a few types of Postgres in a way of their own, and of other
 * types looks for a cast to json.
 */
export async function readTypes(sql: Sql, oids: readonly number[]): Promise<StoredType[]> {
  return await sql<StoredType[]>`
    with recursive types as (
      select t.oid as asked, t.oid, t.typtype, t.typbasetype
      from pg_catalog.pg_type t where t.oid = any(${`{${oids.join(",")}}`}::text::oid[])
      union all
      select types.asked, t.oid, t.typtype, t.typbasetype
      from types join pg_catalog.pg_type t on types.typtype = 'd' and t.oid = types.typbasetype
    )
    select asked.oid::bigint::float8 as oid, asked.typname as name,
      case
        when base.typname = 'bool' and is_own then 'boolean'
        when base.typname in ('int2', 'int4', 'int8', 'float4', 'float8', 'numeric') and is_own then 'number'
        when base.typname in ('json', 'jsonb') and is_own then 'json'
        when base.typname in ('timestamp', 'timestamptz') and is_own then base.typname::text
        when base.typelem <> 0 and base.typsubscript = 'pg_catalog.array_subscript_handler'::regproc
          then 'sql'
        when base.typtype = 'c' or base.oid = 'pg_catalog.record'::regtype then 'sql'
        when exists (
          select from pg_catalog.pg_cast c
          where c.castsource = base.oid and c.casttarget = 'pg_catalog.json'::regtype
        ) then 'sql'
        else 'quoted'
      end as form
    from types
    join pg_catalog.pg_type base on base.oid = types.oid
    join pg_catalog.pg_type asked on asked.oid = types.asked
    cross join lateral (select base.typnamespace = 'pg_catalog'::regnamespace as is_own) own
    where types.typtype <> 'd'`;
}
