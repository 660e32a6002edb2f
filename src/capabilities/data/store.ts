/**
 * All SQL that this capability runs in its own name, as the owner: reading the catalogue, and
 * listening for its changes. Users' queries are compiled in `compile/` and run on the user pool.
 */
import type { Sql, TransactionSql } from "postgres";
import type { CatalogRows, ForeignKeyRow, FunctionRow, TableRow } from "./schema/build-schema.ts";

/** Reads one consistent picture of the exposed schemas. Four queries, one snapshot. */
export async function readCatalog(sql: Sql, schemas: readonly string[]): Promise<CatalogRows> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    // Types and default expressions then come out fully qualified.
    await tx`select pg_catalog.set_config('search_path', '', true)`;
    return {
      tables: await readTables(tx, schemas),
      foreignKeys: await readForeignKeys(tx, schemas),
      functions: await readFunctions(tx, schemas),
      bypassRoles: await readBypassRoles(tx),
    };
  });
}

async function readTables(tx: TransactionSql, schemas: readonly string[]): Promise<TableRow[]> {
  return await tx<TableRow[]>`
    with recursive ${relationsBelowViews(tx)}
    select c.oid::bigint::float8 as oid, n.nspname as schema, c.relname as name, c.relkind as kind,
      coalesce(k.columns, '{}') as primary_key,
      case when c.relkind in ('r', 'p') then 28 when c.relkind = 'm' then 0
        else pg_catalog.pg_relation_is_updatable(c.oid, true) end as updatable,
      guarded.is_guarded and exposed.statement is null as is_protected,
      case when guarded.is_guarded then exposed.statement end as exposed_through,
      coalesce(a.columns, '[]'::json) as columns
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join guarded on guarded.oid = c.oid
    left join lateral (
      select guarded.statement from below join guarded on guarded.oid = below.base
      where below.view = c.oid and not guarded.is_guarded
      order by guarded.statement limit 1
    ) exposed on true
    left join lateral (
      select array_agg(pa.attname::text order by u.place) as columns
      from pg_catalog.pg_constraint p
      cross join lateral unnest(p.conkey) with ordinality as u(number, place)
      join pg_catalog.pg_attribute pa on pa.attrelid = c.oid and pa.attnum = u.number
      where p.conrelid = c.oid and p.contype = 'p'
    ) k on true
    left join lateral (
      select json_agg(json_build_object(
        'name', pa.attname,
        'type', pg_catalog.format_type(pa.atttypid, pa.atttypmod),
        'base_type', pg_catalog.format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null),
        'default_sql', case when pa.attgenerated <> '' then null
          when pa.attidentity <> '' then null else pg_catalog.pg_get_expr(d.adbin, d.adrelid) end,
        'nullable', not pa.attnotnull
      ) order by pa.attnum) as columns
      from pg_catalog.pg_attribute pa
      join pg_catalog.pg_type t on t.oid = pa.atttypid
      left join pg_catalog.pg_attrdef d on d.adrelid = pa.attrelid and d.adnum = pa.attnum
      where pa.attrelid = c.oid and pa.attnum > 0 and not pa.attisdropped
    ) a on true
    where n.nspname = any(${schemas as string[]}) and c.relkind in ('r', 'v', 'm', 'f', 'p')
      and not c.relispartition
    order by n.nspname, c.relname`;
}

/**
 * `guarded`: whether a relation's own rows are under the caller's policies, and the statement that
 * would put them there. `below`: what a view reads, through other views too. A view that runs as its
 * caller is only as guarded as the tables under it. The system catalogues are PostgreSQL's to guard.
 */
function relationsBelowViews(tx: TransactionSql) {
  return tx`
    reads as (
      select distinct r.ev_class as view, d.refobjid as base
      from pg_catalog.pg_rewrite r
      join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass
        and d.objid = r.oid and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjid <> r.ev_class
    ),
    below as (
      select view, base from reads
      union
      select below.view, reads.base from below join reads on reads.view = below.base
    ),
    guarded as (
      select c.oid,
        case c.relkind when 'v' then coalesce(c.reloptions && array['security_invoker=true',
            'security_invoker=on', 'security_invoker=1', 'security_invoker=yes'], false)
          else c.relrowsecurity end as is_guarded,
        case when c.relkind in ('r', 'p')
            then format('alter table %I.%I enable row level security;', n.nspname, c.relname)
          when c.relkind = 'v'
            then format('alter view %I.%I set (security_invoker = true);', n.nspname, c.relname)
          else format('revoke all on %I.%I from anon, authenticated;', n.nspname, c.relname)
        end as statement
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'v', 'm', 'f', 'p')
        and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    )`;
}

