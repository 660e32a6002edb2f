/**
 * POST, PATCH and DELETE as one statement each: a data-modifying CTE `pgrst_source`, and the answer
 * selected from what it returned. The body is one JSON parameter that Postgres takes apart, typed by
 * the table's own columns.
 */
import type { Media } from "../parse/media.ts";
import type { Preferences } from "../parse/prefer.ts";
import { tablesOf } from "../plan/plan-read.ts";
import type { ReadNode } from "../plan/read-plan.ts";
import type { Column, Table } from "../schema/schema.ts";
import { compileWhere } from "./compile-condition.ts";
import { csvColumns } from "./compile-read.ts";
import { compileSelect, type SelectContext } from "./compile-select.ts";
import { Binder, BODY_SLOT, type CompiledRequest } from "./compiled.ts";
import { quoteIdent, quoteTable } from "./quote.ts";
import { bodySql, guard, NO_BODY, ROWS, wrapResult } from "./wrap-result.ts";

export type WriteKind = "insert" | "update" | "delete";

/** What the request body holds, as far as the SQL depends on it. */
export interface BodyShape {
  readonly isArray: boolean;
  /** Columns to write, all known to the table. */
  readonly columns: readonly Column[];
  /** Nothing to write: `[]`, or `{}` in an update. */
  readonly isEmpty: boolean;
}

export interface WriteOptions {
  readonly kind: WriteKind;
  readonly body: BodyShape;
  readonly preferences: Preferences;
  readonly media: Media;
  /** Conflict target; empty = none known, so no upsert. */
  readonly conflict: readonly string[];
}

const SOURCE = "pgrst_source";

/** @param node the request's tree: its conditions choose the rows, its select shapes the answer. */
export function compileWrite(node: ReadNode, options: WriteOptions): CompiledRequest {
  const binder = new Binder();
  const returning = returningOf(node, options);
  const mutation = compileMutation(node, options, binder, returning);
  const answer: ReadNode = { ...node, where: [], limit: null, offset: null };
  const context: SelectContext = { binder, maxRows: null, aliases: 0 };
  const full = options.preferences.return === "representation";
  const rows = full
    ? compileSelect(answer, { from: SOURCE, qualifier: SOURCE }, context)
    : `select * from ${SOURCE}`;
  const sql = wrapResult({
    rows,
    body: bodyOf(node, options, full),
    location: locationOf(node.table, options),
    inserted: isMerge(options) ? "pg_catalog.current_setting('pgrst.inserted', true)" : null,
  });
  return {
    sql: `with ${SOURCE} as (${mutation}) ${sql}`,
    slots: binder.slots,
    countPlan: null,
    unprotected: (full ? tablesOf(node) : [node.table]).filter((t) => !t.isProtected),
  };
}

function bodyOf(node: ReadNode, options: WriteOptions, full: boolean): string {
  const { maxAffected } = options.preferences;
  const body = full ? bodySql(options.media, csvColumns(node), true) : NO_BODY;
  const mustBeOne = !full && options.media === "object";
  const counted = mustBeOne ? guard("PGRST116", "pg_catalog.count(*) = 1", "null", "json") : body;
  if (maxAffected === null || options.kind === "insert") return counted;
  const type = full && options.media === "csv" ? "text" : "json";
  return guard("PGRST124", `pg_catalog.count(*) <= ${maxAffected}`, counted, type);
}

function compileMutation(
  node: ReadNode,
  options: WriteOptions,
  binder: Binder,
  returning: string,
): string {
  const { table } = node;
  const name = quoteTable(table);
  const scope = { table, qualifier: name, embeds: new Map<string, string>() };
  switch (options.kind) {
    case "insert":
      return compileInsert(table, options, binder, returning);
    case "update": {
      // An update of nothing must not touch, lock or fire anything.
      if (options.body.isEmpty) return `select ${returning} from ${name} where false`;
      const set = options.body.columns
        .map(({ name: column }) => `${quoteIdent(column)} = _body.${quoteIdent(column)}`)
        .join(", ");
      const body = bodyRows(options, binder);
      const where = compileWhere(node.where, scope, binder);
      return `update ${name} set ${set} from (${body} limit 1) as _body${where} returning ${returning}`;
    }
    case "delete":
      return `delete from ${name}${compileWhere(node.where, scope, binder)} returning ${returning}`;
  }
}

function compileInsert(
  table: Table,
  options: WriteOptions,
  binder: Binder,
  returning: string,
): string {
  const name = quoteTable(table);
  if (options.body.columns.length === 0) {
    return options.body.isEmpty
      ? `select ${returning} from ${name} where false`
      : `insert into ${name} default values${conflictOf(options)} returning ${returning}`;
  }
  const columns = options.body.columns.map((c) => quoteIdent(c.name)).join(", ");
  const counted = isMerge(options) ? ` where ${countInserted(1)}` : "";
  const rows = `${bodyRows(options, binder)}${counted}`;
  return `insert into ${name} (${columns}) ${rows}${conflictOf(options)} returning ${returning}`;
}

/** Rows of the body as `select "a", "b" from …`. */
function bodyRows(options: WriteOptions, binder: Binder): string {
  const { columns, isArray } = options.body;
  const names = columns.map((c) => quoteIdent(c.name)).join(", ");
  const typed = columns.map((c) => `${quoteIdent(c.name)} ${c.type}`).join(", ");
  const body = binder.bind(BODY_SLOT);
  const defaults = columns.filter((c) => c.defaultSql !== null);
  if (options.preferences.missing !== "default" || defaults.length === 0) {
    const expand = isArray ? "json_to_recordset" : "json_to_record";
    return `select ${names} from pg_catalog.${expand}(${body}::json) as _row(${typed})`;
  }
  // The default of each missing key is laid under the object, evaluated anew for each row.
  const pairs = defaults.map((c) => `${quoteIdent(c.name)}`);
  const values = defaults.map((c) => `(${c.defaultSql}) as ${quoteIdent(c.name)}`);
  // The parameter is json, whose binary form is its text; jsonb's is not.
  const items = isArray
    ? `pg_catalog.jsonb_array_elements(${body}::json::jsonb)`
    : `(select ${body}::json::jsonb)`;
  const laid = `select pg_catalog.to_jsonb(_default) || _item.value as value from ${items} as _item(value) cross join lateral (select ${values.join(", ")} where _item.value is not null) as _default(${pairs.join(", ")})`;
  return `select ${names} from (${laid}) as _laid cross join lateral pg_catalog.jsonb_to_record(_laid.value) as _row(${typed})`;
}

function isMerge(options: WriteOptions): boolean {
  return (
    options.kind === "insert" &&
    options.preferences.resolution === "merge-duplicates" &&
    options.conflict.length > 0 &&
    options.body.columns.length > 0
  );
}

function conflictOf(options: WriteOptions): string {
  const { resolution } = options.preferences;
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
  if (node.fields.some((f) => f.kind === "star")) return `${table}.*`;
  // A function over the row may need any column of it.
  if (node.embeds.some((e) => e.relationship.kind === "computed")) return `${table}.*`;
  const names = new Set([
    ...node.fields.flatMap((f) => (f.kind === "star" ? [] : [f.field.name])),
    ...node.order.flatMap((t) => (t.relation === null ? [t.field.name] : [])),
    ...node.embeds.flatMap(({ relationship: r }) => (r.kind === "computed" ? [] : r.originColumns)),
  ]);
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
