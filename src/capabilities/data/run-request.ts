/**
 * Runs a request against the schema at hand: prepare (parse, plan, compile or find the SQL), check
 * exposure, query. When Postgres no longer knows what the cache believes in, the schema is read
 * again and the request, whose transaction left no trace, runs once more.
 */
import { ReactorError } from "../../core/errors.ts";
import { admitted } from "../../core/permissions.ts";
import type { SqlParam, UserResult } from "../../core/ports/database.ts";
import { PgError } from "../../postgres/wire/pg-error.ts";
import { BODY_SLOT, type CompiledRequest, type CompiledStatement } from "./compile/compiled.ts";
import { errors } from "./errors.ts";
import { checkExposure } from "./find-table.ts";
import type { Incoming } from "./incoming.ts";
import { requireScopes } from "./needed-scopes.ts";
import { NO_PREFERENCES, type Preferences } from "./parse/prefer.ts";
import type { DataRoom } from "./room.ts";
import type { DatabaseFunction, Schema } from "./schema/schema.ts";
import type { LoadedSchema, SchemaState } from "./schema/schema-cache.ts";
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
  /** What `compiled.countPlan` tells; null without one. */
  readonly plannedRows: number | null;
}

/** What is done for a request, once or, where the cache was behind, twice. */
interface Run<P extends Prepared> {
  readonly room: DataRoom;
  readonly incoming: Incoming;
  readonly prepare: (state: SchemaState) => P;
  readonly answer: (ran: Ran<P>) => Response;
}

type OnFailure = (error: unknown, compiled: CompiledRequest) => Promise<Response>;

/**
 * Without an `async` of its own, like all between the route and the pool that a read passes: what each
 * costs is a good part of what the server does for one.
 * @param answer makes the answer of what ran; it is not tried again for what this throws
 */
export function runRequest<P extends Prepared>(
  room: DataRoom,
  incoming: Incoming,
  prepare: (state: SchemaState) => P,
  answer: (ran: Ran<P>) => Response,
): Promise<Response> {
  const run = { room, incoming, prepare, answer };
  const begin = (loaded: LoadedSchema) =>
    attempt(run, loaded, (error, compiled) => again(run, error, compiled));
  const { tenant } = incoming.context;
  const loaded = room.cache.peek(tenant);
  return loaded ? begin(loaded) : room.cache.get(tenant).then(begin);
}

/** With the schema as it is now. */
async function again<P extends Prepared>(
  run: Run<P>,
  error: unknown,
  { isOneRow }: CompiledRequest,
): Promise<Response> {
  const { room, incoming } = run;
  const { tenant } = incoming.context;
  const fresh = mayBeStale(error, isOneRow) ? await room.cache.repair(tenant) : null;
  if (fresh === null) throw told(room, incoming, error);
  return attempt(run, fresh, (last) => Promise.reject(told(room, incoming, last)));
}

/** @throws what preparing it throws, at once */
function attempt<P extends Prepared>(
  { room, incoming, prepare, answer }: Run<P>,
  loaded: LoadedSchema,
  onFailure: OnFailure,
): Promise<Response> {
  const state = room.stateOf(loaded);
  const prepared = prepare(state);
  const { compiled } = prepared;
  const admission = admitted(incoming.principal, (principal) => {
    requireScopes(principal, compiled.scopes);
    if (compiled.unprotected.length > 0) {
      checkExposure(room, state.schema, incoming, compiled.unprotected);
    }
  });
  const run = () => query(room, incoming, state.schema, prepared);
  const running = admission instanceof Promise ? admission.then(run) : run();
  return running.then(
    ({ rows, after }) => {
      incoming.trace?.enter("response");
      return answer({ prepared, row: rows[0] ?? [], rows, plannedRows: plannedRows(after[0]) });
    },
    (error: unknown) => onFailure(error, compiled),
  );
}

function query(
  room: DataRoom,
  incoming: Incoming,
  schema: Schema,
  prepared: Prepared,
): Promise<UserResult> {
  const { compiled, readOnly } = prepared;
  const { sql, countPlan } = compiled;
  incoming.trace?.enter("transaction");
  incoming.trace?.queries.push(sql);
  const transaction = transactionOf(room, incoming, schema, prepared);
  if (countPlan !== null) {
    incoming.trace?.queries.push(countPlan.sql);
    transaction.after = { sql: countPlan.sql, params: paramsOf(countPlan, prepared) };
  }
  const { user } = room.databases.for(incoming.context.tenant);
  const params = paramsOf(compiled, prepared);
  return user.query({ ...transaction, sql, params, readOnly });
}

function paramsOf({ slots }: CompiledStatement, { values, body }: Prepared): SqlParam[] {
  return slots.map((slot) => (slot === BODY_SLOT ? body : (values[slot] ?? null)));
}

/** The planner's word, from `explain (format json)`. */
function plannedRows(row: ResultRow | undefined): number | null {
  const text = row?.[0];
  if (!text) return null;
  const plans = JSON.parse(new TextDecoder().decode(text)) as { Plan?: { "Plan Rows"?: number } }[];
  return plans[0]?.Plan?.["Plan Rows"] ?? null;
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
    throw told(room, incoming, error);
  }
}

/** The failure as the caller is told of it. */
function told(room: DataRoom, incoming: Incoming, error: unknown): unknown {
  if (!(error instanceof PgError)) return inOurWords(room, error);
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
