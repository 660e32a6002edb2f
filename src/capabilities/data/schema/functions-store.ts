/** Functions, and what functions serve: representations of domains, handlers of media types. */
import type { TransactionSql } from "postgres";
import type { FunctionRow, MediaHandlerRow, RepresentationRow } from "./catalog-rows.ts";
import { loginRole } from "./roles-store.ts";
import { baseTypes } from "./tables-store.ts";

/** Those with several unnamed parameters cannot be called; one may take a whole body. */
export async function readFunctions(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<FunctionRow[]> {
  return await tx<FunctionRow[]>`
    with recursive ${baseTypes(tx)}
    select n.nspname as schema, p.proname as name, p.proretset as returns_set,
      pg_catalog.obj_description(p.oid, 'pg_proc') as description,
      p.provolatile as volatility, p.prorettype = 'pg_catalog.void'::regtype as returns_void,
      b.typtype = 'c' or coalesce(p.proargmodes && '{t,b,o}', false) as returns_composite,
      b.typrelid::bigint::float8 as returns_oid,
      pg_catalog.format_type(p.prorettype, null) as return_type,
      b.oid = 'pg_catalog.bytea'::regtype as returns_binary,
      coalesce(a.parameters, '[]'::json) as parameters,
      coalesce(a.out_columns, '[]'::json) as out_columns,
      coalesce(p.proconfig, '{}') as settings,
      case when t.typtype = 'd' and ${isMediaType(tx)} then lower(t.typname) end as media_type
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_type t on t.oid = p.prorettype
    left join bases on bases.oid = t.oid
    join pg_catalog.pg_type b on b.oid = coalesce(bases.base, t.oid)
    left join lateral (
      select
        json_agg(json_build_object(
          'name', coalesce(u.name, ''),
          'type', pg_catalog.format_type(u.type, null),
          'castType', ${castType(tx)},
          'required', u.input_place <= p.pronargs - p.pronargdefaults and u.mode <> 'v',
          'variadic', u.mode = 'v'
        ) order by u.place) filter (where u.mode in ('i', 'b', 'v')) as parameters,
        json_agg(json_build_object(
          'name', coalesce(u.name, ''), 'type', pg_catalog.format_type(u.type, null)
        ) order by u.place) filter (where u.mode in ('o', 'b', 't')) as out_columns,
        count(*) filter (where u.mode in ('i', 'b', 'v') and u.name is null) as unnamed,
        bool_or(u.mode in ('i', 'b', 'v') and u.name is null and u.type in (${bodyTypes(tx)}))
          as takes_body
      from (
        select v.place, v.type, nullif(p.proargnames[v.place], '') as name,
          coalesce(p.proargmodes[v.place], 'i') as mode,
          count(*) filter (where coalesce(p.proargmodes[v.place], 'i') in ('i', 'b', 'v'))
            over (order by v.place) as input_place
        from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as v(type, place)
      ) u
    ) a on true
    where n.nspname = any(${schemas as string[]}) and p.prokind = 'f'
      and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
      and (coalesce(a.unnamed, 0) = 0 or a.unnamed = 1 and a.takes_body)
    order by n.nspname, p.proname, p.pronargs, p.oid`;
}

/** A bare `character` or `bit` in a cast means one of them. */
function castType(tx: TransactionSql) {
  return tx`
    case u.type
      when 'pg_catalog.bit'::regtype then 'bit varying'
      when 'pg_catalog.bit[]'::regtype then 'bit varying[]'
      when 'pg_catalog.bpchar'::regtype then 'character varying'
      when 'pg_catalog.bpchar[]'::regtype then 'character varying[]'
      else pg_catalog.format_type(u.type, null) end`;
}

function bodyTypes(tx: TransactionSql) {
  return tx`
    'pg_catalog.bytea'::regtype, 'pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype,
    'pg_catalog.text'::regtype, 'pg_catalog.xml'::regtype`;
}

/** The name of domain `t` is a media type. */
function isMediaType(tx: TransactionSql) {
  return tx`(t.typname ~* '^[a-z0-9.-]+/[a-z0-9.+-]+$' or t.typname = '*/*')`;
}

/**
 * docs.postgrest.org, "Domain Representations": implicit casts by function between a domain and json
 * or text.
 *
 * @param login must be allowed to run them; a function that nobody may run would break every read.
 */
export async function readRepresentations(
  tx: TransactionSql,
  login: string,
): Promise<RepresentationRow[]> {
  return await tx<RepresentationRow[]>`
    select pg_catalog.format_type(c.castsource, null) as source,
      pg_catalog.format_type(c.casttarget, null) as target,
      format('%I.%I', n.nspname, p.proname) as function
    from pg_catalog.pg_cast c
    join pg_catalog.pg_type s on s.oid = c.castsource
    join pg_catalog.pg_type t on t.oid = c.casttarget
    join pg_catalog.pg_proc p on p.oid = c.castfunc
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    cross join (${loginRole(tx, login)}) login
    where c.castcontext = 'i' and c.castmethod = 'f'
      and pg_catalog.has_function_privilege(login.name, c.castfunc, 'execute')
      and (s.typtype = 'd' and t.oid in ('pg_catalog.json'::regtype, 'pg_catalog.text'::regtype)
        or t.typtype = 'd' and s.oid in ('pg_catalog.json'::regtype, 'pg_catalog.text'::regtype))
    order by 1, 2`;
}

/** Aggregates over rows that return a media type; functions that do are told by `FunctionRow.media_type`. */
export async function readMediaHandlers(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<MediaHandlerRow[]> {
  return await tx<MediaHandlerRow[]>`
    with recursive ${baseTypes(tx)}
    select n.nspname as schema, p.proname as name, lower(t.typname) as media_type,
      bases.base = 'pg_catalog.bytea'::regtype as is_binary,
      rn.nspname as target_schema, r.relname as target_name
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_type t on t.oid = p.prorettype
    join bases on bases.oid = t.oid
    left join pg_catalog.pg_class r on r.reltype = p.proargtypes[0]
      and r.relkind in ('r', 'v', 'm', 'f', 'p')
    left join pg_catalog.pg_namespace rn on rn.oid = r.relnamespace
    where n.nspname = any(${schemas as string[]}) and p.prokind = 'a' and p.pronargs = 1
      and t.typtype = 'd' and ${isMediaType(tx)}
      and (r.oid is not null or p.proargtypes[0] = 'pg_catalog.anyelement'::regtype)
    order by n.nspname, p.proname, p.oid`;
}

/** `ST_AsGeoJSON` can be called with a row: PostGIS 3 and later, wherever it was installed. */
export async function readHasPostgis(tx: TransactionSql): Promise<boolean> {
  const rows = await tx`
    select from pg_catalog.pg_proc p
    where p.proname = 'st_asgeojson' and p.proargtypes[0] = 'pg_catalog.record'::regtype limit 1`;
  return rows.length > 0;
}
