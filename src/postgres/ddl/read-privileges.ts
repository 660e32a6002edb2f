/** Who may do what: the rights given on objects, and those that new objects get by themselves. */
import type { TransactionSql } from "postgres";
import type { DefaultRights, Grants, Rights } from "./ddl-object.ts";
import { userSchema } from "./read-types.ts";

interface AclRow {
  key: string;
  target: string;
  schema: string;
  type: string;
  column: string | null;
  grantee: string;
  plain: string[];
  grantable: string[];
}

/** As many rows as grantees; the owner's own rights are not told. */
export async function readGrants(tx: TransactionSql): Promise<Map<string, Grants>> {
  const rows = await tx<AclRow[]>`
    with acls as (
      ${relationAcls(tx)} union all ${columnAcls(tx)} union all ${routineAcls(tx)}
      union all ${schemaAcls(tx)} union all ${typeAcls(tx)}
    )
    select a.key, a.target, a.schema, a.type, a.column, ${granteeRights(tx)}
    from acls a
    left join lateral pg_catalog.aclexplode(a.acl) x on x.grantee <> a.owner
    group by a.key, a.target, a.schema, a.type, a.column, x.grantee`;
  const grants = new Map<string, Grants>();
  for (const row of rows) {
    const { key, target, schema, type: objectType, column } = row;
    const known = grants.get(key);
    const rights = new Map(known?.rights);
    if (row.grantee !== "") rights.set(row.grantee, rightsOf(row));
    grants.set(key, { key, target, schema, objectType, column, rights });
  }
  return grants;
}

/** Of `aclexplode` as x, in groups by grantee; '' where there is none. */
function granteeRights(tx: TransactionSql) {
  return tx`
    case when x.grantee is null then '' when x.grantee = 0 then 'public'
      else format('%I', pg_catalog.pg_get_userbyid(x.grantee)) end as grantee,
    coalesce(array_agg(lower(x.privilege_type) order by x.privilege_type)
      filter (where not x.is_grantable), '{}') as plain,
    coalesce(array_agg(lower(x.privilege_type) order by x.privilege_type)
      filter (where x.is_grantable), '{}') as grantable`;
}

function rightsOf({ plain, grantable }: Pick<AclRow, "plain" | "grantable">): Rights {
  return { plain, grantable };
}

function relationAcls(tx: TransactionSql) {
  return tx`
    select case c.relkind when 'S' then 'sequence ' when 'v' then 'view ' when 'm' then 'view '
        else 'table ' end || format('%I.%I', n.nspname, c.relname) as key,
      case c.relkind when 'S' then 'sequence ' else 'table ' end
        || format('%I.%I', n.nspname, c.relname) as target,
      format('%I', n.nspname) as schema, case c.relkind when 'S' then 'S' else 'r' end as type,
      null as column, c.relowner as owner,
      coalesce(c.relacl, pg_catalog.acldefault(
        case c.relkind when 'S' then 's'::"char" else 'r'::"char" end, c.relowner)) as acl
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and ${userSchema(tx, "n")}`;
}

function columnAcls(tx: TransactionSql) {
  return tx`
    select 'column ' || format('%I.%I.%I', n.nspname, c.relname, a.attname),
      'table ' || format('%I.%I', n.nspname, c.relname), format('%I', n.nspname), 'c',
      format('%I', a.attname), c.relowner, a.attacl
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where a.attacl is not null and not a.attisdropped and ${userSchema(tx, "n")}`;
}

function routineAcls(tx: TransactionSql) {
  return tx`
    select 'function ' || format('%I.%I(%s)', n.nspname, p.proname,
        pg_catalog.oidvectortypes(p.proargtypes)),
      'routine ' || format('%I.%I(%s)', n.nspname, p.proname,
        pg_catalog.oidvectortypes(p.proargtypes)),
      format('%I', n.nspname), 'f', null, p.proowner,
      coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where ${userSchema(tx, "n")}`;
}

function schemaAcls(tx: TransactionSql) {
  return tx`
    select 'schema ' || format('%I', nspname), 'schema ' || format('%I', nspname), '', 'n', null,
      nspowner, coalesce(nspacl, pg_catalog.acldefault('n', nspowner))
    from pg_catalog.pg_namespace where ${userSchema(tx)}`;
}

function typeAcls(tx: TransactionSql) {
  return tx`
    select 'type ' || format('%I.%I', n.nspname, t.typname),
      'type ' || format('%I.%I', n.nspname, t.typname), format('%I', n.nspname), 'T', null,
      t.typowner, coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid
    where (t.typtype in ('e', 'd', 'r') or c.relkind = 'c') and ${userSchema(tx, "n")}`;
}

/** What `alter default privileges` has added to, or put in the place of, the built-in rights. */
export async function readDefaultRights(tx: TransactionSql): Promise<Map<string, DefaultRights>> {
  const rows = await tx<
    {
      role: string;
      schema: string | null;
      type: string;
      grantee: string;
      plain: string[];
      grantable: string[];
    }[]
  >`
    select format('%I', pg_catalog.pg_get_userbyid(d.defaclrole)) as role,
      quote_ident(n.nspname) as schema, d.defaclobjtype as type, ${granteeRights(tx)}
    from pg_catalog.pg_default_acl d
    left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
    left join lateral pg_catalog.aclexplode(d.defaclacl) x on x.grantee <> d.defaclrole
    where d.defaclnamespace = 0 or ${userSchema(tx, "n")}
    group by d.defaclrole, n.nspname, d.defaclobjtype, x.grantee`;
  const all = new Map<string, DefaultRights>();
  for (const row of rows) {
    const { role, schema, type: objectType } = row;
    const key = defaultRightsKey(role, schema, objectType);
    const rights = new Map(all.get(key)?.rights);
    if (row.grantee !== "") rights.set(row.grantee, rightsOf(row));
    all.set(key, { role, schema, objectType, rights });
  }
  return all;
}

/** All that can be given, by `Grants.objectType`: `all` is shorter, and holds for other versions too. */
export async function readAllRights(tx: TransactionSql): Promise<Map<string, readonly string[]>> {
  const rows = await tx<{ type: string; rights: string[] }[]>`
    select t.type, (select array_agg(lower(x.privilege_type) order by x.privilege_type)
      from pg_catalog.aclexplode(pg_catalog.acldefault(t.acl::"char", 10)) x where x.grantee = 10) as rights
    from (values ('r', 'r'), ('S', 's'), ('f', 'f'), ('n', 'n'), ('T', 'T')) as t (type, acl)`;
  return new Map(rows.map(({ type, rights }) => [type, rights]));
}

export function defaultRightsKey(role: string, schema: string | null, objectType: string): string {
  return `${objectType} of ${role} in ${schema ?? "*"}`;
}
