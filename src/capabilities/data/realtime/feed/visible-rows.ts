/**
 * Which rows an identity sees now, by key: Postgres itself decides, by the policies of the moment. A
 * row that was changed again since is another version of it, and proves nothing about the old one.
 */
import { arrayLiteral } from "../../parse/operation.ts";
import type { Table } from "../../schema/schema.ts";
import type { Case } from "./case.ts";
import type { Identity } from "./identities.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import { keyJson, visibleSql } from "./row-sql.ts";
import { type Selected, selectRows } from "./select-rows.ts";

/** Keys of several columns in one statement; the text of the statement grows with them. */
const COMPOSITE_MAX = 64;

export interface KeyQuery {
  readonly cases: readonly Case[];
  /** How many keys the statement takes. */
  readonly count: number;
  readonly params: readonly string[];
}

/** In pieces that one statement can take. Cases without a key are left out. */
export function keyQueries(cases: readonly Case[], keyColumns: readonly string[]): KeyQuery[] {
  const keyed = cases.filter((one) => one.key(keyColumns) !== null);
  if (keyed.length === 0) return [];
  if (keyColumns.length === 1) {
    const texts = new Set(keyed.flatMap((one) => one.key(keyColumns) ?? []));
    return [{ cases: keyed, count: 1, params: [arrayLiteral([...texts])] }];
  }
  const queries: KeyQuery[] = [];
  for (let at = 0; at < keyed.length; at += COMPOSITE_MAX) {
    const piece = keyed.slice(at, at + COMPOSITE_MAX);
    const keys = piece.map((one) => one.key(keyColumns) ?? []);
    // Few different statements: the last key fills up to a power of two.
    const count = 2 ** Math.ceil(Math.log2(keys.length));
    const filled = Array.from({ length: count }, (_, nth) => keys[Math.min(nth, keys.length - 1)]);
    queries.push({ cases: piece, count, params: filled.flatMap((key) => key ?? []) });
  }
  return queries;
}

export interface VisibleOptions {
  readonly table: Table;
  readonly keyColumns: readonly string[];
  /** The role may read the columns that tell versions apart. */
  readonly withVersion: boolean;
  readonly queries: JudgeQueries;
}

/** For each case that is in sight: the version that is, empty where the role may not know it. */
export async function visibleVersions(
  identity: Identity,
  cases: readonly Case[],
  options: VisibleOptions,
): Promise<Selected<Case>> {
  return await selectRows(cases, async (some) => {
    const versions = await readVersions(identity, some, options);
    return some.flatMap((one, at) => {
      const key = one.key(options.keyColumns);
      const version = key && versions.get(keyJson(key));
      return version === undefined || version === null ? [] : [[String(at + 1), version]];
    });
  });
}

async function readVersions(
  { principal }: Identity,
  cases: readonly Case[],
  { table, keyColumns, withVersion, queries }: VisibleOptions,
): Promise<Map<string, string>> {
  const versions = new Map<string, string>();
  for (const { count, params } of keyQueries(cases, keyColumns)) {
    const sql = visibleSql(table, keyColumns, withVersion, count);
    for (const [version, ...key] of await queries.asCaller(
      { principal, schema: table.schema },
      sql,
      params,
    )) {
      versions.set(keyJson(key.map((text) => text ?? "")), version ?? "");
    }
  }
  return versions;
}
