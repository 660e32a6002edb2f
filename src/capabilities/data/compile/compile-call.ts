/**
 * A function call as one statement: a CTE `pgrst_source` that calls it, and the answer selected from
 * what it returned, with the filters, order and embedding that a table's rows could have.
 */
import type { Media } from "../parse/media.ts";
import type { Preferences } from "../parse/prefer.ts";
import type { Slot } from "../parse/tree.ts";
import { tablesOf } from "../plan/plan-read.ts";
import type { ReadNode } from "../plan/read-plan.ts";
import type { DatabaseFunction, FunctionParameter } from "../schema/schema.ts";
import { csvColumns } from "./compile-read.ts";
import { compileSelect, type SelectContext } from "./compile-select.ts";
import { Binder, BODY_SLOT, type CompiledRequest } from "./compiled.ts";
import { quoteIdent, quoteTable } from "./quote.ts";
import { bodySql, NO_BODY, ROWS, wrapResult } from "./wrap-result.ts";

/** Where the arguments are: each in a slot (GET), members of the body, or the body itself. */
export type Arguments =
  | { readonly from: "slots"; readonly slots: ReadonlyMap<string, Slot> }
  | { readonly from: "body"; readonly names: readonly string[] }
  | { readonly from: "whole body" };

export interface CallOptions {
  readonly fn: DatabaseFunction;
  readonly args: Arguments;
  readonly media: Media;
  readonly count: Preferences["count"];
  readonly maxRows: number | null;
  readonly headOnly: boolean;
}

const SOURCE = "pgrst_source";
const SCALAR = "pgrst_scalar";

export function compileCall(node: ReadNode, options: CallOptions): CompiledRequest {
  const { fn, maxRows } = options;
  const context: SelectContext = { binder: new Binder(), maxRows, aliases: 0 };
  const call = callSql(options, context.binder);
  const rows = fn.returnsComposite
    ? compileSelect(node, { from: SOURCE, qualifier: SOURCE }, context)
    : `select ${SOURCE}.${SCALAR} from ${SOURCE}`;
  const body = fn.returnsVoid || options.headOnly ? NO_BODY : callBody(node, options);
  const total = options.count === null ? null : `(select pg_catalog.count(*) from ${SOURCE})`;
  const embedded = node.embeds.flatMap((e) => tablesOf(e.node));
  return {
    sql: `with ${SOURCE} as (${call}) ${wrapResult({ rows, body, total })}`,
    slots: context.binder.slots,
    countPlan: null,
    unprotected: embedded.filter((t) => !t.isProtected),
  };
}

function callSql(options: CallOptions, binder: Binder): string {
  const { fn, args } = options;
  const name = quoteTable(fn);
  const from =
    args.from === "body" && args.names.length > 0 ? bodyArguments(fn, args.names, binder) : "";
  const call = `${name}(${argumentList(fn, args, binder)})`;
  return fn.returnsComposite
    ? `select pgrst_call.* from ${from}${call} as pgrst_call`
    : `select pgrst_call.${SCALAR} from ${from}lateral (select ${call} as ${SCALAR}) as pgrst_call`;
}

function chosen(fn: DatabaseFunction, names: readonly string[]): FunctionParameter[] {
  return fn.parameters.filter((p) => names.includes(p.name));
}

/** The body's members typed by the parameters, as a FROM item before the lateral call. */
function bodyArguments(fn: DatabaseFunction, names: readonly string[], binder: Binder): string {
  const typed = chosen(fn, names).map((p) => `${quoteIdent(p.name)} ${p.type}`);
  return `pg_catalog.json_to_record(${binder.bind(BODY_SLOT)}::json) as _args(${typed.join(", ")}), `;
}

function argumentList(fn: DatabaseFunction, args: Arguments, binder: Binder): string {
  if (args.from === "whole body") {
    return `${binder.bind(BODY_SLOT)}::json${fn.parameters[0]?.type === "jsonb" ? "::jsonb" : ""}`;
  }
  const names = args.from === "body" ? args.names : [...args.slots.keys()];
  const items = chosen(fn, names).map((p) => {
    const slot = args.from === "slots" ? args.slots.get(p.name) : undefined;
    const value =
      slot === undefined ? `_args.${quoteIdent(p.name)}` : `${binder.bind(slot)}::${p.type}`;
    return `${p.variadic ? "variadic " : ""}${quoteIdent(p.name)} => ${value}`;
  });
  return items.join(", ");
}

function callBody(node: ReadNode, { fn, media }: CallOptions): string {
  if (media === "csv")
    return bodySql("csv", fn.returnsComposite ? csvColumns(node) : [SCALAR], false);
  const value = fn.returnsComposite ? ROWS : `${ROWS}.${SCALAR}`;
  const isOne = media === "object" || !fn.returnsSet;
  const all = `pg_catalog.json_agg(${value})`;
  return isOne ? `coalesce(${all}->0, 'null')` : `coalesce(${all}, '[]')`;
}
