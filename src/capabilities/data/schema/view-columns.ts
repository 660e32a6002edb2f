/**
 * What views show of the tables under them, through other views too, and in how many ways: a column
 * may stand in a view twice, and then the view has each key that it belongs to twice.
 */
import type { ViewRuleRow } from "./catalog-rows.ts";
import { type ColumnOrigin, readOrigins } from "./view-origins.ts";

/** One way in which a view shows a list of columns of a relation. */
export interface Showing {
  readonly view: number;
  /** The view's names, parallel to the columns asked for. */
  readonly columns: readonly string[];
}

/** A view that shows many columns many times has no more ways than this. */
const MAX_WAYS = 64;

export class ViewColumns {
  /** `relation:column` to views and the names under which they show it. */
  readonly #shown = new Map<string, Map<number, string[]>>();
  readonly #names: ReadonlyMap<number, ReadonlyMap<number, string>>;

  /** @param names column names of exposed relations by oid and attribute number. */
  constructor(
    rules: readonly ViewRuleRow[],
    names: ReadonlyMap<number, ReadonlyMap<number, string>>,
  ) {
    this.#names = names;
    const direct = new Map(rules.map((rule) => [rule.view_oid, readOrigins(rule.action)]));
    for (const view of direct.keys()) {
      if (!names.has(view)) continue;
      for (const origin of direct.get(view) ?? []) this.#follow(view, origin, direct, new Set());
    }
  }

  /** Views that show all of `columns`; a relation without views has none. */
  showing(relation: number, columns: readonly number[]): Showing[] {
    const first = this.#shown.get(`${relation}:${columns[0]}`);
    if (!first) return [];
    return [...first.keys()].flatMap((view) => {
      const lists = columns.map((c) => this.#shown.get(`${relation}:${c}`)?.get(view) ?? []);
      return product(lists).map((names) => ({ view, columns: names }));
    });
  }

  /** Names under which `view` shows a column first, or null: a key needs all of its columns. */
  firstShowing(relation: number, columns: readonly number[], view: number): string[] | null {
    const names = columns.map((c) => this.#shown.get(`${relation}:${c}`)?.get(view)?.[0]);
    return names.every((name) => name !== undefined) ? names : null;
  }

  #follow(
    view: number,
    origin: ColumnOrigin,
    direct: ReadonlyMap<number, readonly ColumnOrigin[]>,
    passed: Set<number>,
  ): void {
    const { column, relation, relationColumn } = origin;
    const name = this.#names.get(view)?.get(column);
    if (name === undefined || passed.has(relation)) return;
    const key = `${relation}:${relationColumn}`;
    const views = this.#shown.get(key) ?? new Map<number, string[]>();
    this.#shown.set(key, views);
    const known = views.get(view);
    if (!known) views.set(view, [name]);
    else if (!known.includes(name)) known.push(name);
    for (const below of direct.get(relation) ?? []) {
      if (below.column !== relationColumn) continue;
      this.#follow(view, { ...below, column }, direct, new Set([...passed, relation]));
    }
  }
}

/** Every choice of one name from each list, the first lists changing slowest. */
function product(lists: readonly (readonly string[])[]): string[][] {
  let ways: string[][] = [[]];
  for (const list of lists) {
    ways = ways.flatMap((way) => list.map((name) => [...way, name])).slice(0, MAX_WAYS);
  }
  return ways;
}
