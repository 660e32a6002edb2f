/** What does not stand in a schema: publications, event triggers, foreign servers. */
import type { TransactionSql } from "postgres";
import { address, type DdlObject, ddlObject } from "./ddl-object.ts";
import { STATES } from "./read-behaviour.ts";
import { userSchema } from "./read-types.ts";

interface MemberRow {
  oid: number;
  name: string;
  publication: string;
  catalog: string;
  /** `table public.x`, `tables in schema x`. */
  target: string;
  /** Columns and condition. */
  rest: string;
}

export async function readPublications(tx: TransactionSql): Promise<DdlObject[]> {
  const publications = await tx<{ oid: number; name: string; all: boolean; options: string }[]>`
    select oid::bigint::float8 as oid, format('%I', pubname) as name, puballtables as all,
      format('publish = %L, publish_via_partition_root = %s', array_to_string(array_remove(array[
        case when pubinsert then 'insert' end, case when pubupdate then 'update' end,
        case when pubdelete then 'delete' end, case when pubtruncate then 'truncate' end
      ], null), ', '), pubviaroot) as options
    from pg_catalog.pg_publication`;
  const members = await tx<MemberRow[]>`
    select r.oid::bigint::float8 as oid, format('%I of %I.%I', p.pubname, n.nspname, c.relname) as name,
      format('%I', p.pubname) as publication, 'pg_publication_rel' as catalog,
      format('table %I.%I', n.nspname, c.relname) as target,
      coalesce(' (' || (
          select string_agg(format('%I', a.attname), ', ' order by a.attnum)
          from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum = any(r.prattrs)) || ')', '')
        || coalesce(' where (' || pg_catalog.pg_get_expr(r.prqual, r.prrelid) || ')', '') as rest
    from pg_catalog.pg_publication_rel r
    join pg_catalog.pg_publication p on p.oid = r.prpubid
    join pg_catalog.pg_class c on c.oid = r.prrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    union all
    select s.oid::bigint::float8, format('%I of schema %I', p.pubname, n.nspname), format('%I', p.pubname),
      'pg_publication_namespace', format('tables in schema %I', n.nspname), ''
    from pg_catalog.pg_publication_namespace s
    join pg_catalog.pg_publication p on p.oid = s.pnpubid
    join pg_catalog.pg_namespace n on n.oid = s.pnnspid`;
  return [
    ...publications.map(({ oid, name, all, options }) =>
      ddlObject({
        kind: "publication",
        name,
        addresses: [address("pg_publication", oid)],
        create: [`create publication ${name}${all ? " for all tables" : ""} with (${options});`],
        drop: [`drop publication ${name};`],
      }),
    ),
    ...members.map(({ oid, name, publication, catalog, target, rest }) =>
      ddlObject({
        kind: "publication member",
        name,
        addresses: [address(catalog, oid)],
        create: [`alter publication ${publication} add ${target}${rest};`],
        drop: [`alter publication ${publication} drop ${target};`],
        dropsWith: [`publication ${publication}`, target],
      }),
    ),
  ];
}

export async function readEventTriggers(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<
    { oid: number; name: string; event: string; tags: string; fn: string; enabled: string }[]
  >`
    select e.oid::bigint::float8 as oid, format('%I', e.evtname) as name, e.evtevent as event,
      coalesce((select string_agg(format('%L', t), ', ') from unnest(e.evttags) t), '') as tags,
      format('%I.%I()', n.nspname, p.proname) as fn, e.evtenabled as enabled
    from pg_catalog.pg_event_trigger e
    join pg_catalog.pg_proc p on p.oid = e.evtfoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where ${userSchema(tx, "n")}`;
  return rows.map(({ oid, name, event, tags, fn, enabled }) => {
    const when = tags === "" ? "" : ` when tag in (${tags})`;
    const state = STATES[enabled];
    return ddlObject({
      kind: "event trigger",
      name,
      addresses: [address("pg_event_trigger", oid)],
      create: [
        `create event trigger ${name} on ${event}${when} execute function ${fn};`,
        ...(state === undefined ? [] : [`alter event trigger ${name} ${state};`]),
      ],
      drop: [`drop event trigger ${name};`],
    });
  });
}

export async function readForeignServers(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; name: string; wrapper: string; rest: string }[]>`
    select s.oid::bigint::float8 as oid, format('%I', s.srvname) as name,
      format('%I', w.fdwname) as wrapper,
      coalesce((select format(' options (%s)', string_agg(format('%I %L', o.option_name, o.option_value), ', '))
        from pg_catalog.pg_options_to_table(s.srvoptions) o having count(*) > 0), '') as rest
    from pg_catalog.pg_foreign_server s
    join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw`;
  return rows.map(({ oid, name, wrapper, rest }) =>
    ddlObject({
      kind: "foreign server",
      name,
      title: `server ${name}`,
      addresses: [address("pg_foreign_server", oid)],
      create: [`create server ${name} foreign data wrapper ${wrapper}${rest};`],
      drop: [`drop server ${name};`],
    }),
  );
}
