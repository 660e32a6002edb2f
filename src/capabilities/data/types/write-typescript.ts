/**
 * A database as TypeScript, in the shape of `supabase gen types typescript`: `createClient<Database>`
 * and the helpers around it then know tables, views, functions, enums and composite types.
 */
import { helperTypes, JSON_TYPE } from "./helper-types.ts";
import { block, type Doc, type Member, printMember, propertyName, tuple } from "./layout.ts";
import type {
  PgType,
  TypeCatalog,
  TypedColumn,
  TypedFunction,
  TypedRelation,
  TypedRelationship,
} from "./type-catalog.ts";
import { enumLabels, orNull, rowMembers, type TypeScope, typeScope } from "./typescript-type.ts";
import { computedFields, functionMembers, groupFunctions } from "./write-functions.ts";

export interface WriteOptions {
  /** In the order wanted; the first is the default one unless `public` is among them. */
  readonly schemas: readonly string[];
  /** Whose features clients may count on: `13.0.4`. */
  readonly contractVersion: string;
}

export function writeTypeScript(catalog: TypeCatalog, options: WriteOptions): string {
  const schemas = options.schemas.toSorted(byText);
  const scope = typeScope(catalog, new Set(schemas));
  const internal: Member = {
    key: "__InternalSupabase",
    value: block([{ key: "PostgrestVersion", value: JSON.stringify(options.contractVersion) }]),
  };
  const members = schemas.map((schema) => schemaMember(catalog, schema, scope));
  const defaultSchema = schemas.includes("public") ? "public" : (options.schemas[0] ?? "public");
  return `${[
    JSON_TYPE,
    `export type Database = ${printedBlock([internal, ...members])}`,
    helperTypes(defaultSchema),
    `export const Constants = ${printedBlock(
      schemas.map((s) => constants(catalog, s)),
      ",",
    )} as const`,
  ].join("\n\n")}\n`;
}

function printedBlock(members: readonly Member[], separator = ""): string {
  const lines = members.map((member) => `  ${printMember(member, 2)}${separator}`);
  return `{\n${lines.join("\n")}\n}`;
}

function schemaMember(catalog: TypeCatalog, schema: string, scope: TypeScope): Member {
  const here = <T extends { schema: string; name: string }>(items: readonly T[]): T[] =>
    items.filter((item) => item.schema === schema).toSorted((a, b) => byText(a.name, b.name));
  const relations = here(catalog.relations);
  const functions = here(catalog.functions);
  const own = (relation: TypedRelation): Member => ({
    key: propertyName(relation.name),
    value: relationDoc(catalog, relation, functions, scope),
  });
  return {
    key: propertyName(schema),
    value: block([
      { key: "Tables", value: block(relations.filter((r) => !r.isView).map(own)) },
      { key: "Views", value: block(relations.filter((r) => r.isView).map(own)) },
      { key: "Functions", value: block(functionMembers(groupFunctions(functions), scope)) },
      { key: "Enums", value: block(here(catalog.types).filter(isEnum).map(enumMember)) },
      {
        key: "CompositeTypes",
        value: block(
          here(catalog.types)
            .filter(isComposite)
            .map((t) => compositeMember(t, scope)),
        ),
      },
    ]),
  };
}

const isEnum = (type: PgType) => type.kind === "e";
const isComposite = (type: PgType) => type.relationKind === "c";

function enumMember(type: PgType): Member {
  return { key: propertyName(type.name), value: enumLabels(type) };
}

function compositeMember(type: PgType, { nameOf }: TypeScope): Member {
  const attributes = type.attributes.map(({ name, oid }) => ({
    key: propertyName(name),
    value: orNull(nameOf(oid), true),
  }));
  return { key: propertyName(type.name), value: block(attributes) };
}

function relationDoc(
  catalog: TypeCatalog,
  relation: TypedRelation,
  functions: readonly TypedFunction[],
  scope: TypeScope,
): Doc {
  const computed = computedFields(relation, functions, scope);
  const row = [...rowMembers(relation.columns, scope), ...computed];
  const names = computed.map(({ key }) => (key.startsWith('"') ? key : JSON.stringify(key)));
  return block([
    { key: "Row", value: block(row) },
    ...(relation.isView && !relation.updatable ? [] : writable(relation, scope)),
    { key: "Relationships", value: relationshipsOf(catalog, relation) },
    ...(names.length === 0 ? [] : [{ key: "ComputedFields", value: names.join(" | ") }]),
  ]);
}

function writable(relation: TypedRelation, { nameOf }: TypeScope): Member[] {
  const columns = relation.columns.toSorted((a, b) => byText(a.name, b.name));
  const members = (isOptional: (column: TypedColumn) => boolean): Doc =>
    block(
      columns.map((column) => ({
        key: `${propertyName(column.name)}${isOptional(column) || column.readOnly ? "?" : ""}`,
        value: column.readOnly ? "never" : orNull(nameOf(column.oid), column.nullable),
      })),
    );
  const mayBeLeftOut = (c: TypedColumn) => relation.isView || c.nullable || c.hasDefault;
  return [
    { key: "Insert", value: members(mayBeLeftOut) },
    { key: "Update", value: members(() => true) },
  ];
}

function relationshipsOf(catalog: TypeCatalog, relation: TypedRelation): Doc {
  const found = catalog.relationships
    .filter((r) => r.schema === relation.schema && r.relation === relation.name)
    .toSorted(
      (a, b) =>
        byText(a.constraint, b.constraint) || byText(a.referencedRelation, b.referencedRelation),
    );
  return found.length === 0 ? "[]" : tuple(found.map(relationshipDoc));
}

function relationshipDoc(found: TypedRelationship): Doc {
  const list = (names: readonly string[]) => tuple(names.map((name) => JSON.stringify(name)));
  return block([
    { key: "foreignKeyName", value: JSON.stringify(found.constraint) },
    { key: "columns", value: list(found.columns) },
    { key: "isOneToOne", value: String(found.isOneToOne) },
    { key: "referencedRelation", value: JSON.stringify(found.referencedRelation) },
    { key: "referencedColumns", value: list(found.referencedColumns) },
  ]);
}

/** Values, not types: members end in a comma. */
function constants(catalog: TypeCatalog, schema: string): Member {
  const enums = catalog.types
    .filter((type) => isEnum(type) && type.schema === schema)
    .toSorted((a, b) => byText(a.name, b.name))
    .map((type) => {
      const labels = tuple(type.labels.map((label) => JSON.stringify(label)));
      return `      ${printMember({ key: propertyName(type.name), value: labels }, 6, 1)},`;
    });
  const list = enums.length === 0 ? "{}" : `{\n${enums.join("\n")}\n    }`;
  return { key: propertyName(schema), value: `{\n    Enums: ${list},\n  }` };
}

/** Code point order, the same on every machine. */
function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
