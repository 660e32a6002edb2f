/**
 * Evaluates policies over rows, one by one, as the caller. The rows are those of the table whatever
 * its policies say: a temporary view of the owner's shows them, in a transaction that is undone.
 * Expressions run under the caller's role and settings, as in the caller's own query.
 */
import type { SqlParam, UserPool } from "../../../core/ports/database.ts";
import { PgError } from "../../../postgres/wire/pg-error.ts";
import { BODY, bodyItem } from "../compile/compile-body.ts";
import { compileWhere } from "../compile/compile-condition.ts";
import { Binder, BODY_SLOT } from "../compile/compiled.ts";
import { quoteIdent, quoteTable } from "../compile/quote.ts";
import type { Incoming } from "../incoming.ts";
import { NO_PREFERENCES } from "../parse/prefer.ts";
import type { PlannedCondition } from "../plan/read-plan.ts";
import type { DataRoom } from "../room.ts";
import { type Column, isView, type Schema, type Table } from "../schema/schema.ts";
import { transactionOf } from "../transaction.ts";
import { ROWS_MAX } from "./access.ts";
import type { Touched } from "./touched.ts";

export interface Examined {
  /** Rows there were. */
  readonly rows: number | null;
  /** Rows for which the expression holds. */
  readonly passing: number | null;
  readonly error: string | null;
}

const UNKNOWN: Examined = { rows: null, passing: null, error: null };

/** Which rows: those there are, or what the request would make of them. */
export type RowSource = "existing" | "proposed";

export interface Examiner {
  /** @param expression SQL over the table's columns, as the catalogue prints it; null counts alone. */
  examine(source: RowSource, expression: string | null): Promise<Examined>;
  /** How many of the rows that the filters choose the caller sees. */
  visible(): Promise<number | null>;
}

export interface ExaminerParts {
  readonly room: DataRoom;
  readonly incoming: Incoming;
  readonly schema: Schema;
  readonly touched: Touched;
  /** A pool of the owner's; null where there is none, and existing rows stay unknown. */
  readonly owner: { readonly pool: UserPool; readonly role: string } | null;
}

const ROWS_VIEW = "reactor_explained_rows";

export function createExaminer(parts: ExaminerParts): Examiner {
  return {
    examine: (source, expression) =>
      source === "proposed" && parts.touched.command !== "update"
        ? examineNewRows(parts, expression)
        : examineOldRows(parts, source, expression),
    visible: async () => (await countAs(parts, parts.incoming.principal.role)).rows,
  };
}

/** A statement and the slots of its parameters. */
interface Counting {
  readonly sql: string;
  readonly binder: Binder;
}

async function examineOldRows(
  parts: ExaminerParts,
  source: RowSource,
  expression: string | null,
): Promise<Examined> {
  const { owner, touched, incoming } = parts;
  if (isView(touched.table)) return expression === null ? await countBehindView(parts) : UNKNOWN;
  if (owner === null) return UNKNOWN;
  const binder = new Binder();
  const rows = source === "existing" ? existingRows(touched, binder) : changedRows(parts, binder);
  const role = quoteIdent(incoming.principal.role);
  const before = [
    `create temporary view ${ROWS_VIEW} as select * from ${quoteTable(touched.table)}`,
    `grant select on pg_temp.${ROWS_VIEW} to ${role}`,
    `set local role ${role}`,
  ];
  return await run(parts, owner.pool, owner.role, before, {
    sql: counted(rows, touched.table, expression),
    binder,
  });
}

/**
 * A view that runs as its caller does so within another view as well, so its rows are counted as a
 * role that row security does not bind.
 */
async function countBehindView(parts: ExaminerParts): Promise<Examined> {
  const unbound = [...parts.schema.roles].filter(([, { bypassRls }]) => bypassRls);
  const [role] = unbound.map(([name]) => name).sort((a) => (a === "service_role" ? -1 : 1));
  if (role === undefined) return UNKNOWN;
  return await countAs(parts, role);
}

async function examineNewRows(parts: ExaminerParts, expression: string | null): Promise<Examined> {
  const { room, incoming, touched } = parts;
  if (touched.body === null) return UNKNOWN;
  const binder = new Binder();
  const { user } = room.databases.for(incoming.context.tenant);
  const sql = counted(insertedRows(parts, binder), touched.table, expression);
  return await run(parts, user, incoming.principal.role, [], { sql, binder });
}

