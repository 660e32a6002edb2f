/**
 * Lays one query out as messages: all of one transaction, in one flush (protocol 3.0, "Extended
 * Query" and "Pipelining").
 *
 * The common one is implicit: settings, what runs before, the statement, what runs after, Sync. Where
 * it may be shared, the Sync comes after the last that shares it, and settings only where they differ.
 * Isolation and rollback need a block: `BEGIN` comes first, and what ends it follows the Sync, as a
 * simple query of its own. So the end is carried out whether or not the steps failed, no failed block
 * is left for the next job in the pipeline, and ROLLBACK is never sent where there is none, which
 * Postgres would log.
 */
import type { Isolation, SqlParam, UserQuery } from "../../core/ports/database.ts";
import { wireErrors } from "./errors.ts";
import type { Job } from "./job.ts";
import type { MessageWriter } from "./message-writer.ts";
import { settingsParams, settingsSql } from "./settings-statement.ts";
import { haveSameSettings } from "./shared-transaction.ts";
import type { Statement, StatementCache } from "./statement-cache.ts";
import type { StatementKinds } from "./statement-kinds.ts";

const ISOLATIONS: ReadonlySet<Isolation> = new Set([
  "read committed",
  "repeatable read",
  "serializable",
]);

const NONE: readonly string[] = [];

/**
 * @param before the job that it follows in a transaction that they share; null when it begins one
 * @throws `query_invalid`; what was written until then must be taken back
 */
export function writeJob(
  job: Job,
  writer: MessageWriter,
  statements: StatementCache,
  kinds: StatementKinds,
  before: Job | null = null,
): void {
  const { query } = job;
  if (job.isShared) {
    job.isLast = false;
    if (before === null) writeSettings(job, writer, statements.acquire(kinds.settings(query)));
    else if (!haveSameSettings(job, before)) {
      writeSettings(job, writer, statements.acquire(kinds.settingsAgain(query)));
    }
    writeMain(job, writer, statements.acquire(job.kind));
    return;
  }
  const begin = beginSql(query);
  if (begin !== null) {
    job.ending = query.rollback === true ? "ROLLBACK" : "COMMIT";
    writeStep(job, writer, statements.acquire(kinds.other(begin)), begin);
  }
  writeSettings(job, writer, statements.acquire(kinds.settings(query)));
  for (const sql of query.before ?? NONE) {
    // Not of a query's kind: that would have to be described, too.
    writeStep(job, writer, statements.acquire(kinds.other(`${query.role}\0${sql}`)), sql);
  }
  writeMain(job, writer, statements.acquire(job.kind));
  if (query.after) {
    const { sql, params } = query.after;
    // Requests shape it, as they shape the query itself: it counts as one.
    const statement = statements.acquire(kinds.query(query.role, sql));
    writeStep(job, writer, statement, sql, params);
    job.afterStep = job.steps.length - 1;
  }
  if (query.rollback === true) {
    // What would fail at COMMIT has to fail here, too (docs.postgrest.org, "Prefer: tx").
    const sql = "set constraints all immediate";
    writeStep(job, writer, statements.acquire(kinds.other(sql)), sql);
  }
  writer.sync();
  if (job.ending !== null) writer.simpleQuery(job.ending);
}

/** Null when the transaction may be implicit. */
function beginSql({ isolation, rollback }: UserQuery): string | null {
  if (isolation === undefined && rollback === undefined) return null;
  // It is SQL text, and the type may have been cast from a function's configuration.
  const level = isolation ?? "read committed";
  if (!ISOLATIONS.has(level)) throw wireErrors.query_invalid(`isolation level ${level}`);
  if (level === "read committed" && rollback !== true) return null;
  return `begin isolation level ${level}`;
}

function writeSettings(job: Job, writer: MessageWriter, settings: Statement): void {
  job.steps.push(settings);
  if (!settings.isReady) writer.parse(settings.name, settingsSql(job.query));
  writer.bind(settings.name, settingsParams(job.query, job.timeoutMs));
  writer.execute();
}

function writeMain(job: Job, writer: MessageWriter, statement: Statement): void {
  job.mainStep = job.steps.push(statement) - 1;
  job.columns = statement.columns;
  if (!statement.isReady) {
    writer.parse(statement.name, job.query.sql);
    writer.describeStatement(statement.name);
  }
  writer.bind(statement.name, job.query.params);
  writer.execute();
}

/** A statement whose columns nobody asks for. */
function writeStep(
  job: Job,
  writer: MessageWriter,
  statement: Statement,
  sql: string,
  params: readonly SqlParam[] = [],
): void {
  job.steps.push(statement);
  if (!statement.isReady) writer.parse(statement.name, sql);
  writer.bind(statement.name, params);
  writer.execute();
}
