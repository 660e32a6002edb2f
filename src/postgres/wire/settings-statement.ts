/**
 * The first statement of every user query: the role's own settings, the role, and the local settings
 * in one select, which Postgres evaluates from left to right. Each call answers what it has set:
 * a kilobyte of claims and headers that would come back with every query, so they are counted instead,
 * by a function that looks at all of its arguments.
 */
import type { SqlParam, UserQuery } from "../../core/ports/database.ts";
import { wireErrors } from "./errors.ts";

/** A custom setting must be a dotted identifier; anything else has no place in SQL text. */
const SETTING_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*$/;

const READ_ONLY = "pg_catalog.set_config('transaction_read_only','on',true)";

/** A function takes at most 100 arguments (PostgreSQL, "Limits"). */
const CALLS_AT_ONCE = 100;

/** @throws query_invalid for a name that is none */
export function settingsSql(query: UserQuery): string {
  const calls: string[] = [];
  const set = (name: string) => {
    if (!SETTING_NAME.test(name)) throw wireErrors.query_invalid(`${name} is no setting's name`);
    calls.push(`pg_catalog.set_config('${name}',$${calls.length + 1},true)`);
  };
  for (const [name] of query.roleSettings ?? []) set(name);
  set("role");
  set("statement_timeout");
  for (const [name] of query.settings) set(name);
  if (query.readOnly === true) calls.push(READ_ONLY);
  const counts: string[] = [];
  while (calls.length > 0) {
    counts.push(`pg_catalog.num_nulls(${calls.splice(0, CALLS_AT_ONCE).join(",")})`);
  }
  return `select ${counts.join(",")}`;
}

/** `timeoutMs` 0 means none. */
export function settingsParams(query: UserQuery, timeoutMs: number): SqlParam[] {
  const params: SqlParam[] = [];
  for (const [, value] of query.roleSettings ?? []) params.push(value);
  params.push(query.role, String(Math.ceil(timeoutMs)));
  for (const [, value] of query.settings) params.push(value);
  return params;
}
