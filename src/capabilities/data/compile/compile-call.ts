/**
 * A function call as one statement: a CTE `pgrst_source` that calls it once, and the answer selected
 * from what it returned, with the filters, order and embedding that a table's rows could have.
 */

import { embedScopes, scopeOf } from "../needed-scopes.ts";
import { isSingular, type Media } from "../negotiate-media.ts";
import type { Preferences } from "../parse/prefer.ts";
import type { Slot } from "../parse/tree.ts";
import { tablesOf } from "../plan/plan-read.ts";
import type { ReadNode, ReadPlan } from "../plan/read-plan.ts";
import type { DatabaseFunction, FunctionParameter } from "../schema/schema.ts";
import { outputNames } from "./compile-embed.ts";
import { compileCount } from "./compile-exists.ts";
import type { SelectContext } from "./compile-join.ts";
import { compileSelect } from "./compile-select.ts";
import { Binder, BODY_SLOT, type CompiledRequest } from "./compiled.ts";
import { quoteIdent, quoteTable } from "./quote.ts";
import { bodySql, explained, guard, NO_BODY, wrapResult } from "./wrap-result.ts";

/** Where the arguments are: each in a slot, members of a JSON body, or the body itself. */
export type Arguments =
  | { readonly from: "slots"; readonly slots: ReadonlyMap<string, Slot> }
  | { readonly from: "body"; readonly names: readonly string[]; readonly isArray: boolean }
  | { readonly from: "whole body" };

export interface CallOptions {
  readonly fn: DatabaseFunction;
  readonly args: Arguments;
  readonly media: Media;
  readonly count: Preferences["count"];
  readonly maxRows: number | null;
  /** Rows at most that may come back. */
  readonly maxAffected: Slot | null;
  readonly headOnly: boolean;
}

const SOURCE = "pgrst_source";
/** The column that holds the value of a function that returns no row. */
export const SCALAR = "pgrst_scalar";

export function compileCall(node: ReadPlan, options: CallOptions): CompiledRequest {
  const { maxRows, media } = options;
  const context: SelectContext = { binder: new Binder(), maxRows, aliases: 0 };
  const call = callSql(options, context.binder);
  const source = { from: SOURCE, qualifier: SOURCE };
  const rows = compileSelect(node, source, context);
  // Nothing tells how many rows a function will give, so planned counts are unknown.
  const isCounted = options.count === "exact" || options.count === "estimated";
  const total = isCounted
    ? `(select pg_catalog.count(*) from (${compileCount(node, source, context)}) as _counted)`
    : null;
  const body = guardedBody(node, options, context.binder);
  const sql = `with ${SOURCE} as (${call}) ${wrapResult({ rows, body, total, isEvaluated: true, mayChoose: true })}`;
  const embedded = node.embeds.flatMap((e) => tablesOf(e.node));
  return {
    sql: explained(sql, media.plan),
    slots: context.binder.slots,
    countPlan: null,
    unprotected: embedded.filter((t) => !t.isProtected),
    scopes: [scopeOf(options.fn, "call"), ...embedScopes(node)],
    warning: node.warning,
  };
}

function callSql({ fn, args }: CallOptions, binder: Binder): string {
  const name = quoteTable(fn);
  const from = args.from === "body" ? bodyArguments(fn, args, binder) : "";
  const call = `${name}(${argumentList(fn, args, binder)})`;
  return fn.returnsComposite
    ? `select pgrst_call.* from ${from}${call} as pgrst_call`
    : `select pgrst_call.${SCALAR} from ${from}lateral (select ${call} as ${SCALAR}) as pgrst_call`;
}

function chosen(fn: DatabaseFunction, names: readonly string[]): FunctionParameter[] {
  return fn.parameters.filter((p) => names.includes(p.name));
}

/** The body's members typed by the parameters, as a FROM item before the lateral call. */
function bodyArguments(
  fn: DatabaseFunction,
  { names, isArray }: Extract<Arguments, { from: "body" }>,
  binder: Binder,
): string {
  const typed = chosen(fn, names).map((p) => `${quoteIdent(p.name)} ${p.castType}`);
  if (typed.length === 0) return "";
  const body = `${binder.bind(BODY_SLOT)}::json`;
  const row = `_row(${typed.join(", ")})`;
  // Of several objects the first counts.
  return isArray
    ? `(select * from pg_catalog.json_to_recordset(${body}) as ${row} limit 1) as _args, `
    : `pg_catalog.json_to_record(${body}) as _args(${typed.join(", ")}), `;
}

function argumentList(fn: DatabaseFunction, args: Arguments, binder: Binder): string {
  if (args.from === "whole body") return wholeBody(fn, binder);
  const names = args.from === "body" ? args.names : [...args.slots.keys()];
  const items = chosen(fn, names).map((p) => {
    const slot = args.from === "slots" ? args.slots.get(p.name) : undefined;
    const value =
      slot === undefined ? `_args.${quoteIdent(p.name)}` : `${binder.bind(slot)}::${p.castType}`;
    return `${p.variadic ? "variadic " : ""}${quoteIdent(p.name)} => ${value}`;
  });
  return items.join(", ");
}

/** json, text, xml and bytea are sent as they came; the binary form of jsonb is another. */
function wholeBody({ parameters }: DatabaseFunction, binder: Binder): string {
  const type = parameters[0]?.type ?? "json";
  const body = binder.bind(BODY_SLOT);
  return type === "jsonb" ? `${body}::json::jsonb` : `${body}::${type}`;
}

/** Guards undo what they refuse; a plan has none. */
function guardedBody(node: ReadNode, options: CallOptions, binder: Binder): string {
  const { media, maxAffected, fn } = options;
  let body = fn.returnsVoid || options.headOnly ? NO_BODY : callBody(node, options);
  if (media.plan !== null) return body;
  const count = "pg_catalog.count(*)";
  if (maxAffected !== null) {
    body = guard("PGRST124", `${count} <= ${binder.bind(maxAffected)}::int8`, body);
  }
  return isSingular(media) ? guard("PGRST116", `${count} = 1`, body) : body;
}

function callBody(node: ReadNode, { fn, media }: CallOptions): string {
  const scalar = fn.returnsComposite ? null : SCALAR;
  // Of a composite type that is no table only Postgres knows the members.
  const isKnown = node.table.columns.size > 0 || node.fields.every((f) => f.kind !== "star");
  const columns = isKnown ? outputNames(node) : null;
  return bodySql({ media, csvColumns: columns, scalar, isOne: !fn.returnsSet });
}
