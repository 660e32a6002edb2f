/**
 * Writes `migrations/0002_load.sql` from `data/ChinookData.json`: a migration carries its data, so
 * that the project needs nothing but itself. The same data always gives the same file.
 *
 *   bun scripts/make-migrations.ts
 */
import { join } from "node:path";

type Value = string | number | null;
type Row = Readonly<Record<string, Value>>;

const HERE = join(import.meta.dir, "..");
const ROWS_PER_INSERT = 500;
/** Parents before children. */
const TABLES = [
  "Artist",
  "Album",
  "MediaType",
  "Genre",
  "Track",
  "Playlist",
  "PlaylistTrack",
  "Employee",
  "Customer",
  "Invoice",
  "InvoiceLine",
];
/** Without an identity column. */
const WITHOUT_SEQUENCE = ["PlaylistTrack"];

/** `MediaTypeId` becomes `media_type_id`. */
export function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}

/** A literal; an empty text means that the shop does not know, a time of day is never known. */
function literal(value: Value | undefined): string {
  if (value === null || value === undefined || value === "") return "null";
  if (typeof value === "number") return String(value);
  const text = value.replace(/^(\d{4}-\d{2}-\d{2})T00:00:00$/, "$1");
  return `'${text.replaceAll("'", "''")}'`;
}

function insertsOf(table: string, rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const head = `insert into public.${snakeCase(table)} (${columns.map(snakeCase).join(", ")}) values`;
  const statements: string[] = [];
  for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
    const tuples = rows
      .slice(at, at + ROWS_PER_INSERT)
      .map((row) => `(${columns.map((column) => literal(row[column])).join(",")})`);
    statements.push(`${head}\n${tuples.join(",\n")};\n`);
  }
  return statements.join("\n");
}

/** The next row made by hand gets the next number. */
function sequenceOf(table: string): string {
  const [name, id] = [snakeCase(table), snakeCase(`${table}Id`)];
  return `select setval(pg_get_serial_sequence('public.${name}', '${id}'), max(${id})) from public.${name};`;
}

export function loadSql(data: Readonly<Record<string, readonly Row[]>>): string {
  const header =
    "-- The shop's data. Written by scripts/make-migrations.ts from data/ChinookData.json; do not edit.\n";
  const inserts = TABLES.map((table) => insertsOf(table, data[table] ?? []));
  const sequences = TABLES.filter((table) => !WITHOUT_SEQUENCE.includes(table)).map(sequenceOf);
  const names = TABLES.map((table) => `public.${snakeCase(table)}`).join(", ");
  const end = `\n-- Plans need to know how many rows there are.\nanalyze ${names};`;
  return [header, ...inserts, sequences.join("\n"), end].join("\n").concat("\n");
}

if (import.meta.main) {
  const data = await Bun.file(join(HERE, "data/ChinookData.json")).json();
  const bytes = await Bun.write(join(HERE, "migrations/0002_load.sql"), loadSql(data));
  console.log(`migrations/0002_load.sql: ${bytes} bytes`);
}
