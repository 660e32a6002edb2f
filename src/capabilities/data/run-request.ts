/**
 * Runs a request against the schema at hand: prepare (parse, plan, compile or find the SQL), check
 * exposure, query. When Postgres no longer knows what the cache believes in, the schema is read
 * again and the request, whose transaction left no trace, runs once more.
 */
import { ReactorError } from "../../core/errors.ts";
import type { SqlParam, UserResult } from "../../core/ports/database.ts";
import { PgError } from "../../postgres/wire/pg-error.ts";
import { BODY_SLOT, type CompiledRequest, type CompiledStatement } from "./compile/compiled.ts";
import { errors } from "./errors.ts";
import { checkExposure } from "./find-table.ts";
import type { Incoming } from "./incoming.ts";
import { requireScopes } from "./needed-scopes.ts";
import { NO_PREFERENCES, type Preferences } from "./parse/prefer.ts";
import type { Slot } from "./parse/tree.ts";
import type { DataRoom } from "./room.ts";
import type { DatabaseFunction, Schema } from "./schema/schema.ts";
import type { SchemaState } from "./schema/schema-cache.ts";
import { fromPgError, mayBeStale } from "./sqlstate.ts";
import { transactionOf } from "./transaction.ts";

/** A request made ready against one schema state. */
export interface Prepared {
  readonly compiled: CompiledRequest;
  readonly values: readonly string[];
  readonly body: Uint8Array | null;
  readonly readOnly: boolean;
  readonly preferences: Preferences;
  /** The function that is called: its settings may hold for the whole transaction. */
  readonly fn?: DatabaseFunction;
}

/** One row of bytes, as `compile/wrap-result.ts` lays it out. */
export type ResultRow = readonly (Uint8Array | null)[];

export interface Ran<P extends Prepared> {
  readonly prepared: P;
  /** The first of `rows`. */
  readonly row: ResultRow;
  /** More than one only for plans. */
  readonly rows: readonly ResultRow[];
}

export async function runRequest<P extends Prepared>(
  room: DataRoom,
  incoming: Incoming,
  prepare: (state: SchemaState) => P,
): Promise<Ran<P>> {
  const { tenant } = incoming.context;
  const state = room.stateOf(room.cache.peek(tenant) ?? (await room.cache.get(tenant)));
  try {
    return await attempt(room, incoming, state, prepare);
  } catch (error) {
    if (!(error instanceof PgError)) throw inOurWords(room, error);
    const fresh = mayBeStale(error) ? await room.cache.repair(tenant) : null;
    if (fresh === null) throw answerOf(room, incoming, error);
    return await retry(room, incoming, room.stateOf(fresh), prepare);
  }
}

async function retry<P extends Prepared>(
  room: DataRoom,
  incoming: Incoming,
  state: SchemaState,
  prepare: (state: SchemaState) => P,
): Promise<Ran<P>> {
  try {
    return await attempt(room, incoming, state, prepare);
  } catch (error) {
    throw error instanceof PgError ? answerOf(room, incoming, error) : inOurWords(room, error);
  }
}

/** @throws what preparing it throws, at once */
function attempt<P extends Prepared>(
  room: DataRoom,
  incoming: Incoming,
  state: SchemaState,
  prepare: (state: SchemaState) => P,
): Promise<Ran<P>> {
  const prepared = prepare(state);
  const { compiled } = prepared;
  requireScopes(incoming.principal, compiled.scopes);
  if (compiled.unprotected.length > 0) {
    checkExposure(room, state.schema, incoming, compiled.unprotected);
  }
  return query(room, incoming, state.schema, compiled, prepared).then(({ rows }) => {
    incoming.trace?.enter("response");
    return { prepared, row: rows[0] ?? [], rows };
  });
}

function query(
  room: DataRoom,
  incoming: Incoming,
  schema: Schema,
  statement: CompiledStatement,
  prepared: Omit<Prepared, "compiled">,
): Promise<UserResult> {
  const { sql, slots } = statement;
  const { values, body, readOnly } = prepared;
  incoming.trace?.enter("transaction");
  incoming.trace?.queries.push(sql);
  const transaction = transactionOf(room, incoming, schema, prepared);
  const params = slots.map((slot) => paramOf(slot, values, body));
  const { user } = room.databases.for(incoming.context.tenant);
  return user.query(Object.assign(transaction, { sql, params, readOnly }));
}

function paramOf(slot: Slot, values: readonly string[], body: Uint8Array | null): SqlParam {
  return slot === BODY_SLOT ? body : (values[slot] ?? null);
}

/** A reading of our own in the caller's name, in such a transaction as every request's. */
export async function runStatement(
  room: DataRoom,
  incoming: Incoming,
  schema: Schema,
  sql: string,
  params: readonly string[],
): Promise<UserResult> {
  const transaction = transactionOf(room, incoming, schema, { preferences: NO_PREFERENCES });
  const { user } = room.databases.for(incoming.context.tenant);
  incoming.trace?.enter("plan");
  incoming.trace?.enter("transaction");
  try {
    return await user.query({ ...transaction, sql, params, readOnly: true });
  } catch (error) {
    throw error instanceof PgError ? answerOf(room, incoming, error) : inOurWords(room, error);
  }
}

/** How many rows the planner expects, under the caller's rights. */
export async function plannedRows(
  room: DataRoom,
  incoming: Incoming,
  statement: CompiledStatement,
  values: readonly string[],
): Promise<number> {
  try {
    const { schema } = await room.cache.get(incoming.context.tenant);
    const read = { values, body: null, readOnly: true, preferences: NO_PREFERENCES };
    const result = await query(room, incoming, schema, statement, read);
    const text = new TextDecoder().decode(result.rows[0]?.[0] ?? undefined);
    const plans = JSON.parse(text) as { Plan?: { "Plan Rows"?: number } }[];
    return plans[0]?.Plan?.["Plan Rows"] ?? 0;
  } catch (error) {
    throw error instanceof PgError ? answerOf(room, incoming, error) : inOurWords(room, error);
  }
}

function answerOf(room: DataRoom, incoming: Incoming, error: PgError): Error {
  return fromPgError(error, incoming.principal.role === room.config.db_anon_role);
}

/** What the pool says of the way to the database, as PostgREST says it. */
function inOurWords(room: DataRoom, error: unknown): unknown {
  if (!(error instanceof ReactorError)) return error;
  switch (error.code) {
    case "database_unavailable":
      return errors.PGRST000(error.cause);
    case "connection_lost":
      return errors.PGRST001(error.cause);
    case "pool_saturated":
      room.poolTimedOut();
      return errors.PGRST003(error.cause);
    default:
      return error;
  }
}
