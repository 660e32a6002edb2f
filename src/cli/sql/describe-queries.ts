/** The catalogue's answers to `\d` and its kin. Parameters are texts: `$1` a schema, `$2` a name. */

/** Names as patterns: `*` and `?` are wildcards, what is not quoted is lower case. */
export function patternOf(text: string): { schema: string; name: string } {
  const parts = text.match(/(?:"(?:[^"]|"")*"|[^."])+/g) ?? [];
  const [first = "*", second] = parts.map(regexOf);
  return second === undefined
    ? { schema: "", name: `^(?:${first})$` }
    : { schema: `^(?:${first})$`, name: `^(?:${second})$` };
}

function regexOf(part: string): string {
  const isQuoted = part.startsWith('"');
  const plain = isQuoted ? part.slice(1, -1).replaceAll('""', '"') : part.toLowerCase();
  const escaped = plain.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return isQuoted
    ? escaped.replaceAll(/[*?]/g, "\\$&")
    : escaped.replaceAll("*", ".*").replaceAll("?", ".");
}

/** Without a schema, what the search path shows; with one, what matches. */
const CHOSEN = (visible: string) => `
  case when $1::text = '' then ${visible} and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    else n.nspname ~ $1::text end`;

const KIND = `case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
  when 'm' then 'materialized view' when 'S' then 'sequence' when 'i' then 'index'
  when 'I' then 'partitioned index' when 'f' then 'foreign table' when 'c' then 'composite type' end`;

function relations(kinds: string): string {
  return `select n.nspname as "Schema", c.relname as "Name", ${KIND} as "Type",
      pg_catalog.pg_get_userbyid(c.relowner) as "Owner",
      case when c.relkind in ('r', 'p') then case when c.relrowsecurity then 'on' else 'off' end end as "RLS",
      pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size(c.oid)) as "Size",
      pg_catalog.obj_description(c.oid, 'pg_class') as "Description"
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in (${kinds}) and ${CHOSEN("pg_catalog.pg_table_is_visible(c.oid)")} and c.relname ~ $2::text
    order by 1, 2`;
}

/** By the letters behind the backslash. */
export const LISTS: Readonly<Record<string, string>> = {
  d: relations("'r', 'p', 'v', 'm', 'S', 'f'"),
  dt: relations("'r', 'p'"),
  dv: relations("'v'"),
  dm: relations("'m'"),
  ds: relations("'S'"),
  di: relations("'i', 'I'"),
  df: `select n.nspname as "Schema", p.proname as "Name",
      pg_catalog.pg_get_function_result(p.oid) as "Result", pg_catalog.pg_get_function_arguments(p.oid) as "Arguments",
      case p.prokind when 'a' then 'aggregate' when 'w' then 'window' when 'p' then 'procedure' else 'function' end as "Type",
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as "Volatility",
      case when p.prosecdef then 'definer' else 'invoker' end as "Security"
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where ${CHOSEN("pg_catalog.pg_function_is_visible(p.oid)")} and p.proname ~ $2::text
    order by 1, 2, 4`,
  dn: `select n.nspname as "Name", pg_catalog.pg_get_userbyid(n.nspowner) as "Owner",
      pg_catalog.array_to_string(n.nspacl, E'\\n') as "Access", pg_catalog.obj_description(n.oid, 'pg_namespace') as "Description"
    from pg_catalog.pg_namespace n
    where n.nspname ~ $2::text and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and $1::text is not null
    order by 1`,
  dT: `select n.nspname as "Schema", pg_catalog.format_type(t.oid, null) as "Name",
      case t.typtype when 'e' then (select pg_catalog.string_agg(e.enumlabel, E'\\n' order by e.enumsortorder)
        from pg_catalog.pg_enum e where e.enumtypid = t.oid)
        when 'd' then pg_catalog.format_type(t.typbasetype, t.typtypmod) end as "Elements",
      pg_catalog.obj_description(t.oid, 'pg_type') as "Description"
    from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid
    where (t.typtype in ('e', 'd', 'r', 'm') or c.relkind = 'c') and t.typname ~ $2::text
      and ${CHOSEN("pg_catalog.pg_type_is_visible(t.oid)")}
    order by 1, 2`,
  dp: `select n.nspname as "Schema", c.relname as "Name", ${KIND} as "Type",
      pg_catalog.array_to_string(c.relacl, E'\\n') as "Access",
      (select pg_catalog.string_agg(a.attname || E':\\n  ' || pg_catalog.array_to_string(a.attacl, E'\\n  '), E'\\n')
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attacl is not null) as "Columns",
      (select pg_catalog.string_agg(p.polname || case when p.polpermissive then '' else ' (restrictive)' end, E'\\n' order by p.polname)
        from pg_catalog.pg_policy p where p.polrelid = c.oid) as "Policies"
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relname ~ $2::text
      and ${CHOSEN("pg_catalog.pg_table_is_visible(c.oid)")}
    order by 1, 2`,
  dx: `select e.extname as "Name", e.extversion as "Version", n.nspname as "Schema", pg_catalog.obj_description(e.oid, 'pg_extension') as "Description"
    from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname ~ $2::text and $1::text is not null order by 1`,
  du: `select r.rolname as "Role", pg_catalog.concat_ws(', ', case when r.rolsuper then 'superuser' end,
      case when r.rolcreaterole then 'create role' end, case when r.rolcreatedb then 'create database' end,
      case when not r.rolcanlogin then 'cannot login' end, case when r.rolbypassrls then 'bypass RLS' end) as "Attributes"
    from pg_catalog.pg_roles r where r.rolname ~ $2::text and r.rolname !~ '^pg_' and $1::text is not null order by 1`,
  l: `select d.datname as "Name", pg_catalog.pg_get_userbyid(d.datdba) as "Owner", pg_catalog.pg_encoding_to_char(d.encoding) as "Encoding"
    from pg_catalog.pg_database d where d.datname ~ $2::text and $1::text is not null order by 1`,
};

