/** The property: a random filter answers the rows that the model leaves. */
import fc from "fast-check";
import { openPlainDatabase, type PlainDatabase } from "../plain-database.ts";
import { type Column, columns, filtersOf, parameterOf, rowsOf } from "./filter-cases.ts";
import { type Condition, evaluate, type Row, type Tree } from "./filter-model.ts";

export interface FilterRun {
  readonly tables: number;
  readonly filtersPerTable: number;
  readonly seed: number;
  /** Told after each table how many filters were checked so far. */
  readonly onProgress?: (checked: number) => void;
}

/** @throws Error with the first difference, its seed and its request */
export async function checkFilters(run: FilterRun): Promise<number> {
  const database = await openPlainDatabase();
  await database.sql.unsafe("create schema api; grant usage on schema api to anon");
  const server = await database.serve({ db_schemas: ["api"], db_anon_role: "anon" });
  let checked = 0;
  try {
    for (let table = 0; table < run.tables; table++) {
      checked += await checkTable(database, server.url, `t${table}`, run, run.seed + table);
      run.onProgress?.(checked);
    }
  } finally {
    await server.stop();
    await database.close();
  }
  return checked;
}

async function checkTable(
  { sql }: PlainDatabase,
  url: string,
  name: string,
  run: FilterRun,
  seed: number,
): Promise<number> {
  const [shape = []] = fc.sample(columns, { numRuns: 1, seed });
  const [rows = []] = fc.sample(rowsOf(shape), { numRuns: 1, seed });
  const filters = fc.sample(filtersOf(shape), { numRuns: run.filtersPerTable, seed });
  await sql.unsafe(creation(name, shape));
  for (const [id, row] of rows.entries()) await sql.unsafe(...insertion(name, shape, id, row));
  await sql`notify pgrst, 'reload schema'`;
  await seen(`${url}/data/v1/${name}?limit=0`);
  for (const filter of filters) await checkFilter(`${url}/data/v1/${name}`, rows, filter, seed);
  await sql.unsafe(`drop table api.${name}`);
  return filters.length;
}

async function checkFilter(
  url: string,
  rows: readonly Row[],
  filter: readonly (Condition | Tree)[],
  seed: number,
): Promise<void> {
  const wanted = [...rows.entries()]
    .filter(([, row]) => filter.every((node) => evaluate(node, row) === true))
    .map(([id]) => id);
  const search = filter.map(parameterOf).join("&");
  const response = await fetch(`${url}?select=row_id&order=row_id&${search}`);
  const text = await response.text();
  const got = response.ok
    ? (JSON.parse(text) as { row_id: number }[]).map(({ row_id }) => row_id)
    : text;
  if (JSON.stringify(got) === JSON.stringify(wanted)) return;
  throw new Error(
    [
      `seed ${seed}: ${decodeURIComponent(search)}`,
      `answered ${JSON.stringify(got)}`,
      `the model leaves ${JSON.stringify(wanted)} of`,
      ...rows.map((row, id) => `${id} ${JSON.stringify(row)}`),
    ].join("\n"),
  );
}

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

function creation(name: string, shape: readonly Column[]): string {
  const list = shape.map((column) => `${identifier(column.name)} ${column.type}`);
  return `create table api.${name} (row_id int primary key, ${list.join(", ")});
    grant select on api.${name} to anon`;
}

function insertion(
  name: string,
  shape: readonly Column[],
  id: number,
  row: Row,
): [string, (string | null)[]] {
  const values = shape.map((column) => {
    const value = row[column.name] ?? null;
    return value === null ? null : column.text(value);
  });
  const marks = shape.map(({ type }, at) => `$${at + 2}::text::${type.split(" ")[0]}`);
  return [
    `insert into api.${name} values ($1::text::int, ${marks.join(", ")})`,
    [String(id), ...values],
  ];
}

/** The new table is known once the server has read the schema again. */
async function seen(url: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (response.ok) return;
    await Bun.sleep(5);
  }
  throw new Error(`the server never learned of ${url}`);
}
