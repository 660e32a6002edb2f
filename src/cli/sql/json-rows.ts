/** Rows as JSON values: what JSON has a type for as that, everything else as PostgreSQL's text. */
import type { SqlColumn, SqlResult } from "../../core/sql-answer.ts";

/** Exact in JSON's numbers; larger ones stay texts. */
const NUMBERS = new Set(["smallint", "integer", "oid", "real", "double precision"]);

/** Columns of one name are told apart by a number. */
export function jsonRows({ columns, rows }: SqlResult): Record<string, unknown>[] {
  const names = distinct((columns ?? []).map(({ name }) => name));
  return rows.map((row) =>
    Object.fromEntries(
      row.map((value, i) => [names[i] ?? String(i), jsonValue(value, columns?.[i])]),
    ),
  );
}

function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
    taken.add(free);
    return free;
  });
}

function jsonValue(text: string | null, column: SqlColumn | undefined): unknown {
  if (text === null || !column) return text;
  if (column.type === "boolean") return text === "t";
  // NaN and Infinity are no JSON.
  if (NUMBERS.has(column.type)) return Number.isFinite(Number(text)) ? Number(text) : text;
  return column.type === "json" || column.type === "jsonb" ? JSON.parse(text) : text;
}
