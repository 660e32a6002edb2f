/**
 * Judges a batch of changes and hands them out, in their order. The only place where a change leaves
 * the feed, so the only one that has to be right about who may see it.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import type { DataRoom } from "../../room.ts";
import { tableKey } from "../../schema/schema.ts";
import type { LoadedSchema } from "../../schema/schema-cache.ts";
import type { Change } from "../change-feed.ts";
import { Case } from "./case.ts";
import type { FactsCache } from "./facts-cache.ts";
import type { JudgeQueries } from "./judge-queries.ts";
import { formatId } from "./position.ts";
import type { RawChange } from "./raw-change.ts";
import type { Subscription } from "./subscription.ts";
import { TableCourt } from "./table-court.ts";
import { type WriteOptions, writeChange } from "./write-change.ts";

export interface JudgeOptions {
  room(): DataRoom;
  schema(): Promise<LoadedSchema>;
  readonly queries: JudgeQueries;
  readonly facts: FactsCache;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** After so much, sockets get their turn: a burst must not look like a reader that does not read. */
const SLICE_BYTES = 32 * 1024;

export class Judge {
  readonly #options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** Rejects only with the signal's reason. @param candidatesOf who may want a change. */
  async handOut(
    incarnation: string,
    changes: readonly RawChange[],
    candidatesOf: (change: RawChange) => readonly Subscription[],
  ): Promise<void> {
    const cases = changes
      .map((change) => new Case(change, candidatesOf(change)))
      .filter((one) => one.candidates.length > 0);
    if (cases.length === 0) return;
    const state = await this.#options.schema();
    const byTable = Map.groupBy(cases, ({ change: { shape } }) =>
      tableKey(shape.schema, shape.table),
    );
    const courts = new Map<Case, TableCourt>();
    await Promise.all(
      [...byTable].map(async ([key, own]) => {
        const court = await this.#judgeTable(state, key, own);
        for (const one of own) if (court) courts.set(one, court);
      }),
    );
    let bytes = 0;
    for (const one of cases) {
      const court = courts.get(one);
      if (court) handOutOne(incarnation, one, court, this.#options.clock.now());
      bytes += one.change.sizeBytes;
      if (bytes < SLICE_BYTES) continue;
      bytes = 0;
      await turn();
    }
  }

  /** Null when the table is not served (any more). */
  async #judgeTable(
    state: LoadedSchema,
    key: string,
    cases: readonly Case[],
  ): Promise<TableCourt | null> {
    const { room, queries, facts, clock, log, signal } = this.#options;
    const { schema } = state;
    const table = schema.tables.get(key);
    const known = table && (await facts.get(table, schema.version));
    if (!table || !known) return null;
    const court = new TableCourt({
      ...{
        table,
        facts: known,
        requireRls: room().config.require_rls,
      },
      bypassesRls: (role) => schema.roles.get(role)?.bypassRls === true,
      ...{ queries, clock, log, signal },
    });
    try {
      await court.judge(cases);
    } catch (error) {
      signal.throwIfAborted();
      log.error("realtime.judging_failed", { table: table.name, error });
      for (const one of cases) one.fail(one.candidates, "the change could not be judged");
    }
    return court;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function handOutOne(incarnation: string, one: Case, court: TableCourt, nowMs: number): void {
  const id = formatId(incarnation, one.change.position);
  const { type, reason: gap } = one.change;
  const written = new Map<string, Change>();
  for (const candidate of one.candidates) {
    // Judging takes its time; a credential that has ended meanwhile counts no more.
    if (candidate.principal.expiresAt <= nowMs) continue;
    const reason = one.undecided.get(candidate) ?? one.failure;
    if (type === "GAP" || reason !== null) candidate.gap(reason ?? gap, id);
    else candidate.change(changeFor({ one, type, candidate, court, id }, written));
  }
}

/** The same for all of a role that want the same columns. */
function changeFor(options: WriteOptions, written: Map<string, Change>): Change {
  const { principal, interest } = options.candidate;
  const key = JSON.stringify([principal.role, interest.columns ?? null]);
  const known = written.get(key);
  if (known) return known;
  const change = writeChange(options);
  written.set(key, change);
  return change;
}
