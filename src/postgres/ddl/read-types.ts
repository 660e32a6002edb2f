/** Schemas, extensions, types and sequences. */
import type { TransactionSql } from "postgres";
import { type Alteration, address, type DdlObject, ddlObject } from "./ddl-object.ts";

export async function readSchemas(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; name: string }[]>`
    select oid::bigint::float8 as oid, format('%I', nspname) as name
    from pg_catalog.pg_namespace where ${userSchema(tx)}`;
  return rows.map(({ oid, name }) =>
    ddlObject({
      kind: "schema",
      name,
      addresses: [address("pg_namespace", oid)],
      create: [`create schema ${name};`],
      drop: [`drop schema ${name};`],
    }),
  );
}

/** Those that a project makes; ours of the name `reactor` is nobody's business. */
export function userSchema(tx: TransactionSql, alias = "") {
  const name = tx.unsafe(`${alias === "" ? "" : `${alias}.`}nspname`);
  return tx`(${name} !~ '^pg_' and ${name} <> all('{information_schema,reactor}'))`;
}

export async function readExtensions(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; name: string; schema: string }[]>`
    select e.oid::bigint::float8 as oid, format('%I', e.extname) as name,
      format('%I', n.nspname) as schema
    from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    where e.extname <> 'plpgsql'`;
  return rows.map(({ oid, name, schema }) =>
    ddlObject({
      kind: "extension",
      name,
      addresses: [address("pg_extension", oid)],
      create: [`create extension if not exists ${name} with schema ${schema};`],
      drop: [`drop extension ${name};`],
      alter: () => ({
        statements: [`alter extension ${name} set schema ${schema};`],
        rebuilds: false,
      }),
    }),
  );
}

export async function readTypes(tx: TransactionSql): Promise<DdlObject[]> {
  const all = [
    await readEnums(tx),
    await readComposites(tx),
    await readDomains(tx),
    await readRanges(tx),
  ];
  return all.flat();
}

async function readEnums(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<{ oid: number; array: number; name: string; labels: string[] }[]>`
    select t.oid::bigint::float8 as oid, t.typarray::bigint::float8 as array,
      format('%I.%I', n.nspname, t.typname) as name,
      array(select format('%L', e.enumlabel) from pg_catalog.pg_enum e
        where e.enumtypid = t.oid order by e.enumsortorder) as labels
    from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where t.typtype = 'e' and ${userSchema(tx, "n")}`;
  return rows.map(({ oid, array, name, labels }) =>
    ddlObject({
      kind: "type",
      name,
      addresses: [address("pg_type", oid), address("pg_type", array)],
      create: [`create type ${name} as enum (${labels.join(", ")});`],
      drop: [`drop type ${name};`],
      facts: labels,
      alter: (from) => addLabels(name, from.facts as string[], labels),
    }),
  );
}

/** Labels can be added anywhere, and not be taken away. */
function addLabels(
  name: string,
  before: readonly string[],
  labels: readonly string[],
): Alteration | null {
  if (before.join() !== labels.filter((label) => before.includes(label)).join()) return null;
  const statements = labels.flatMap((label, i) => {
    if (before.includes(label)) return [];
    const previous = labels[i - 1];
    const first = before[0];
    if (previous !== undefined) return [`alter type ${name} add value ${label} after ${previous};`];
    return [`alter type ${name} add value ${label}${first ? ` before ${first}` : ""};`];
  });
  return { statements, rebuilds: false };
}

interface Attribute {
  name: string;
  type: string;
}

async function readComposites(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<
    { oid: number; class: number; array: number; name: string; attributes: Attribute[] }[]
  >`
    select t.oid::bigint::float8 as oid, c.oid::bigint::float8 as class,
      t.typarray::bigint::float8 as array, format('%I.%I', n.nspname, t.typname) as name,
      coalesce((
        select json_agg(json_build_object('name', format('%I', a.attname),
          'type', pg_catalog.format_type(a.atttypid, a.atttypmod) || ${collation(tx)}) order by a.attnum)
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_type y on y.oid = a.atttypid
        left join pg_catalog.pg_collation l on l.oid = a.attcollation and l.oid <> y.typcollation
        left join pg_catalog.pg_namespace ln on ln.oid = l.collnamespace
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      ), '[]'::json) as attributes
    from pg_catalog.pg_class c
    join pg_catalog.pg_type t on t.oid = c.reltype
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'c' and ${userSchema(tx, "n")}`;
  return rows.map(({ oid, class: relation, array, name, attributes }) =>
    ddlObject({
      kind: "type",
      name,
      addresses: [
        address("pg_type", oid),
        address("pg_type", array),
        address("pg_class", relation),
      ],
      create: [
        `create type ${name} as (${attributes.map((a) => `${a.name} ${a.type}`).join(", ")});`,
      ],
      drop: [`drop type ${name};`],
      facts: attributes,
      alter: (from) => changeAttributes(name, from.facts as Attribute[], attributes),
    }),
  );
}

/** ` collate x` where `l` and `ln` were joined, or nothing. */
export function collation(tx: TransactionSql) {
  return tx`coalesce(' collate ' || quote_ident(ln.nspname) || '.' || quote_ident(l.collname), '')`;
}