/** Relations that a name means; `$1`, `$2` as above. */
export const FIND_RELATIONS = `select c.oid::text, n.nspname as schema, c.relname as name, ${KIND} as kind
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind <> 't' and ${CHOSEN("pg_catalog.pg_table_is_visible(c.oid)")} and c.relname ~ $2::text
  order by 2, 3 limit 50`;

/** `$1` an oid. */
export const COLUMNS = `select a.attname as "Column", pg_catalog.format_type(a.atttypid, a.atttypmod) as "Type",
    case when a.attnotnull then 'not null' end as "Nullable",
    case a.attidentity when 'a' then 'generated always as identity' when 'd' then 'generated by default as identity'
      else case when a.attgenerated <> '' then 'generated always as (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid) || ')'
        else pg_catalog.pg_get_expr(d.adbin, d.adrelid) end end as "Default",
    pg_catalog.col_description(a.attrelid, a.attnum) as "Description"
  from pg_catalog.pg_attribute a
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = $1::text::oid and a.attnum > 0 and not a.attisdropped
  order by a.attnum`;

/** Sections below the columns: the title and one line each; `$1` an oid. */
export const DETAILS: readonly (readonly [title: string, sql: string])[] = [
  [
    "Indexes",
    `select pg_catalog.concat('"', c.relname, '"', case when i.indisprimary then ' PRIMARY KEY,' when i.indisunique then ' UNIQUE,' end,
        ' ', pg_catalog.substring(pg_catalog.pg_get_indexdef(i.indexrelid), ' USING (.*)$'), case when not i.indisvalid then ' INVALID' end)
      from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
      where i.indrelid = $1::text::oid order by i.indisprimary desc, c.relname`,
  ],
  [
    "Constraints",
    `select pg_catalog.concat('"', conname, '" ', pg_catalog.pg_get_constraintdef(oid)) from pg_catalog.pg_constraint
      where conrelid = $1::text::oid and contype in ('c', 'f', 'x') order by contype, conname`,
  ],
  [
    "Referenced by",
    `select pg_catalog.concat('TABLE ', conrelid::regclass, ' CONSTRAINT "', conname, '" ', pg_catalog.pg_get_constraintdef(oid))
      from pg_catalog.pg_constraint where confrelid = $1::text::oid and contype = 'f' order by conname`,
  ],
  [
    "Row security",
    `select case when relrowsecurity then 'enabled' else 'disabled' end || case when relforcerowsecurity then ', forced' else '' end
      from pg_catalog.pg_class where oid = $1::text::oid and relkind in ('r', 'p')`,
  ],
  [
    "Policies",
    `select pg_catalog.concat('"', p.policyname, '"', case when p.permissive = 'PERMISSIVE' then '' else ' AS RESTRICTIVE' end,
        ' FOR ', p.cmd, ' TO ', pg_catalog.array_to_string(p.roles, ', '), E'\\n      USING (' || p.qual || ')', E'\\n      WITH CHECK (' || p.with_check || ')')
      from pg_catalog.pg_policies p join pg_catalog.pg_class c on c.relname = p.tablename
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = p.schemaname
      where c.oid = $1::text::oid order by p.policyname`,
  ],
  [
    "Triggers",
    `select pg_catalog.pg_get_triggerdef(oid, true) from pg_catalog.pg_trigger
      where tgrelid = $1::text::oid and not tgisinternal order by tgname`,
  ],
  [
    "View definition",
    `select pg_catalog.pg_get_viewdef(oid, true) from pg_catalog.pg_class where oid = $1::text::oid and relkind in ('v', 'm')`,
  ],
];
