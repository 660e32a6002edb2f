/**
 * Runs the queries of judging: users' on the pool that requests use, so many at a time that requests
 * are not crowded out, and again when the database is away for a while.
 */
import { ReactorError } from "../../../../core/errors.ts";
import type { Principal } from "../../../../core/ports/auth.ts";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { SqlParam, TenantDatabase, UserQuery } from "../../../../core/ports/database.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import { PgError } from "../../../../postgres/wire/pg-error.ts";
import { Gate } from "./gate.ts";
import { askAsOwner, type TextRows } from "./judge-store.ts";

/** Under way at once on the users' pool. */
const CONCURRENT_MAX = 16;
const RETRY_FIRST_MS = 20;
const RETRY_MAX_MS = 1_000;

/** For whom a query runs, and in which exposed schema. */
export interface Caller {
  readonly principal: Principal;
  readonly schema: string;
}

export interface JudgeQueriesOptions {
  database(): TenantDatabase;
  /** Role, settings and limits of a query of this caller, as the data API sets them. */
  transactionOf(caller: Caller): Omit<UserQuery, "sql" | "params" | "readOnly">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export class JudgeQueries {
  readonly #options: JudgeQueriesOptions;
  readonly #gate = new Gate(CONCURRENT_MAX);

  constructor(options: JudgeQueriesOptions) {
    this.#options = options;
  }

  /** Rows as texts. @throws PgError for what will not pass; the signal's reason. */
  asCaller(caller: Caller, sql: string, params: readonly SqlParam[]): Promise<TextRows> {
    const { database, transactionOf } = this.#options;
    return this.#gate.pass(() =>
      this.#again(async () => {
        const query = { ...transactionOf(caller), sql, params, readOnly: true };
        const { rows } = await database().user.query(query);
        return rows.map((row) => row.map((value) => value && decoder.decode(value)));
      }),
    );
  }

  asOwner(sql: string, params: readonly string[]): Promise<TextRows> {
    return this.#again(() => askAsOwner(this.#options.database().system, sql, params));
  }

  /** Whatever else is asked as the owner. */
  withOwner<T>(ask: (database: TenantDatabase) => Promise<T>): Promise<T> {
    return this.#again(() => ask(this.#options.database()));
  }

  async #again<T>(run: () => Promise<T>): Promise<T> {
    const { clock, log, signal } = this.#options;
    for (let waitMs = RETRY_FIRST_MS; ; waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)) {
      signal.throwIfAborted();
      try {
        return await run();
      } catch (error) {
        if (!mayPass(error)) throw error;
        if (waitMs >= RETRY_MAX_MS) log.warn("realtime.judging_waits", { error });
      }
      await clock.sleep(waitMs, signal);
    }
  }
}

const decoder = new TextDecoder();

/** Connection, resources, deadlock, restart: the same query may succeed in a while. */
export function mayPass(error: unknown): boolean {
  if (error instanceof ReactorError) return error.status === 503;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return false;
  if (error instanceof PgError || /^[0-9A-Z]{5}$/.test(code)) return PASSING.test(code);
  // Of postgres.js and of sockets.
  return code.startsWith("CONNECT") || /^E[A-Z]+$/.test(code);
}

const PASSING = /^(?:08|53|40|57P0)/;