async function readForeignKeys(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<ForeignKeyRow[]> {
  return await tx<ForeignKeyRow[]>`
    select f.conname as name, f.conrelid::bigint::float8 as table_oid,
      f.confrelid::bigint::float8 as target_oid, s.columns, t.columns as target_columns,
      exists (
        select from pg_catalog.pg_index i
        where i.indrelid = f.conrelid and i.indisunique and i.indpred is null
          and i.indexprs is null and i.indnkeyatts > 0
          and (i.indkey::int2[])[0:i.indnkeyatts - 1] <@ f.conkey
          and i.indnkeyatts = cardinality(f.conkey)
      ) as is_unique
    from pg_catalog.pg_constraint f
    join pg_catalog.pg_class c on c.oid = f.conrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral (
      select array_agg(a.attname::text order by u.place) as columns
      from unnest(f.conkey) with ordinality as u(number, place)
      join pg_catalog.pg_attribute a on a.attrelid = f.conrelid and a.attnum = u.number
    ) s
    cross join lateral (
      select array_agg(a.attname::text order by u.place) as columns
      from unnest(f.confkey) with ordinality as u(number, place)
      join pg_catalog.pg_attribute a on a.attrelid = f.confrelid and a.attnum = u.number
    ) t
    where f.contype = 'f' and f.conparentid = 0 and n.nspname = any(${schemas as string[]})
    order by f.conname, f.oid`;
}

async function readFunctions(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<FunctionRow[]> {
  return await tx<FunctionRow[]>`
    select n.nspname as schema, p.proname as name, p.proretset as returns_set,
      p.provolatile as volatility, p.prorettype = 'pg_catalog.void'::regtype as returns_void,
      t.typtype = 'c' or p.prorettype = 'pg_catalog.record'::regtype
        or (t.typtype = 'd' and b.typtype = 'c') as returns_composite,
      t.typrelid::bigint::float8 as returns_oid,
      coalesce(a.parameters, '[]'::json) as parameters
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_type t on t.oid = p.prorettype
    left join pg_catalog.pg_type b on b.oid = t.typbasetype
    left join lateral (
      select json_agg(json_build_object(
        'name', coalesce(u.name, ''),
        'type', pg_catalog.format_type(u.type, null),
        'required', u.input_place <= p.pronargs - p.pronargdefaults and u.mode <> 'v',
        'variadic', u.mode = 'v'
      ) order by u.place) as parameters
      from (
        select v.place, v.type, p.proargnames[v.place] as name,
          coalesce(p.proargmodes[v.place], 'i') as mode,
          count(*) filter (where coalesce(p.proargmodes[v.place], 'i') in ('i', 'b', 'v'))
            over (order by v.place) as input_place
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as v(type, place)
      ) u
      where u.mode in ('i', 'b', 'v')
    ) a on true
    where n.nspname = any(${schemas as string[]}) and p.prokind = 'f'
      and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
    order by n.nspname, p.proname, p.oid`;
}

async function readBypassRoles(tx: TransactionSql): Promise<string[]> {
  const rows = await tx<{ rolname: string }[]>`
    select rolname from pg_catalog.pg_roles where rolbypassrls or rolsuper`;
  return rows.map((r) => r.rolname);
}

/** Ends a LISTEN. */
export type Unlisten = () => Promise<void>;

/**
 * Follows the channel that `NOTIFY pgrst` and the event triggers write to. `onLive` is called each
 * time the subscription is (re)established: whatever was announced in between is lost.
 */
export async function listenForReload(
  sql: Sql,
  channel: string,
  onNotify: (payload: string) => void,
  onLive: () => void,
): Promise<Unlisten> {
  const subscription = await sql.listen(channel, onNotify, onLive);
  return () => subscription.unlisten();
}
