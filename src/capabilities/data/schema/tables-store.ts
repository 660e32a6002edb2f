/** Relations and their columns out of the catalogue. */
import type { TransactionSql } from "postgres";
import type { TableRow } from "./catalog-rows.ts";

/** Tables, views, materialized views and foreign tables of `schemas`; partitions stay behind their parents. */
export async function readTables(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<TableRow[]> {
  return await tx<TableRow[]>`
    with recursive ${baseTypes(tx)}, ${relationsBelowViews(tx)}, ${columnsByTable(tx, schemas)}
    select c.oid::bigint::float8 as oid, n.nspname as schema, c.relname as name, c.relkind as kind,
      case when c.relkind in ('r', 'p') then 28 when c.relkind = 'm' then 0
        else pg_catalog.pg_relation_is_updatable(c.oid, true) end as updatable,
      guarded.is_guarded and exposed.statement is null as is_protected,
      case when guarded.is_guarded then exposed.statement end as exposed_through,
      coalesce(listed.columns, '[]'::json) as columns,
      pg_catalog.obj_description(c.oid, 'pg_class') as description,
      c.relhassubclass and c.relkind <> 'p' as has_heirs
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join guarded on guarded.oid = c.oid
    left join listed on listed.oid = c.oid
    left join exposed on exposed.view = c.oid
    where n.nspname = any(${schemas as string[]}) and c.relkind in ('r', 'v', 'm', 'f', 'p')
      and not c.relispartition
    order by n.nspname, c.relname`;
}

/** The type below each domain, however many domains are between. */
export function baseTypes(tx: TransactionSql) {
  return tx`
    base_types as (
      select oid, typbasetype as base from pg_catalog.pg_type where typtype = 'd'
      union
      select b.oid, t.typbasetype from base_types b
      join pg_catalog.pg_type t on t.oid = b.base where t.typtype = 'd'
    ),
    bases as (
      select b.oid, b.base from base_types b
      join pg_catalog.pg_type t on t.oid = b.base where t.typtype <> 'd'
    )`;
}

/**
 * `default_sql` is what an INSERT would do by itself, written out: `missing=default` lays it under
 * the rows of a body. A generated column and an identity that is always generated take no value.
 */
function columnsByTable(tx: TransactionSql, schemas: readonly string[]) {
  return tx`
    enums as (
      select enumtypid as oid, json_agg(enumlabel order by enumsortorder) as labels
      from pg_catalog.pg_enum group by enumtypid
    ),
    identities as (
      -- Not by name, as pg_get_serial_sequence: a login without rights may look up nothing by name.
      select d.refobjid as oid, d.refobjsubid as position,
        format('nextval(%L::regclass)', format('%I.%I', n.nspname, s.relname)) as default_sql
      from pg_catalog.pg_depend d
      join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S'
      join pg_catalog.pg_namespace n on n.oid = s.relnamespace
      where d.classid = 'pg_catalog.pg_class'::regclass and d.refclassid = d.classid
        and d.deptype = 'i'
    ),
    listed as (
      select c.oid, json_agg(json_build_object(
        'name', a.attname,
        'position', a.attnum,
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'base_type', pg_catalog.format_type(coalesce(bases.base, t.oid), null),
        'domain', case when t.typtype = 'd' then pg_catalog.format_type(t.oid, null) end,
        'default_sql', case
          when a.attgenerated <> '' or a.attidentity = 'a' then null
          when a.attidentity = 'd' then identities.default_sql
          else coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid),
            pg_catalog.pg_get_expr(t.typdefaultbin, 0)) end,
        'nullable', not (a.attnotnull or t.typtype = 'd' and t.typnotnull),
        'description', comment.description,
        'max_length', case when a.atttypmod <> -1 or t.typtypmod <> -1 then
          information_schema._pg_char_max_length(
            case when t.typtype = 'd' then t.typbasetype else t.oid end,
            case when t.typtype = 'd' then t.typtypmod else a.atttypmod end) end,
        'enum_values', enums.labels,
        'generated', a.attgenerated,
        'identity', a.attidentity
      ) order by a.attnum) as columns
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid
      join pg_catalog.pg_type t on t.oid = a.atttypid
      left join bases on bases.oid = t.oid
      left join enums on enums.oid = coalesce(bases.base, t.oid)
      left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      left join identities on identities.oid = c.oid and identities.position = a.attnum
      left join pg_catalog.pg_description comment on comment.objoid = c.oid
        and comment.classoid = 'pg_catalog.pg_class'::regclass and comment.objsubid = a.attnum
      where n.nspname = any(${schemas as string[]}) and c.relkind in ('r', 'v', 'm', 'f', 'p')
        and not c.relispartition and a.attnum > 0 and not a.attisdropped
      group by c.oid
    )`;
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
    ),
    exposed as (
      select below.view, min(guarded.statement) as statement
      from below join guarded on guarded.oid = below.base
      where not guarded.is_guarded
      group by below.view
    )`;
}
