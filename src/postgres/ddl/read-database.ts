/** Reads a whole database into a `DatabaseModel`: one snapshot, objects of extensions left out. */
import type { Sql, TransactionSql } from "postgres";
import type { Address, Comment, DatabaseModel, DdlObject } from "./ddl-object.ts";
import { readPolicies, readRules, readTriggers, readViews } from "./read-behaviour.ts";
import { readEventTriggers, readForeignServers, readPublications } from "./read-database-wide.ts";
import { readAllRights, readDefaultRights, readGrants } from "./read-privileges.ts";
import { readAggregates, readCasts, readRoutines } from "./read-routines.ts";
import { readSequences } from "./read-sequences.ts";
import {
  readConstraints,
  readIndexes,
  readStatistics,
  readTableSettings,
} from "./read-table-parts.ts";
import { readTables } from "./read-tables.ts";
import { readExtensions, readSchemas, readTypes, userSchema } from "./read-types.ts";

const READERS = [
  readSchemas,
  readExtensions,
  readForeignServers,
  readTypes,
  readSequences,
  readRoutines,
  readAggregates,
  readCasts,
  readTables,
  readConstraints,
  readIndexes,
  readStatistics,
  readTableSettings,
  readViews,
  readRules,
  readTriggers,
  readPolicies,
  readPublications,
  readEventTriggers,
];

/** @param isLeftOut whether an object is nobody's to compare. */
export async function readDatabase(
  sql: Sql,
  isLeftOut: (object: DdlObject) => boolean = () => false,
): Promise<DatabaseModel> {
  return await sql.begin("isolation level repeatable read read only", async (tx) => {
    // Names in definitions then come out complete, and texts the same for every reader.
    await tx`select pg_catalog.set_config(name, value, true) from (values ('search_path', ''),
      ('quote_all_identifiers', 'off'), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'),
      ('extra_float_digits', '1'), ('timezone', 'UTC')) as s (name, value)`;
    const extensions = await readMembers(tx);
    const objects: DdlObject[] = [];
    for (const read of READERS) objects.push(...(await read(tx)));
    return assemble(
      tx,
      objects.filter((object) => !isMember(object, extensions) && !isLeftOut(object)),
      extensions,
    );
  });
}

const addressKey = ({ catalog, oid, sub }: Address) => `${catalog} ${oid} ${sub}`;

/** Address of each member to the key of its extension. */
async function readMembers(tx: TransactionSql): Promise<Map<string, string>> {
  const rows = await tx<{ catalog: string; oid: number; name: string }[]>`
    select d.classid::regclass::text as catalog, d.objid::bigint::float8 as oid,
      format('%I', e.extname) as name
    from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
    where d.deptype = 'e' and d.refclassid = 'pg_catalog.pg_extension'::regclass`;
  return new Map(
    rows.map(({ catalog, oid, name }) => [
      addressKey({ catalog, oid, sub: 0 }),
      `extension ${name}`,
    ]),
  );
}

function isMember({ addresses }: DdlObject, extensions: ReadonlyMap<string, string>): boolean {
  const [first] = addresses;
  return first !== undefined && extensions.has(addressKey({ ...first, sub: 0 }));
}

async function assemble(
  tx: TransactionSql,
  all: readonly DdlObject[],
  extensions: ReadonlyMap<string, string>,
): Promise<DatabaseModel> {
  // What stands on something that is not told of is not told of either: a trigger on a member's table.
  const objects = new Map(all.map((object) => [object.key, object]));
  const book = new Map(extensions);
  for (const object of all) {
    for (const at of object.addresses) book.set(addressKey(at), object.key);
  }
  const [maker] = await tx<{ name: string }[]>`select format('%I', current_user) as name`;
  return {
    objects,
    needs: await readNeeds(tx, objects, book),
    comments: await readComments(tx, book, objects),
    grants: new Map([...(await readGrants(tx))].filter(([key]) => objects.has(key))),
    defaultRights: await readDefaultRights(tx),
    allRights: await readAllRights(tx),
    maker: maker?.name ?? "",
    unsupported: await readUnsupported(tx),
  };
}

/** A column that is no object of its own (of a view, an inherited one) is its relation. */
function keyAt(book: ReadonlyMap<string, string>, at: Address): string | undefined {
  return book.get(addressKey(at)) ?? book.get(addressKey({ ...at, sub: 0 }));
}

