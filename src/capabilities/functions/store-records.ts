/** SQL of what functions did: log lines, invocations, and the sweep that bounds all of it. */
import type { Sql } from "postgres";
import type { TenantDatabase } from "../../core/ports/database.ts";
import type { FunctionLogLine } from "../../core/ports/function-runtime.ts";
import { INVOCATION_COLUMNS, type InvocationRows, type NewInvocation } from "./invocation-rows.ts";
import { isoTime } from "./iso-time.ts";

export interface NewLogLine {
  readonly name: string;
  readonly version: string;
  readonly request_id: string | null;
  readonly level: FunctionLogLine["level"];
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface StoredLogLine {
  /** Grows; the cursor of a log tail. */
  readonly id: string;
  readonly time: string;
  readonly level: FunctionLogLine["level"];
  readonly function: string;
  readonly version: string;
  readonly request_id: string | null;
  readonly message: string;
}

/**
 * Writes in the order given. The lock makes ids become visible in order, whatever the number of
 * servers, so that a reader who has seen an id has seen every smaller one.
 */
export async function insertLogLines(sql: Sql, lines: readonly NewLogLine[]): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended('functions.log_lines', 0))`;
    await tx`
      insert into functions.log_lines (name, version, request_id, level, message, at)
      select name, version, request_id, level, message, at
      from jsonb_to_recordset(${tx.json(lines as never)}) as line
        (name text, version text, request_id text, level text, message text, at timestamptz)`;
  });
}

/** Ids in one step of the sequence (migrations/functions/0003_cheaper_invocations.sql). */
export const INVOCATIONS_A_BATCH = 2_000;

const COPY = `copy functions.invocations (${INVOCATION_COLUMNS.join(", ")}) from stdin (format binary)`;

/** At most `INVOCATIONS_A_BATCH`. By COPY in binary: that costs the database half of what INSERT does. */
export async function insertInvocations(
  { system, copyIn }: Pick<TenantDatabase, "system" | "copyIn">,
  rows: InvocationRows,
): Promise<void> {
  const [{ first } = fail()] = await system<{ first: number }[]>`
    select nextval('functions.invocations_id_seq')::float8 as first`;
  await copyIn(COPY, rows.numbered(first));
}

function fail(): never {
  throw new Error("a sequence gave no value");
}

interface LogRow {
  id: string;
  at: Date;
  level: FunctionLogLine["level"];
  name: string;
  version: string;
  request_id: string | null;
  message: string;
}

const toLine = (row: LogRow): StoredLogLine => ({
  id: String(row.id),
  time: isoTime(row.at),
  level: row.level,
  function: row.name,
  version: row.version,
  request_id: row.request_id,
  message: row.message,
});

/** Which lines; null = all. */
export interface LogFilter {
  readonly levels: readonly FunctionLogLine["level"][] | null;
  readonly requestId: string | null;
}

const matching = (sql: Sql, { levels, requestId }: LogFilter) => sql`
  (${levels === null} or level = any(${[...(levels ?? [])]}::text[]))
  and (${requestId === null} or request_id = ${requestId ?? ""})`;

/** Lines after an id, oldest first. */
export async function readLogAfter(
  sql: Sql,
  name: string,
  afterId: string,
  limit: number,
  filter: LogFilter,
): Promise<StoredLogLine[]> {
  const rows = await sql<LogRow[]>`
    select id, at, level, name, version, request_id, message from functions.log_lines
    where name = ${name} and id > ${afterId} and ${matching(sql, filter)}
    order by id limit ${limit}`;
  return rows.map(toLine);
}

/** Of its newest line; "0" when there is none. */
export async function readNewestLogId(sql: Sql, name: string): Promise<string> {
  const [row] = await sql<{ id: string }[]>`
    select id from functions.log_lines where name = ${name} order by id desc limit 1`;
  return row ? String(row.id) : "0";
}

/** The newest lines since a time, oldest first. */
export async function readLogSince(
  sql: Sql,
  name: string,
  since: string | null,
  limit: number,
  filter: LogFilter,
): Promise<StoredLogLine[]> {
  const rows = await sql<LogRow[]>`
    select id, at, level, name, version, request_id, message from functions.log_lines
    where name = ${name} and at >= coalesce(${since}::timestamptz, '-infinity')
      and ${matching(sql, filter)}
    order by id desc limit ${limit}`;
  return rows.map(toLine).reverse();
}

export interface StoredInvocation extends Omit<NewInvocation, "name" | "at"> {
  /** Grows; pages go by it. */
  readonly id: string;
  readonly time: string;
}

/** Which calls; null = all. */
export interface InvocationFilter {
  readonly beforeId: string | null;
  readonly failedOnly: boolean;
  readonly versionStart: string | null;
  readonly requestId: string | null;
}

type InvocationRow = Omit<StoredInvocation, "id" | "time"> & { id: string; at: Date };

/** Newest first. */
export async function readInvocations(
  sql: Sql,
  name: string,
  limit: number,
  { beforeId, failedOnly, versionStart, requestId }: InvocationFilter,
): Promise<StoredInvocation[]> {
  const rows = await sql<InvocationRow[]>`
    select id, at, version, shared, request_id, method, status, duration_ms, cold,
      bytes_in::float8 as bytes_in, bytes_out::float8 as bytes_out,
      peak_memory_bytes::float8 as peak_memory_bytes, error_code
    from functions.invocations
    where name = ${name}
      and (${beforeId}::bigint is null or id < ${beforeId}::bigint)
      and (${!failedOnly} or status >= 500 or error_code is not null)
      and starts_with(version, ${versionStart ?? ""})
      and (${requestId}::text is null or request_id = ${requestId}::text)
    order by id desc limit ${limit}`;
  return rows.map(({ id, at, ...row }) => ({ id: String(id), time: isoTime(at), ...row }));
}

/** The bounds are found first, one for each function: a plan may join otherwise, and find them anew for each row. */
async function keepNewest(
  sql: Sql,
  records: "log_lines" | "invocations",
  count: number,
): Promise<void> {
  const table = sql(`functions.${records}`);
  await sql`
    with bound as materialized (
      select name, (
        select id from ${table} where name = f.name order by id desc offset ${count} limit 1) as id
      from functions.functions f)
    delete from ${table} record using bound where record.name = bound.name and record.id <= bound.id`;
}

export interface Keep {
  readonly logLines: number;
  readonly invocations: number;
  readonly versions: number;
}

/** Drops what is beyond the bounds, function by function, then code that no version names. */
export async function trimRecords(sql: Sql, keep: Keep): Promise<void> {
  await keepNewest(sql, "log_lines", keep.logLines);
  await keepNewest(sql, "invocations", keep.invocations);
  // Lines that were still on their way when their function was removed.
  await sql`
    delete from functions.log_lines l
    where not exists (select from functions.functions f where f.name = l.name)`;
  await sql`
    delete from functions.invocations i
    where not exists (select from functions.functions f where f.name = i.name)`;
  await sql`
    delete from functions.versions v using (
      select name, version, row_number() over (partition by name order by created_at desc) as rank
      from functions.versions) old, functions.functions f
    where v.name = old.name and v.version = old.version and f.name = v.name
      and old.rank > ${keep.versions} and v.version <> f.active_version
      and v.version is distinct from f.share_version`;
  // A deploy inserts code before the version that names it, in one transaction: an hour is plenty.
  await sql`
    delete from functions.code c
    where c.created_at < now() - interval '1 hour'
      and not exists (select from functions.versions v where v.code_sha256 = c.sha256)`;
}
