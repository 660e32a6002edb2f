/**
 * The TypeScript type of a Postgres type: what `to_json` makes of it. Numbers are `number` whatever
 * their size, as clients of this shape expect; everything that is rendered as text is `string`.
 */
import { arrayOf, type Doc, inline, type Member, propertyName, union } from "./layout.ts";
import type { PgType, TypeCatalog, TypedColumn, TypedRelation } from "./type-catalog.ts";

const BUILT_IN: Readonly<Record<string, string>> = {
  bool: "boolean",
  float4: "number",
  float8: "number",
  int2: "number",
  int4: "number",
  int8: "number",
  json: "Json",
  jsonb: "Json",
  numeric: "number",
  record: "Record<string, unknown>",
  void: "undefined",
};

/** What is written for the rows of each kind of relation. */
const ROW_OF: Readonly<Record<string, string>> = {
  r: "Tables",
  p: "Tables",
  f: "Tables",
  v: "Views",
  m: "Views",
};

/** Looks types up by oid. */
export interface TypeScope {
  nameOf(oid: number): Doc;
  /** The generated relation whose row a type is, domains over it included; null for any other. */
  relationOf(oid: number): TypedRelation | null;
}

type NameOf = TypeScope["nameOf"];

/** @param schemas those that are generated: others' types can only be written out. */
export function typeScope(
  { types, relations }: TypeCatalog,
  schemas: ReadonlySet<string>,
): TypeScope {
  const byOid = new Map(types.map((type) => [type.oid, type]));
  const byName = new Map(relations.map((r) => [`${r.schema}\0${r.name}`, r]));
  return {
    nameOf: namer(byOid, schemas),
    relationOf(oid) {
      let type = byOid.get(oid);
      while (type?.kind === "d") type = byOid.get(type.baseOid);
      if (type?.kind !== "c" || type.relationKind === "c") return null;
      return byName.get(`${type.schema}\0${type.name}`) ?? null;
    },
  };
}

function namer(byOid: ReadonlyMap<number, PgType>, schemas: ReadonlySet<string>): NameOf {
  const nameOf = (oid: number): Doc => {
    const type = byOid.get(oid);
    if (!type) return "unknown";
    if (type.elementOid !== 0) return arrayOf(nameOf(type.elementOid));
    if (type.kind === "d") return nameOf(type.baseOid);
    if (type.kind === "e") return enumName(type, schemas);
    if (type.kind === "c") return compositeName(type, schemas, nameOf);
    if (type.schema === "pg_catalog") return builtIn(type);
    return "string";
  };
  return nameOf;
}

function builtIn(type: PgType): string {
  const known = Object.hasOwn(BUILT_IN, type.name) ? BUILT_IN[type.name] : undefined;
  // Polymorphic and internal types say nothing of what comes.
  return known ?? (type.kind === "p" ? "unknown" : "string");
}

function enumName(type: PgType, schemas: ReadonlySet<string>): Doc {
  return schemas.has(type.schema) ? member(type, "Enums") : enumLabels(type);
}

export function enumLabels(type: PgType): Doc {
  return type.labels.length === 0
    ? "never"
    : union(type.labels.map((label) => JSON.stringify(label)));
}

function compositeName(type: PgType, schemas: ReadonlySet<string>, nameOf: NameOf): Doc {
  const kind = type.relationKind ?? "";
  if (kind === "c") {
    if (schemas.has(type.schema)) return member(type, "CompositeTypes");
    return inline(
      type.attributes.map(({ name, oid }) => ({
        key: propertyName(name),
        value: orNull(nameOf(oid), true),
      })),
    );
  }
  const group = Object.hasOwn(ROW_OF, kind) ? ROW_OF[kind] : undefined;
  if (group === undefined || !schemas.has(type.schema)) return "Record<string, unknown>";
  return `${member(type, group)}["Row"]`;
}

function member(type: PgType, group: string): string {
  return `Database[${JSON.stringify(type.schema)}]["${group}"][${JSON.stringify(type.name)}]`;
}

/** What a SELECT of the columns gives, in the order of their names. */
export function rowMembers(columns: readonly TypedColumn[], { nameOf }: TypeScope): Member[] {
  return columns
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, oid, nullable }) => ({
      key: propertyName(name),
      value: orNull(nameOf(oid), nullable),
    }));
}

export function orNull(doc: Doc, nullable: boolean): Doc {
  if (!nullable) return doc;
  const parts = typeof doc === "string" || doc.kind !== "union" ? [doc] : doc.parts;
  return union([...parts, "null"]);
}
