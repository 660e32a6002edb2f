/**
 * POST, PUT, PATCH and DELETE as one statement each: a data-modifying CTE `pgrst_source`, and the
 * answer selected from what it returned.
 */

import { writeScopes } from "../needed-scopes.ts";
import { isSingular, type Media } from "../negotiate-media.ts";
import type { Preferences } from "../parse/prefer.ts";
import type { Slot } from "../parse/tree.ts";
import { columnsNeeded, tablesOf } from "../plan/plan-read.ts";
import type { ReadNode, ReadPlan } from "../plan/read-plan.ts";
import { mayChooseAnswer } from "../schema/observed-settings.ts";
import type { Table } from "../schema/schema.ts";
import { BODY, type BodyContext, type BodyShape, bodyItem } from "./compile-body.ts";
import { compileWhere } from "./compile-condition.ts";
import { outputNames } from "./compile-embed.ts";
import type { SelectContext } from "./compile-join.ts";
import { compileSelect } from "./compile-select.ts";
import { Binder, type CompiledRequest } from "./compiled.ts";
import { quoteIdent, quoteTable } from "./quote.ts";
import { bodySql, explained, guard, NO_BODY, ROWS, wrapResult } from "./wrap-result.ts";

/** `put`: the one row that the filters name is inserted or replaced. */
export type WriteKind = "insert" | "put" | "update" | "delete";

export interface WriteOptions {
  readonly kind: WriteKind;
  readonly body: BodyShape;
  readonly preferences: Preferences;
  readonly media: Media;
  /** Conflict target; empty = none known, so no upsert. */
  readonly conflict: readonly string[];
  /** Rows at most that may be touched. */
  readonly maxAffected: Slot | null;
  /** `Schema.representations`. */
  readonly representations: ReadonlyMap<string, string>;
  /** `Schema.observed`. */
  readonly observed: ReadonlySet<string>;
}

const SOURCE = "pgrst_source";

/** @param node the request's tree: its conditions choose the rows, its select shapes the answer. */
export function compileWrite(node: ReadPlan, options: WriteOptions): CompiledRequest {
  const binder = new Binder();
  const mutation = compileMutation(node, options, binder);
  const answer: ReadNode = { ...node, where: [], limit: null, offset: null };
  const context: SelectContext = { binder, maxRows: null, aliases: 0 };
  const full = options.preferences.return === "representation";
  const rows = full
    ? compileSelect(answer, { from: SOURCE, qualifier: SOURCE }, context)
    : `select * from ${SOURCE}`;
  const sql = wrapResult({
    rows,
    body: guardedBody(node, options, full, binder),
    location: locationOf(node.table, options),
    mayChoose: mayChooseAnswer(options.observed),
    inserted: counts(options) ? "pg_catalog.current_setting('pgrst.inserted', true)" : null,
  });
  return {
    sql: explained(`with ${SOURCE} as (${mutation}) ${sql}`, options.media.plan),
    slots: binder.slots,
    countPlan: null,
    unprotected: (full ? tablesOf(node) : [node.table]).filter((t) => !t.isProtected),
    scopes: writeScopes(node, options.kind, options.preferences),
    warning: node.warning,
  };
}

/** Guards undo what they refuse. A plan changes nothing, or only for its time, and has none. */
function guardedBody(
  node: ReadNode,
  { kind, media, maxAffected }: WriteOptions,
  full: boolean,
  binder: Binder,
): string {
  let body = full ? bodySql({ media, csvColumns: outputNames(node) }) : NO_BODY;
  if (media.plan !== null) return body;
  const count = "pg_catalog.count(*)";
  if (kind === "put") return guard("PGRST115", `${count} = 1`, body);
  if (maxAffected !== null && kind !== "insert") {
    body = guard("PGRST124", `${count} <= ${binder.bind(maxAffected)}::int8`, body);
  }
  return isSingular(media) ? guard("PGRST116", `${count} = 1`, body) : body;
}