function changeAttributes(
  name: string,
  before: readonly Attribute[],
  after: readonly Attribute[],
): Alteration {
  const gone = before.filter((a) => !after.some((b) => b.name === a.name));
  const parts = [
    ...gone.map((a) => `drop attribute ${a.name}`),
    ...after.flatMap((a) => {
      const old = before.find((b) => b.name === a.name);
      if (!old) return [`add attribute ${a.name} ${a.type}`];
      return old.type === a.type ? [] : [`alter attribute ${a.name} type ${a.type}`];
    }),
  ];
  const statements = parts.length === 0 ? [] : [`alter type ${name} ${parts.join(", ")};`];
  return { statements, rebuilds: false };
}

interface Domain {
  base: string;
  fallback: string | null;
  not_null: boolean;
  checks: { name: string; sql: string }[];
}

async function readDomains(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<
    (Domain & { oid: number; array: number; name: string; constraints: string[] })[]
  >`
    select t.oid::bigint::float8 as oid, t.typarray::bigint::float8 as array,
      format('%I.%I', n.nspname, t.typname) as name,
      pg_catalog.format_type(t.typbasetype, t.typtypmod) || ${collation(tx)} as base,
      pg_catalog.pg_get_expr(t.typdefaultbin, 0) as fallback, t.typnotnull as not_null,
      coalesce((
        select json_agg(json_build_object('name', format('%I', k.conname),
          'sql', pg_catalog.pg_get_constraintdef(k.oid)) order by k.conname)
        from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'
      ), '[]'::json) as checks,
      array(select k.oid::text from pg_catalog.pg_constraint k where k.contypid = t.oid) as constraints
    from pg_catalog.pg_type t
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    join pg_catalog.pg_type b on b.oid = t.typbasetype
    left join pg_catalog.pg_collation l on l.oid = t.typcollation and l.oid <> b.typcollation
    left join pg_catalog.pg_namespace ln on ln.oid = l.collnamespace
    where t.typtype = 'd' and ${userSchema(tx, "n")}`;
  return rows.map(({ oid, array, name, constraints, ...domain }) => {
    const parts = [
      `create domain ${name} as ${domain.base}`,
      ...(domain.fallback === null ? [] : [`default ${domain.fallback}`]),
      ...(domain.not_null ? ["not null"] : []),
      ...domain.checks.map((check) => `constraint ${check.name} ${check.sql}`),
    ];
    return ddlObject({
      kind: "type",
      name,
      title: `domain ${name}`,
      addresses: [
        address("pg_type", oid),
        address("pg_type", array),
        ...constraints.map((id) => address("pg_constraint", Number(id))),
      ],
      create: [`${parts.join("\n  ")};`],
      drop: [`drop domain ${name};`],
      facts: domain,
      alter: (from) => changeDomain(name, from.facts as Partial<Domain>, domain),
    });
  });
}

function changeDomain(name: string, before: Partial<Domain>, after: Domain): Alteration | null {
  // Another kind of type by the same name, or another type below: its columns would have to change.
  if (before.base !== after.base || before.checks === undefined) return null;
  const { checks } = before;
  const has = (list: Domain["checks"], check: Domain["checks"][number]) =>
    list.some((c) => c.name === check.name && c.sql === check.sql);
  const parts = [
    ...checks.filter((c) => !has(after.checks, c)).map((c) => `drop constraint ${c.name}`),
    ...(before.fallback === after.fallback
      ? []
      : [after.fallback === null ? "drop default" : `set default ${after.fallback}`]),
    ...(before.not_null === after.not_null
      ? []
      : [after.not_null ? "set not null" : "drop not null"]),
    ...after.checks.filter((c) => !has(checks, c)).map((c) => `add constraint ${c.name} ${c.sql}`),
  ];
  return { statements: parts.map((part) => `alter domain ${name} ${part};`), rebuilds: false };
}

async function readRanges(tx: TransactionSql): Promise<DdlObject[]> {
  const rows = await tx<
    { oid: number; array: number; multi: number; name: string; options: string[] }[]
  >`
    select t.oid::bigint::float8 as oid, t.typarray::bigint::float8 as array,
      m.oid::bigint::float8 as multi, format('%I.%I', n.nspname, t.typname) as name,
      array_remove(array[
        format('subtype = %s', pg_catalog.format_type(r.rngsubtype, null)),
        case when not o.opcdefault then format('subtype_opclass = %I.%I', opn.nspname, o.opcname) end,
        case when l.oid is not null then format('collation = %I.%I', ln.nspname, l.collname) end,
        case when r.rngcanonical <> 0 then format('canonical = %s', r.rngcanonical) end,
        case when r.rngsubdiff <> 0 then format('subtype_diff = %s', r.rngsubdiff) end,
        format('multirange_type_name = %I', m.typname)
      ], null) as options
    from pg_catalog.pg_range r
    join pg_catalog.pg_type t on t.oid = r.rngtypid
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    join pg_catalog.pg_type s on s.oid = r.rngsubtype
    join pg_catalog.pg_type m on m.oid = r.rngmultitypid
    join pg_catalog.pg_opclass o on o.oid = r.rngsubopc
    join pg_catalog.pg_namespace opn on opn.oid = o.opcnamespace
    left join pg_catalog.pg_collation l on l.oid = r.rngcollation and l.oid <> s.typcollation
    left join pg_catalog.pg_namespace ln on ln.oid = l.collnamespace
    where ${userSchema(tx, "n")}`;
  return rows.map(({ oid, array, multi, name, options }) =>
    ddlObject({
      kind: "type",
      name,
      addresses: [address("pg_type", oid), address("pg_type", array), address("pg_type", multi)],
      create: [`create type ${name} as range (${options.join(", ")});`],
      drop: [`drop type ${name};`],
    }),
  );
}
