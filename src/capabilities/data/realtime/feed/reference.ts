/**
 * As the owner: which version of each changed row is stored now, once every transaction of the batch
 * is over for everybody. Also fills in the values that an update left untouched out of line.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { Table } from "../../schema/schema.ts";
import type { Case } from "./case.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import { keyJson, referenceSql, rowJson } from "./row-sql.ts";
import { isOver, parseSnapshot } from "./snapshot.ts";
import type { TableFacts } from "./table-facts.ts";
import { type KeyQuery, keyQueries } from "./visible-rows.ts";

export interface ReferenceOptions {
  readonly table: Table;
  readonly facts: TableFacts;
  readonly queries: JudgeQueries;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const WAIT_FIRST_MS = 1;
const WAIT_MAX_MS = 100;
const WAIT_TELLING_MS = 10_000;

export async function readVersionsNow(
  cases: ReadonlySet<Case>,
  options: ReferenceOptions,
): Promise<void> {
  for (const query of keyQueries([...cases], options.facts.keyColumns)) {
    await readUntilOver(query, options);
  }
}

async function readUntilOver(query: KeyQuery, options: ReferenceOptions): Promise<void> {
  const { clock, log, signal } = options;
  const startedMs = clock.monotonic();
  for (let waitMs = WAIT_FIRST_MS; ; waitMs = Math.min(waitMs * 2, WAIT_MAX_MS)) {
    if (await readOnce(query, options)) return;
    const waitedMs = clock.monotonic() - startedMs;
    if (waitedMs > WAIT_TELLING_MS && waitMs === WAIT_MAX_MS) {
      log.warn("realtime.commit_pending", { waited_ms: Math.round(waitedMs) });
    }
    await clock.sleep(waitMs, signal);
  }
}

/** False when one of the transactions was not over yet. */
async function readOnce({ cases, count, params }: KeyQuery, options: ReferenceOptions) {
  const { table, facts, queries, log, signal } = options;
  const names = columnsOf(table, cases);
  const missing = names.filter((name) => cases.some((one) => one.row?.text(name) === undefined));
  const sql = referenceSql(table, facts.keyColumns, names, missing, count);
  const rows = cases.map((one) => {
    const row = one.row ? rowJson(table, one.change, one.row.values) : "{}";
    return `{"k":${JSON.stringify(keyJson(one.key(facts.keyColumns) ?? []))},"v":${row}}`;
  });
  const found = await queries.asOwner(sql, [`[${rows.join(",")}]`, ...params]).catch((error) => {
    signal.throwIfAborted();
    // Without it nothing is taken for the row of the change: policies are asked about that one.
    log.warn("realtime.reference_failed", { table: table.name, error });
    return null;
  });
  if (found === null) return true;
  const snapshot = parseSnapshot(found.find(([number]) => number === "0")?.[1] ?? "");
  if (!cases.every(({ change }) => change.xid === null || isOver(snapshot, change.xid))) {
    return false;
  }
  for (const [number, id, isSame, ...texts] of found) {
    const one = cases[Number(number) - 1];
    if (!one || id === null || id === undefined) continue;
    one.version = { id, isSame: isSame === "t" };
    for (const [at, name] of missing.entries()) one.row?.fill(name, texts[at] ?? null);
  }
  return true;
}

/** Those of the changes that the table still has. */
function columnsOf(table: Table, cases: readonly Case[]): string[] {
  const names = new Set(cases.flatMap(({ change }) => change.shape.columns.map((c) => c.name)));
  return [...names].filter((name) => table.columns.has(name));
}
