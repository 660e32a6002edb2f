/** SQL of explanations: what the catalogue says of an object and a role. Read as the owner. */
import type { Sql } from "postgres";
import type { PolicyFinding } from "./access.ts";

export interface ColumnRights {
  readonly select: boolean;
  readonly insert: boolean;
  readonly update: boolean;
}

export interface PolicyFacts
  extends Pick<PolicyFinding, "name" | "command" | "mode" | "roles" | "using" | "check"> {
  /** The role has the rights of one of its roles. */
  readonly isForRole: boolean;
}

export interface RelationFacts {
  readonly schema: string;
  readonly name: string;
  /** pg_class.relkind. */
  readonly kind: string;
  readonly owner: string;
  readonly hasUsage: boolean;
  readonly rights: {
    readonly select: boolean;
    readonly insert: boolean;
    readonly update: boolean;
    readonly delete: boolean;
  };
  readonly columns: Readonly<Record<string, ColumnRights>>;
  readonly isEnabled: boolean;
  readonly isForced: boolean;
  /** Row security binds the role here. */
  readonly isBound: boolean;
  readonly isInvoker: boolean;
  readonly policies: readonly PolicyFacts[];
  /** Sequences that defaults draw from. */
  readonly sequences: readonly { column: string; name: string; hasUsage: boolean }[];
  /** What a view reads, with the columns it reads. */
  readonly bases: readonly { schema: string; name: string; columns: string[] }[];
}

/** Null when there is no such relation. @param role must exist. */
export async function readRelationFacts(
  sql: Sql,
  role: string,
  schema: string,
  name: string,
): Promise<RelationFacts | null> {
  const [row] = await sql<RelationFacts[]>`
    select n.nspname as schema, c.relname as name, c.relkind as kind,
      pg_catalog.pg_get_userbyid(c.relowner) as owner,
      pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') as "hasUsage",
      json_build_object(
        'select', pg_catalog.has_table_privilege(r.oid, c.oid, 'select'),
        'insert', pg_catalog.has_table_privilege(r.oid, c.oid, 'insert'),
        'update', pg_catalog.has_table_privilege(r.oid, c.oid, 'update'),
        'delete', pg_catalog.has_table_privilege(r.oid, c.oid, 'delete')) as rights,
      coalesce((
        select json_object_agg(a.attname, json_build_object(
          'select', pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'select'),
          'insert', pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'insert'),
          'update', pg_catalog.has_column_privilege(r.oid, c.oid, a.attnum, 'update')))
        from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '{}'::json) as columns,
      c.relrowsecurity as "isEnabled", c.relforcerowsecurity as "isForced",
      c.relrowsecurity and not (r.rolbypassrls or r.rolsuper) and (c.relforcerowsecurity
        or not pg_catalog.pg_has_role(r.oid, c.relowner, 'usage')) as "isBound",
      coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on',
        'security_invoker=1', 'security_invoker=yes'], false) as "isInvoker",
      ${readPolicies(sql)} as policies, ${readSequences(sql)} as sequences, ${readBases(sql)} as bases
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_roles r on r.rolname = ${role}
    where n.nspname = ${schema} and c.relname = ${name}`;
  return row ?? null;
}

/** As PostgreSQL evaluates them: by name. */
function readPolicies(sql: Sql) {
  return sql`coalesce((
    select json_agg(json_build_object(
      'name', p.polname,
      'command', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
        when 'd' then 'delete' else 'all' end,
      'mode', case when p.polpermissive then 'permissive' else 'restrictive' end,
      'roles', (select json_agg(case when o.id = 0 then 'public'
        else pg_catalog.pg_get_userbyid(o.id)::text end) from unnest(p.polroles) o(id)),
      'isForRole', 0 = any(p.polroles) or exists (
        select from unnest(p.polroles) o(id) where o.id <> 0 and pg_catalog.pg_has_role(r.oid, o.id, 'usage')),
      'using', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
      'check', pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
    ) order by p.polname)
    from pg_catalog.pg_policy p where p.polrelid = c.oid
  ), '[]'::json)`;
}

function readSequences(sql: Sql) {
  return sql`coalesce((
    select json_agg(json_build_object('column', a.attname, 'name', format('%I.%I', sn.nspname, s.relname),
      'hasUsage', pg_catalog.has_sequence_privilege(r.oid, s.oid, 'usage')
        or pg_catalog.has_sequence_privilege(r.oid, s.oid, 'update')))
    from pg_catalog.pg_attrdef d
    join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    join pg_catalog.pg_depend x on x.classid = 'pg_catalog.pg_attrdef'::regclass and x.objid = d.oid
      and x.refclassid = 'pg_catalog.pg_class'::regclass
    join pg_catalog.pg_class s on s.oid = x.refobjid and s.relkind = 'S'
    join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
    where d.adrelid = c.oid
  ), '[]'::json)`;
}

function readBases(sql: Sql) {
  return sql`coalesce((
    select json_agg(b) from (
      select bn.nspname as schema, bc.relname as name,
        coalesce(json_agg(distinct ba.attname) filter (where ba.attname is not null), '[]'::json) as columns
      from pg_catalog.pg_rewrite w
      join pg_catalog.pg_depend x on x.classid = 'pg_catalog.pg_rewrite'::regclass and x.objid = w.oid
        and x.refclassid = 'pg_catalog.pg_class'::regclass and x.refobjid <> c.oid
      join pg_catalog.pg_class bc on bc.oid = x.refobjid
      join pg_catalog.pg_namespace bn on bn.oid = bc.relnamespace
      left join pg_catalog.pg_attribute ba on ba.attrelid = bc.oid and ba.attnum = x.refobjsubid
        and x.refobjsubid > 0
      where w.ev_class = c.oid and c.relkind = 'v' and bc.relkind in ('r', 'p', 'f', 'v', 'm')
      group by bn.nspname, bc.relname
    ) b
  ), '[]'::json)`;
}

export interface FunctionFacts {
  /** With its arguments, as SQL. */
  readonly signature: string;
  readonly hasUsage: boolean;
  readonly mayExecute: boolean;
  readonly isDefiner: boolean;
  readonly owner: string;
}

/** @param signature `"schema"."name"(type, …)` with complete names. */
export async function readFunctionFacts(
  sql: Sql,
  role: string,
  signature: string,
): Promise<FunctionFacts | null> {
  const [row] = await sql<FunctionFacts[]>`
    select format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)) as signature,
      pg_catalog.has_schema_privilege(r.oid, n.oid, 'usage') as "hasUsage",
      pg_catalog.has_function_privilege(r.oid, p.oid, 'execute') as "mayExecute",
      p.prosecdef as "isDefiner", pg_catalog.pg_get_userbyid(p.proowner) as owner
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_roles r on r.rolname = ${role}
    where p.oid = pg_catalog.to_regprocedure(${signature})`;
  return row ?? null;
}

/** The relation that a name without a schema means under a search path; null when there is none. */
export async function resolveRelation(
  sql: Sql,
  searchPath: string,
  name: string,
): Promise<{ schema: string; name: string } | null> {
  return await sql.begin("read only", async (tx) => {
    await tx`select pg_catalog.set_config('search_path', ${searchPath}, true)`;
    const [row] = await tx<{ schema: string; name: string }[]>`
      select n.nspname as schema, c.relname as name
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(${name}))`;
    return row ?? null;
  });
}