function compileMutation(node: ReadNode, options: WriteOptions, binder: Binder): string {
  const { kind, body } = options;
  const { table } = node;
  const name = quoteTable(table);
  const returning = returningOf(node, options);
  if (kind === "insert" || kind === "put") return compileInsert(node, options, binder, returning);
  const where = () =>
    compileWhere(node.where, { qualifier: name, embeds: new Map<string, string>() }, binder);
  if (kind === "delete") return `delete from ${name}${where()} returning ${returning}`;
  // An update of nothing must not touch, lock or fire anything.
  if (body.columns.length === 0) return `select ${returning} from ${name} where false`;
  const set = body.columns
    .map(({ name: column }) => `${quoteIdent(column)} = ${BODY}.${quoteIdent(column)}`)
    .join(", ");
  const from = bodyItem(body, contextOf(options, binder), " limit 1");
  return `update ${name} set ${set} from ${from}${where()} returning ${returning}`;
}

function contextOf(
  { kind, preferences, representations }: WriteOptions,
  binder: Binder,
): BodyContext {
  const missing = kind === "put" ? null : preferences.missing;
  return { binder, missing, representations };
}

function compileInsert(
  node: ReadNode,
  options: WriteOptions,
  binder: Binder,
  returning: string,
): string {
  const { table } = node;
  const columns = options.body.columns.map((c) => quoteIdent(c.name));
  const into = `${quoteTable(table)}${columns.length === 0 ? "" : ` (${columns.join(", ")})`}`;
  const values = columns.map((c) => `${BODY}.${c}`).join(", ");
  const rows = `select ${values} from ${bodyItem(options.body, contextOf(options, binder))}`;
  const scope = { qualifier: BODY, embeds: new Map<string, string>() };
  const where = compileWhere(
    options.kind === "put" ? node.where : [],
    scope,
    binder,
    counts(options) ? [countInserted(1)] : [],
  );
  return `insert into ${into} ${rows}${where}${conflictOf(options)} returning ${returning}`;
}

/** Whether it must be known how many rows were new. */
function counts({ kind, preferences }: WriteOptions): boolean {
  return kind === "put" || (kind === "insert" && preferences.resolution === "merge-duplicates");
}

function conflictOf(options: WriteOptions): string {
  const resolution = options.kind === "put" ? "merge-duplicates" : options.preferences.resolution;
  if (resolution === null || options.conflict.length === 0) return "";
  const target = options.conflict.map(quoteIdent).join(", ");
  if (resolution === "ignore-duplicates" || options.body.columns.length === 0) {
    return ` on conflict (${target}) do nothing`;
  }
  const set = options.body.columns
    .map(({ name }) => `${quoteIdent(name)} = excluded.${quoteIdent(name)}`)
    .join(", ");
  return ` on conflict (${target}) do update set ${set} where ${countInserted(-1)}`;
}

/** Counts offered rows up and updated ones down in a local setting: what is left was inserted. */
function countInserted(step: 1 | -1): string {
  const now = "coalesce(nullif(pg_catalog.current_setting('pgrst.inserted', true), ''), '0')::int4";
  return `pg_catalog.set_config('pgrst.inserted', (${now} + ${step})::text, true) <> ''`;
}

/**
 * What the mutation returns. Minimal answers ask for no column, so that they need no SELECT
 * privilege; others ask for what the answer's select and joins need.
 */
function returningOf(node: ReadNode, options: WriteOptions): string {
  const kind = options.preferences.return;
  const table = quoteTable(node.table);
  if (kind === "headers-only" && options.kind === "insert" && node.table.primaryKey.length > 0) {
    return node.table.primaryKey.map((c) => `${table}.${quoteIdent(c)}`).join(", ");
  }
  if (kind !== "representation") return "1 as pgrst_row";
  const names = columnsNeeded(node);
  if (names === null) return `${table}.*`;
  if (names.size === 0) return "1 as pgrst_row";
  return [...names].map((c) => `${table}.${quoteIdent(c)}`).join(", ");
}

/** The new row's key, when there is exactly one. */
function locationOf(table: Table, options: WriteOptions): string | null {
  if (options.kind !== "insert" || options.preferences.return !== "headers-only") return null;
  if (table.primaryKey.length === 0) return null;
  const values = table.primaryKey.map((c) => `${ROWS}.${quoteIdent(c)}::text`).join(", ");
  return `case when pg_catalog.count(*) = 1 then pg_catalog.json_agg(pg_catalog.json_build_array(${values}))->0 end`;
}
