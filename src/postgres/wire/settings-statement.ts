/**
 * The first statement of every user query: the role's own settings, the role, and the local settings
 * in one select, which Postgres evaluates from left to right.
 */
import type { SqlParam, UserQuery } from "../../core/ports/database.ts";
import { wireErrors } from "./errors.ts";

/** A custom setting must be a dotted identifier; anything else has no place in SQL text. */
const SETTING_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*$/;

/** @throws query_invalid for a name that is none */
export function settingsSql(query: UserQuery): string {
  const calls: string[] = [];
  const set = (name: string) => {
    if (!SETTING_NAME.test(name)) throw wireErrors.query_invalid(`${name} is no setting's name`);
    calls.push(`set_config('${name}',$${calls.length + 1},true)`);
  };
  for (const [name] of query.roleSettings ?? []) set(name);
  set("role");
  set("statement_timeout");
  for (const [name] of query.settings) set(name);
  if (query.readOnly === true) calls.push("set_config('transaction_read_only','on',true)");
  return `select ${calls.join(",")}`;
}

/** `timeoutMs` 0 means none. */
export function settingsParams(query: UserQuery, timeoutMs: number): SqlParam[] {
  const params: SqlParam[] = [];
  for (const [, value] of query.roleSettings ?? []) params.push(value);
  params.push(query.role, String(Math.ceil(timeoutMs)));
  for (const [, value] of query.settings) params.push(value);
  return params;
}
