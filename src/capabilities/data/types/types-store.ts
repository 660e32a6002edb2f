/** SQL of the type generator: one consistent picture of the schemas that are to be typed. */
import type { Sql, TransactionSql } from "postgres";
import { buildSchema } from "../schema/build-schema.ts";
import { readCatalog } from "../store.ts";
import type {
  PgType,
  TypeCatalog,
  TypedFunction,
  TypedRelation,
  TypedRelationship,
} from "./type-catalog.ts";

/** Which of these schemas there are. */
export async function findSchemas(sql: Sql, names: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ name: string }[]>`
    select nspname as name from pg_catalog.pg_namespace where nspname = any(${names as string[]})`;
  return new Set(rows.map((row) => row.name));
}

/** What of a database is read. */
export interface TypesScope {
  /** Those that are typed. */
  readonly schemas: readonly string[];
  /** Views in them may stand between a view and the keys of its tables. */
  readonly extraSearchPath: readonly string[];
}

export async function readTypeCatalog(sql: Sql, scope: TypesScope): Promise<TypeCatalog> {
  const { schemas } = scope;
  const catalog = await sql.begin("isolation level repeatable read read only", async (tx) => ({
    types: await readTypes(tx),
    relations: await readRelations(tx, schemas),
    functions: await readFunctions(tx, schemas),
  }));
  return { ...catalog, relationships: await readRelationships(sql, scope) };
}

async function readTypes(tx: TransactionSql): Promise<PgType[]> {
  return await tx<PgType[]>`
    select t.oid::bigint::float8 as oid, n.nspname as schema, t.typname as name, t.typtype as kind,
      case when t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc
        then t.typelem else 0 end::bigint::float8 as "elementOid",
      t.typbasetype::bigint::float8 as "baseOid",
      c.relkind as "relationKind",
      coalesce((select array_agg(e.enumlabel::text order by e.enumsortorder)
        from pg_catalog.pg_enum e where e.enumtypid = t.oid), '{}') as labels,
      case when c.relkind = 'c' then coalesce((
        select json_agg(json_build_object('name', a.attname, 'oid', a.atttypid::bigint) order by a.attnum)
        from pg_catalog.pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ), '[]'::json) else '[]'::json end as attributes
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_class c on c.oid = t.typrelid`;
}

async function readRelations(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<TypedRelation[]> {
  return await tx<TypedRelation[]>`
    select n.nspname as schema, c.relname as name, c.relkind in ('v', 'm') as "isView",
      c.relkind <> 'm' and pg_catalog.pg_relation_is_updatable(c.oid, true) & 12 <> 0 as updatable,
      coalesce((
        select json_agg(json_build_object(
          'name', a.attname,
          'oid', a.atttypid::bigint,
          'nullable', not a.attnotnull and not (t.typtype = 'd' and t.typnotnull),
          'hasDefault', a.atthasdef or a.attidentity <> '' or t.typdefault is not null,
          'readOnly', a.attgenerated <> '' or a.attidentity = 'a' or (c.relkind = 'v'
            and not pg_catalog.pg_column_is_updatable(c.oid, a.attnum, true))
        ) order by a.attnum)
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_type t on t.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ), '[]'::json) as columns
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any(${schemas as string[]}) and c.relkind in ('r', 'v', 'm', 'f', 'p')
      and not c.relispartition and ${notOfExtension(tx, "pg_class", tx`c.oid`)}`;
}

async function readFunctions(
  tx: TransactionSql,
  schemas: readonly string[],
): Promise<TypedFunction[]> {
  return await tx<TypedFunction[]>`
    select n.nspname as schema, p.proname as name, p.prorettype::bigint::float8 as "returnOid",
      p.proretset as "returnsSet", p.prorows::float8 as rows,
      coalesce((
        select json_agg(json_build_object(
          'name', coalesce(p.proargnames[u.place], ''),
          'oid', u.oid::bigint,
          'mode', coalesce(p.proargmodes[u.place], 'i'),
          'optional', coalesce(p.proargmodes[u.place], 'i') = 'v'
            or (coalesce(p.proargmodes[u.place], 'i') in ('i', 'b')
              and u.input_place > p.pronargs - p.pronargdefaults)
        ) order by u.place)
        from (
          select v.oid, v.place,
            count(*) filter (where coalesce(p.proargmodes[v.place], 'i') in ('i', 'b', 'v'))
              over (order by v.place) as input_place
          from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality as v(oid, place)
        ) u
      ), '[]'::json) as arguments
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = any(${schemas as string[]}) and p.prokind = 'f'
      and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
      and ${notOfExtension(tx, "pg_proc", tx`p.oid`)}
    order by p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)`;
}

/** Nor a function made along with something else, as the constructors of range types are. */
function notOfExtension(tx: TransactionSql, catalog: "pg_class" | "pg_proc", oid: unknown) {
  return tx`not exists (
    select from pg_catalog.pg_depend x
    where x.classid = ${`pg_catalog.${catalog}`}::regclass and x.objid = ${oid as never}
      and (x.deptype = 'e' or x.deptype = 'i' and ${catalog} = 'pg_proc'))`;
}

/** As embedding knows them, so that views count too. */
async function readRelationships(sql: Sql, scope: TypesScope): Promise<TypedRelationship[]> {
  const rows = await readCatalog(sql, { ...scope, login: "", timezones: [], channel: null });
  const all = [...buildSchema(0, rows).relationships.values()].flat();
  return all.flatMap((found) =>
    found.kind === "foreign key" && found.isOutgoing && found.origin.schema === found.target.schema
      ? [
          {
            schema: found.origin.schema,
            relation: found.origin.name,
            constraint: found.constraint,
            columns: found.originColumns,
            isOneToOne: found.cardinality === "one-to-one",
            referencedRelation: found.target.name,
            referencedColumns: found.targetColumns,
          },
        ]
      : [],
  );
}
