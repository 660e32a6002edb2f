/**
 * Which of some rows a statement selects, by their numbers. A row that makes the statement fail is
 * found by asking for each alone, so that it takes nobody else's answer with it.
 */
import { PgError } from "../../../../postgres/wire/pg-error.ts";
import type { TextRows } from "./judge-store.ts";

export interface Selected<T> {
  /** The rows it gave, by the item. */
  readonly rows: ReadonlyMap<T, readonly (string | null)[]>;
  readonly failed: ReadonlyMap<T, PgError>;
}

/** A statement that took too long would take as long for each. */
const TIMED_OUT = "57014";

/** @param ask gives rows whose first column is the number of an item, from 1. @throws what is no PgError */
export async function selectRows<T>(
  items: readonly T[],
  ask: (items: readonly T[]) => Promise<TextRows>,
): Promise<Selected<T>> {
  if (items.length === 0) return { rows: new Map(), failed: new Map() };
  try {
    return { rows: byItem(items, await ask(items)), failed: new Map() };
  } catch (error) {
    if (!(error instanceof PgError)) throw error;
    if (items.length === 1 || error.code === TIMED_OUT) {
      return { rows: new Map(), failed: new Map(items.map((item) => [item, error])) };
    }
  }
  const alone = await Promise.all(items.map((item) => selectRows([item], ask)));
  return {
    rows: new Map(alone.flatMap(({ rows }) => [...rows])),
    failed: new Map(alone.flatMap(({ failed }) => [...failed])),
  };
}

function byItem<T>(items: readonly T[], rows: TextRows): Map<T, readonly (string | null)[]> {
  const found = new Map<T, readonly (string | null)[]>();
  for (const row of rows) {
    const item = items[Number(row[0]) - 1];
    if (item !== undefined) found.set(item, row);
  }
  return found;
}
