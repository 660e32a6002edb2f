/** Sees to it that the changes of a table are in the publication before somebody relies on them. */
import type { Sql } from "postgres";
import { ReactorError } from "../../../../core/errors.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { TenantDatabase } from "../../../../core/ports/database.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import { quoteTable } from "../../compile/quote.ts";
import type { Table } from "../../schema/schema.ts";
import { feedErrors } from "./errors.ts";
import { readTableFacts } from "./facts-store.ts";
import type { Gate } from "./gate.ts";
import { addStatement, publish, readWriters } from "./publication-store.ts";
import type { TableFacts } from "./table-facts.ts";

export interface PublishOptions {
  readonly database: TenantDatabase;
  readonly publication: string;
  /** False: only what somebody else has published can be followed. */
  readonly isAutomatic: boolean;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const SETTLED_MS = 8_000;
const POLL_MS = 20;

/**
 * Resolves when everything that is committed from now on will be told; null when the table has gone.
 * A table whose updates and deletes would begin to fail is never published. @throws feedErrors
 */
export async function publishTable(
  table: Table,
  options: PublishOptions,
): Promise<TableFacts | null> {
  const { database, publication, clock, signal } = options;
  const untilMs = clock.monotonic() + SETTLED_MS;
  for (;;) {
    const facts = await readTableFacts(database.system, table, publication);
    if (!facts) return null;
    checkIdentity(facts);
    if (facts.isPublished && facts.isSettled) return facts;
    if (!facts.isPublished) await addTable(table, facts, untilMs, options);
    else if (clock.monotonic() > untilMs) throw unsettled(table);
    else await clock.sleep(POLL_MS, signal);
  }
}

function checkIdentity({ withoutIdentity }: TableFacts): void {
  if (withoutIdentity === null) return;
  const statement = `alter table ${quoteTable(withoutIdentity)} replica identity full;`;
  throw feedErrors.realtime_identity_missing(nameOf(withoutIdentity), statement);
}

async function addTable(
  table: Table,
  { oid }: TableFacts,
  untilMs: number,
  options: PublishOptions,
): Promise<void> {
  const { database, publication, isAutomatic, gate, clock, log, signal } = options;
  const statement = `${addStatement(publication, table)};`;
  if (!isAutomatic) throw feedErrors.realtime_unpublished(nameOf(table), statement);
  const name = { schema: table.schema, name: table.name, oid };
  try {
    // One at a time: each keeps a connection of a small pool.
    const isMine = await gate.pass(() =>
      publish(database.system, publication, name, (connection) =>
        writersGone(table, oid, untilMs, connection, options),
      ),
    );
    if (isMine) log.info("realtime.table_published", { table: nameOf(table), publication });
    else await clock.sleep(POLL_MS, signal);
  } catch (error) {
    if (error instanceof ReactorError || signal.aborted) throw error;
    // Somebody who takes no lock was faster.
    const { code } = error as { code?: unknown };
    if (code === "42710") return;
    if (code === "55P03") {
      const why = `${nameOf(table)} is held by something else, as by a vacuum or a new index`;
      throw feedErrors.realtime_unavailable(why, error);
    }
    throw feedErrors.realtime_unpublished(nameOf(table), statement, error);
  }
}

async function writersGone(
  table: Table,
  oid: number,
  untilMs: number,
  connection: Sql,
  { clock, signal }: PublishOptions,
): Promise<void> {
  const before = new Set(await readWriters(connection, oid));
  while (before.size > 0) {
    if (clock.monotonic() > untilMs) throw unsettled(table);
    await clock.sleep(POLL_MS, signal);
    const now = new Set(await readWriters(connection, oid));
    for (const id of before) if (!now.has(id)) before.delete(id);
  }
}

function unsettled(table: Table) {
  return feedErrors.realtime_unavailable(
    `A transaction that wrote to ${nameOf(table)} before it was published is still open`,
  );
}

function nameOf({ schema, name }: Pick<Table, "schema" | "name">): string {
  return `${schema}.${name}`;
}