async function readNeeds(
  tx: TransactionSql,
  objects: ReadonlyMap<string, DdlObject>,
  book: ReadonlyMap<string, string>,
): Promise<Map<string, Set<string>>> {
  const rows = await tx<
    {
      from: string;
      oid: number;
      sub: number;
      to: string;
      ref: number;
      ref_sub: number;
      type: string;
    }[]
  >`
    select classid::regclass::text as from, objid::bigint::float8 as oid, objsubid as sub,
      refclassid::regclass::text as to, refobjid::bigint::float8 as ref, refobjsubid as ref_sub,
      deptype as type
    from pg_catalog.pg_depend where deptype <> 'e'`;
  const needs = new Map<string, Set<string>>([...objects.keys()].map((key) => [key, new Set()]));
  const add = (key: string | undefined, needed: string | undefined) => {
    if (key !== undefined && needed !== undefined && key !== needed) needs.get(key)?.add(needed);
  };
  for (const row of rows) {
    const key = keyAt(book, { catalog: row.from, oid: row.oid, sub: row.sub });
    // A sequence may be dropped with its column; it does not need it.
    if (row.type === "a" && key !== undefined && key.startsWith("sequence ")) continue;
    add(key, keyAt(book, { catalog: row.to, oid: row.ref, sub: row.ref_sub }));
  }
  for (const { key, standsOn } of objects.values()) {
    for (const on of standsOn) add(key, typeof on === "string" ? on : keyAt(book, on));
  }
  return needs;
}

async function readComments(
  tx: TransactionSql,
  book: ReadonlyMap<string, string>,
  objects: ReadonlyMap<string, DdlObject>,
): Promise<Map<string, Comment>> {
  const rows = await tx<{ catalog: string; oid: number; text: string; column: string | null }[]>`
    select d.classoid::regclass::text as catalog, d.objoid::bigint::float8 as oid,
      d.description as text, quote_ident(a.attname) as column
    from pg_catalog.pg_description d
    left join pg_catalog.pg_attribute a on d.classoid = 'pg_catalog.pg_class'::regclass
      and a.attrelid = d.objoid and a.attnum = d.objsubid and d.objsubid > 0
    where d.objoid >= 16384 or d.classoid = 'pg_catalog.pg_namespace'::regclass`;
  const comments = new Map<string, Comment>();
  for (const { catalog, oid, text, column } of rows) {
    const owner = objects.get(keyAt(book, { catalog, oid, sub: 0 }) ?? "");
    // An object's other addresses (a domain's constraint, a row type) are not the object.
    if (owner?.addresses[0]?.oid !== oid || owner.addresses[0].catalog !== catalog) continue;
    const name = owner.key.slice(owner.kind.length + 1);
    if (column === null) comments.set(owner.title, { owner: owner.key, text });
    else comments.set(`column ${name}.${column}`, { owner: ownerOfColumn(owner, column), text });
  }
  return comments;
}

/** A table's column is an object of its own; that of a view is made with the view. */
function ownerOfColumn(owner: DdlObject, column: string): string {
  return owner.kind === "table"
    ? `column ${owner.key.slice("table ".length)}.${column}`
    : owner.key;
}

/** What a project may have made and this reader does not write: named, so that nobody relies on it. */
async function readUnsupported(tx: TransactionSql): Promise<string[]> {
  const rows = await tx<{ title: string }[]>`
    select title from (
      select 'operator ' || o.oid::regoperator as title, 'pg_operator'::regclass as class, o.oid,
        o.oprnamespace as schema from pg_catalog.pg_operator o
      union all select 'operator class ' || o.opcname, 'pg_opclass'::regclass, o.oid, o.opcnamespace
        from pg_catalog.pg_opclass o
      union all select 'collation ' || l.collname, 'pg_collation'::regclass, l.oid, l.collnamespace
        from pg_catalog.pg_collation l
      union all select 'text search configuration ' || c.cfgname, 'pg_ts_config'::regclass, c.oid,
        c.cfgnamespace from pg_catalog.pg_ts_config c
      union all select 'text search dictionary ' || d.dictname, 'pg_ts_dict'::regclass, d.oid,
        d.dictnamespace from pg_catalog.pg_ts_dict d
      union all select 'base type ' || t.typname, 'pg_type'::regclass, t.oid, t.typnamespace
        from pg_catalog.pg_type t where t.typtype = 'b' and t.typelem = 0 and t.typisdefined
      union all select 'typed table ' || c.relname, 'pg_class'::regclass, c.oid, c.relnamespace
        from pg_catalog.pg_class c where c.reloftype <> 0
    ) made
    join pg_catalog.pg_namespace n on n.oid = made.schema
    where ${userSchema(tx, "n")} and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = made.class and d.objid = made.oid and d.deptype = 'e')
    order by 1`;
  return rows.map((row) => row.title);
}
