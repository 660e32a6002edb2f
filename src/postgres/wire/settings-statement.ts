/**
 * The first statement of every user query: become the role and set the local settings in one
 * select. Postgres evaluates a select list from left to right, so the role comes first.
 */
import type { SqlParam, UserQuery } from "../../core/ports/database.ts";
import { wireErrors } from "./errors.ts";

/** A custom setting must be a dotted identifier; anything else has no place in SQL text. */
const SETTING_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*$/;

/** The list of names decides the statement; values are parameters. */
export function settingsKey(query: UserQuery): string {
  let key = query.readOnly === true ? "ro" : "rw";
  for (const [name] of query.settings) key += `,${name}`;
  return key;
}

export function settingsSql(query: UserQuery): string {
  const calls = ["set_config('role',$1,true)", "set_config('statement_timeout',$2,true)"];
  for (const [at, [name]] of query.settings.entries()) {
    if (!SETTING_NAME.test(name)) throw wireErrors.query_invalid(`${name} is no setting's name`);
    calls.push(`set_config('${name}',$${at + 3},true)`);
  }
  if (query.readOnly === true) calls.push("set_config('transaction_read_only','on',true)");
  return `select ${calls.join(",")}`;
}

/** `timeoutMs` 0 means none. */
export function settingsParams(query: UserQuery, timeoutMs: number): SqlParam[] {
  const params = [query.role, String(Math.ceil(timeoutMs))];
  for (const [, value] of query.settings) params.push(value);
  return params;
}
