/**
 * What a schema is, asked of PostgreSQL by other questions than `src/postgres/ddl` asks: the
 * information schema and the system views. Two databases with the same answers have the same schema.
 */
import type { SchemaDatabase } from "./databases.ts";

const SCHEMAS = "('public', 'crew')";

const QUESTIONS: Readonly<Record<string, string>> = {
  columns: `select table_schema, table_name, column_name, ordinal_position, column_default,
    is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale, udt_name,
    collation_name, domain_name, is_identity, identity_generation, identity_start,
    identity_increment, is_generated, generation_expression, is_updatable
    from information_schema.columns where table_schema in ${SCHEMAS}`,
  tables: `select n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity,
    c.relforcerowsecurity, c.relreplident, c.relispartition, c.reloptions,
    pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ${SCHEMAS} and c.relkind <> 't'`,
  inheritance:
    "select inhrelid::regclass::text, inhparent::regclass::text, inhseqno from pg_inherits",
  constraints: `select conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid, true)
    from pg_constraint where connamespace::regnamespace::text in ${SCHEMAS}`,
  indexes: `select * from pg_indexes where schemaname in ${SCHEMAS}`,
  views: `select * from pg_views where schemaname in ${SCHEMAS}`,
  matviews: `select schemaname, matviewname, hasindexes, definition from pg_matviews`,
  sequences: `select schemaname, sequencename, data_type, start_value, min_value, max_value,
    increment_by, cycle, cache_size from pg_sequences where schemaname in ${SCHEMAS}`,
  "sequence owners": `select objid::regclass::text, refobjid::regclass::text, refobjsubid, deptype
    from pg_depend where classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass
    and refobjsubid > 0 and objid in (select seqrelid from pg_sequence)`,
  functions: `select n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), p.prokind,
    pg_get_function_result(p.oid), p.prosrc, p.provolatile, p.proisstrict, p.prosecdef, p.proconfig,
    p.prorows, p.proparallel, p.proargnames, p.proretset
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname in ${SCHEMAS}`,
  aggregates: `select aggfnoid::text, aggkind, aggtransfn::text, aggtranstype::regtype::text, agginitval
    from pg_aggregate a join pg_proc p on p.oid = a.aggfnoid
    where p.pronamespace::regnamespace::text in ${SCHEMAS}`,
  triggers: `select tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid, true)
    from pg_trigger where not tgisinternal`,
  policies: `select * from pg_policies where schemaname in ${SCHEMAS}`,
  rules: `select * from pg_rules where schemaname in ${SCHEMAS}`,
  types: `select n.nspname, t.typname, t.typtype, t.typnotnull, t.typdefault,
    format_type(t.typbasetype, t.typtypmod), t.typcollation::regcollation::text
    from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname in ${SCHEMAS}`,
  labels: `select enumtypid::regtype::text, enumlabel,
    rank() over (partition by enumtypid order by enumsortorder) from pg_enum`,
  attributes: `select * from information_schema.attributes where udt_schema in ${SCHEMAS}`,
  ranges:
    "select rngtypid::regtype::text, rngsubtype::regtype::text, rngmultitypid::regtype::text from pg_range",
  "domain checks": `select * from information_schema.check_constraints
    where constraint_schema in ${SCHEMAS} and constraint_name !~ '_not_null$'`,
  statistics: "select stxname, pg_get_statisticsobjdef(oid) from pg_statistic_ext",
  storage: `select attrelid::regclass::text, attname, attstorage, attcompression, attstattarget
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace::regnamespace::text in ${SCHEMAS} and attnum > 0`,
  comments: `select classoid::regclass::text, obj.identity, description
    from pg_description, pg_identify_object(classoid, objoid, objsubid) obj
    where objoid >= 16384`,
  "table rights": `select * from information_schema.role_table_grants where table_schema in ${SCHEMAS}`,
  "column rights": `select * from information_schema.role_column_grants where table_schema in ${SCHEMAS}`,
  "routine rights": `select grantee, routine_schema, routine_name, privilege_type, is_grantable
    from information_schema.role_routine_grants where routine_schema in ${SCHEMAS}`,
  "usage rights": `select * from information_schema.role_usage_grants where object_schema in ${SCHEMAS}`,
  "schema rights": `select nspname, role, has_schema_privilege(role, oid, 'usage'),
    has_schema_privilege(role, oid, 'create')
    from pg_namespace, unnest('{anon,authenticated,service_role}'::text[]) role
    where nspname in ${SCHEMAS}`,
  "sequence rights": `select c.oid::regclass::text, role, has_sequence_privilege(role, c.oid, 'usage')
    from pg_class c, unnest('{anon,authenticated,service_role}'::text[]) role
    where relkind = 'S' and relnamespace::regnamespace::text in ${SCHEMAS}`,
  "default rights": `select defaclrole::regrole::text, defaclnamespace::regnamespace::text,
    defaclobjtype, defaclacl::text from pg_default_acl`,
  publications:
    "select pubname, schemaname, tablename, attnames, rowfilter from pg_publication_tables",
  extensions: "select extname, extnamespace::regnamespace::text from pg_extension",
};

/** Question to its rows, each as JSON, sorted. */
export async function describeSchema({ sql }: SchemaDatabase): Promise<Record<string, string[]>> {
  const answers: Record<string, string[]> = {};
  for (const [name, question] of Object.entries(QUESTIONS)) {
    // The name of the database is part of many of the information schema's rows.
    const rows = await sql.unsafe(
      `select replace(to_json(q)::text, to_json(current_database())::text, '"db"') as row from (${question}) q`,
    );
    answers[name] = rows.map((row) => String(row["row"])).sort();
  }
  return answers;
}