/** How many rows the filters choose for a role. */
async function countAs(parts: ExaminerParts, role: string): Promise<Examined> {
  const { room, incoming, touched } = parts;
  const { table } = touched;
  const binder = new Binder();
  const where = filters(touched, quoteTable(table), binder);
  const sql = `select pg_catalog.count(*), null from (select 1 from ${quoteTable(table)}${where} limit ${ROWS_MAX}) as _seen`;
  const { user } = room.databases.for(incoming.context.tenant);
  return await run(parts, user, role, [], { sql, binder });
}

/** What fails to be evaluated is a finding, not a failure. */
async function run(
  { room, incoming, schema, touched }: ExaminerParts,
  pool: UserPool,
  role: string,
  before: readonly string[],
  { sql, binder }: Counting,
): Promise<Examined> {
  const transaction = transactionOf(room, incoming, schema, { preferences: NO_PREFERENCES });
  try {
    const { rows } = await pool.query({
      ...transaction,
      role,
      before: [...(transaction.before ?? []), ...before],
      sql,
      params: binder.slots.map((slot) => paramOf(touched, slot)),
      rollback: true,
    });
    const [count, passing] = (rows[0] ?? []).map((bytes) =>
      bytes === null ? null : Number(new TextDecoder().decode(bytes)),
    );
    return { rows: count ?? null, passing: passing ?? null, error: null };
  } catch (error) {
    if (!(error instanceof PgError)) throw error;
    return { rows: null, passing: null, error: error.message };
  }
}

function paramOf({ values, body }: Touched, slot: number): SqlParam {
  return slot === BODY_SLOT ? (body?.bytes ?? null) : (values[slot] ?? null);
}

/** `rows` under the table's own name, by which policies call its columns. */
function counted(rows: string, table: Table, expression: string | null): string {
  const passing =
    expression === null ? "null" : `pg_catalog.count(*) filter (where (${expression}))`;
  return `select pg_catalog.count(*), ${passing} from (${rows} limit ${ROWS_MAX}) as ${quoteIdent(table.name)}`;
}

function existingRows(touched: Touched, binder: Binder): string {
  const alias = quoteIdent(touched.table.name);
  const where = filters(touched, alias, binder);
  return `select ${alias}.* from pg_temp.${ROWS_VIEW} as ${alias}${where}`;
}

/** The filters of the table's own columns; what is embedded does not choose here. */
function filters({ node }: Touched, qualifier: string, binder: Binder): string {
  const own = node.where.flatMap(withoutPresence);
  return compileWhere(own, { qualifier, embeds: new Map() }, binder);
}

function withoutPresence(condition: PlannedCondition): PlannedCondition[] {
  if (condition.kind === "presence") return [];
  if (condition.kind === "filter") return [condition];
  const children = condition.children.flatMap(withoutPresence);
  // A tree that lost a part says something else: it chooses nothing any more.
  return children.length === condition.children.length ? [condition] : [];
}

function changedRows(parts: ExaminerParts, binder: Binder): string {
  const { touched, schema } = parts;
  const { table, body } = touched;
  if (body === null || body.shape.columns.length === 0) return existingRows(touched, binder);
  const alias = quoteIdent(table.name);
  const written = new Set(body.shape.columns.map(({ name }) => name));
  const columns = [...table.columns.keys()].map((name) => {
    const column = quoteIdent(name);
    return `${written.has(name) ? BODY : alias}.${column} as ${column}`;
  });
  const { representations } = schema;
  const item = bodyItem(body.shape, { binder, missing: null, representations }, " limit 1");
  const where = filters(touched, alias, binder);
  return `select ${columns.join(", ")} from pg_temp.${ROWS_VIEW} as ${alias} cross join ${item}${where}`;
}

function insertedRows({ touched, schema }: ExaminerParts, binder: Binder): string {
  const { table, body } = touched;
  if (body === null) return "select";
  const written = new Set(body.shape.columns.map(({ name }) => name));
  const columns = [...table.columns.values()].map((column) => {
    const name = quoteIdent(column.name);
    return `${written.has(column.name) ? `${BODY}.${name}` : unwritten(column)} as ${name}`;
  });
  const { representations } = schema;
  const item = bodyItem(body.shape, { binder, missing: null, representations });
  return `select ${columns.join(", ")} from ${item}`;
}

/** Its default, but a number of a sequence: that would be drawn for good. */
function unwritten({ defaultSql, type }: Column): string {
  const isDrawn = defaultSql === null || /\bnextval\(/.test(defaultSql);
  return isDrawn ? `null::${type}` : `(${defaultSql})::${type}`;
}
