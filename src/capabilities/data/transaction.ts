/**
 * The transaction a request runs in (docs.postgrest.org, "Transactions"): role, settings of the
 * role, the request and the function, isolation, timeout, what runs before, and how it ends.
 */
import type { Isolation, UserQuery } from "../../core/ports/database.ts";
import { endsInRollback } from "./read-preferences.ts";
import { type Asking, requestSettings } from "./request-settings.ts";
import type { DataRoom } from "./room.ts";
import type { Prepared } from "./run-request.ts";
import { ALL_OBSERVED } from "./schema/observed-settings.ts";
import type { DatabaseFunction, RoleFacts, Schema, Setting } from "./schema/schema.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The query without its statement; most have only a role and settings. */
export type Transaction = Mutable<Omit<UserQuery, "sql" | "params" | "readOnly">>;

export function transactionOf(
  room: DataRoom,
  incoming: Asking,
  schema: Schema,
  { preferences, fn }: Pick<Prepared, "preferences" | "fn">,
): Transaction {
  const { role } = incoming.principal;
  const observed = fn ? ALL_OBSERVED : schema.observed;
  const settings = requestSettings(room, incoming, preferences, observed);
  const transaction: Transaction = { role, settings };
  // A function that is called may do anything that its body says.
  if (fn === undefined && schema.sharesTransactions) transaction.sharesTransaction = true;
  const facts = schema.roles.get(role);
  if (facts && facts.settings.length > 0) applyRole(transaction, settings, facts);
  const ofFunction = fn && fn.settings.length > 0 ? hoistedOf(room, fn) : NO_SETTINGS;
  for (const setting of ofFunction) if (setting[0] !== TIMEOUT) settings.push(setting);
  const timeoutMs = timeoutOf(room, incoming, schema, ofFunction);
  if (timeoutMs !== null) transaction.timeoutMs = timeoutMs;
  const isolation = isolationOf(room, facts, fn);
  if (isolation !== null) transaction.isolation = isolation;
  if (room.before.length > 0) transaction.before = room.before;
  if (endsInRollback(room, preferences)) transaction.rollback = true;
  return transaction;
}

const TIMEOUT = "statement_timeout";
const ISOLATION = "default_transaction_isolation";
const NO_SETTINGS: readonly Setting[] = [];
/** Names that need quotes cannot be set by `set_config` (PostgreSQL, "Customized Options"). */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/** The timeout has its own place, so that the pool knows it, too. */
function applyRole(transaction: Transaction, settings: Setting[], facts: RoleFacts): void {
  const ofRole = facts.settings.filter(([name]) => name !== TIMEOUT && NAME.test(name));
  transaction.roleSettings = ofRole;
  // What a role looks for first is its own affair, and ours would come later.
  if (settingOf(ofRole, "search_path") === undefined) return;
  const ours = settings.findIndex(([name]) => name === "search_path");
  settings.splice(ours, 1);
}

function hoistedOf(room: DataRoom, { settings }: DatabaseFunction): readonly Setting[] {
  return settings.filter(([name]) => room.hoisted.has(name) && NAME.test(name));
}

/** The function's before the role's before the login's before ours; null = the pool's own. */
function timeoutOf(
  { config, isForeign, databases }: DataRoom,
  { principal: { role }, context: { tenant } }: Asking,
  { roles }: Schema,
  ofFunction: readonly Setting[],
): number | null {
  const own =
    settingOf(ofFunction, TIMEOUT) ??
    settingOf(roles.get(role)?.settings, TIMEOUT) ??
    settingOf(roles.get(databases.for(tenant).login)?.settings, TIMEOUT);
  const ms = own === undefined ? null : durationMs(own);
  if (ms !== null) return ms;
  // Anybody may be nobody: what they can cost is bounded more tightly.
  return !isForeign && role === config.db_anon_role ? config.anon_statement_timeout_ms : null;
}

function settingOf(settings: readonly Setting[] | undefined, name: string): string | undefined {
  if (settings === undefined || settings.length === 0) return undefined;
  return settings.findLast(([known]) => known === name)?.[1];
}

const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  "": 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A duration as PostgreSQL writes it ("Setting Parameters / Numeric with Unit"); null for another text. */
export function durationMs(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d*)?|\.\d+)\s*(us|ms|s|min|h|d|)\s*$/.exec(text);
  const unit = UNIT_MS[match?.[2] ?? ""];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : null;
}

/** The function's level, where it is hoisted, before the role's; null = the common one. */
function isolationOf(
  room: DataRoom,
  facts: RoleFacts | undefined,
  fn: DatabaseFunction | undefined,
): Isolation | null {
  const ofFunction = fn && room.hoisted.has(ISOLATION) ? fn.isolation : null;
  const level = ofFunction ?? facts?.isolation ?? null;
  return level === "repeatable read" || level === "serializable" ? level : null;
}
