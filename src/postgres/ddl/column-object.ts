/** A column: part of its table's `create table`, or a change of a table that is there. */
import { type Alteration, address, type DdlObject, ddlObject } from "./ddl-object.ts";

export interface ColumnFacts {
  /** As SQL. */
  name: string;
  number: number;
  /** Its own, and not only its parent's. */
  local: boolean;
  type: string;
  /** ` collate x`, or nothing. */
  collation: string;
  not_null: boolean;
  identity: string | null;
  identity_options: string | null;
  /** Expression. */
  generated: string | null;
  generated_oid: number | null;
  generated_kind: string | null;
  /** Null: the type's own. */
  storage: string | null;
  compression: string | null;
  statistics: number | null;
  options: string[];
  foreign_options: string | null;
}

/** @param owner its table, the name of that as SQL, and its oid */
export function columnObject(
  { table, tableName, oid }: { table: DdlObject; tableName: string; oid: number },
  column: ColumnFacts,
): DdlObject {
  const alterTable = `alter ${table.title}`;
  const name = `${tableName}.${column.name}`;
  const { generated_oid: generatedOid, number, ...facts } = column;
  const more = column.local ? afterwards(alterTable, column) : [];
  const inline = column.local ? columnLine(column) : null;
  return ddlObject({
    kind: "column",
    name,
    addresses: [
      address("pg_class", oid, number),
      ...(generatedOid === null ? [] : [address("pg_attrdef", generatedOid)]),
    ],
    place: number,
    // What is inherited changes with the parent.
    definition: column.local ? JSON.stringify(facts) : "inherited",
    create: inline === null ? [] : [`${alterTable} add column ${inline};`, ...more],
    drop: inline === null ? [] : [`${alterTable} drop column ${column.name};`],
    dropsWith: [table.key],
    inline,
    facts: { ...facts, after: more },
    alter: (from) => changeColumn(alterTable, from.facts as ColumnFacts, column),
  });
}

function columnLine(column: ColumnFacts): string {
  const { generated, identity, identity_options: options } = column;
  return [
    `${column.name} ${column.type}${column.collation}`,
    ...(column.foreign_options === null ? [] : [`options (${column.foreign_options})`]),
    ...(column.compression === null ? [] : [`compression ${column.compression}`]),
    ...(generated === null
      ? []
      : [`generated always as (${generated}) ${column.generated_kind ?? "stored"}`]),
    ...(identity === null
      ? []
      : [`generated ${identity} as identity${options ? ` (${options})` : ""}`]),
    ...(column.not_null ? ["not null"] : []),
  ].join(" ");
}

/** What has no place in a column's definition. */
function afterwards(alterTable: string, column: ColumnFacts): string[] {
  const alter = `${alterTable} alter column ${column.name}`;
  return [
    ...(column.storage === null ? [] : [`${alter} set storage ${column.storage};`]),
    ...(column.statistics === null ? [] : [`${alter} set statistics ${column.statistics};`]),
    ...(column.options.length === 0 ? [] : [`${alter} set (${column.options.join(", ")});`]),
  ];
}

function changeColumn(
  alterTable: string,
  before: ColumnFacts,
  after: ColumnFacts,
): Alteration | null {
  // Left behind by a parent that is left, or handed over to a new one.
  if (before.local !== after.local) return { statements: [], rebuilds: false };
  const made = (c: ColumnFacts) =>
    JSON.stringify([c.generated, c.generated_kind, c.foreign_options]);
  if (made(before) !== made(after)) return null;
  const isRetyped = before.type !== after.type || before.collation !== after.collation;
  const { name } = after;
  const parts = [
    ...(isRetyped ? [`type ${after.type}${after.collation} using ${name}::${after.type}`] : []),
    // An identity column may not be null, so the one comes before, the other after.
    ...(after.not_null && !before.not_null ? ["set not null"] : []),
    ...changeIdentity(before, after),
    ...(before.not_null && !after.not_null ? ["drop not null"] : []),
    ...(before.storage === after.storage ? [] : [`set storage ${after.storage ?? "default"}`]),
    ...(before.compression === after.compression
      ? []
      : [`set compression ${after.compression ?? "default"}`]),
    ...(before.statistics === after.statistics ? [] : [`set statistics ${after.statistics ?? -1}`]),
    ...changeOptions(before.options, after.options),
  ];
  return {
    statements: parts.map((part) => `${alterTable} alter column ${name} ${part};`),
    rebuilds: isRetyped,
  };
}

function changeIdentity(before: ColumnFacts, after: ColumnFacts): string[] {
  const [old, now] = [before.identity, after.identity];
  if (old === now && before.identity_options === after.identity_options) return [];
  const options = after.identity_options ? ` (${after.identity_options})` : "";
  if (now === null) return ["drop identity"];
  const add = `add generated ${now} as identity${options}`;
  if (old === null) return [add];
  // The options that are no longer there have no words of their own: the sequence is made anew.
  return before.identity_options === after.identity_options
    ? [`set generated ${now}`]
    : ["drop identity", add];
}

function changeOptions(before: readonly string[], after: readonly string[]): string[] {
  if (before.join() === after.join()) return [];
  const gone = before.map((o) => o.slice(0, o.indexOf("=")));
  return [
    ...(gone.length === 0 ? [] : [`reset (${gone.join(", ")})`]),
    ...(after.length === 0 ? [] : [`set (${after.join(", ")})`]),
  ];
}
