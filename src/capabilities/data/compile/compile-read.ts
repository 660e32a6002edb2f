/** A GET or HEAD of a table as one statement. */

import { readScopes } from "../needed-scopes.ts";
import type { Media } from "../negotiate-media.ts";
import type { Preferences } from "../parse/prefer.ts";
import { tablesOf } from "../plan/plan-read.ts";
import type { ReadNode, ReadPlan } from "../plan/read-plan.ts";
import { mayChooseAnswer } from "../schema/observed-settings.ts";
import { outputNames } from "./compile-embed.ts";
import { compileCount } from "./compile-exists.ts";
import type { SelectContext } from "./compile-join.ts";
import { compileSelect, isNamedByKey, tableSource } from "./compile-select.ts";
import { Binder, type CompiledRequest, type CompiledStatement } from "./compiled.ts";
import { bodySql, explained, NO_BODY, oneRowSql, wrapOne, wrapResult } from "./wrap-result.ts";

export interface ReadOptions {
  readonly media: Media;
  readonly count: Preferences["count"];
  readonly maxRows: number | null;
  /** HEAD: rows are counted, not rendered. */
  readonly headOnly: boolean;
  /** `Schema.observed`. */
  readonly observed: ReadonlySet<string>;
}

export function compileRead(node: ReadPlan, options: ReadOptions): CompiledRequest {
  const context: SelectContext = { binder: new Binder(), maxRows: options.maxRows, aliases: 0 };
  const source = tableSource(node);
  const rows = compileSelect(node, source, context);
  const { media } = options;
  const total = totalSql(node, context, options);
  const one = isSureOfOne(node, options) ? oneRowSql(media, rows) : null;
  const body = options.headOnly ? NO_BODY : bodySql({ media, csvColumns: outputNames(node) });
  const mayChoose = mayChooseAnswer(options.observed);
  const sql =
    one === null ? wrapResult({ rows, body, total, mayChoose }) : wrapOne(one, total, mayChoose);
  return {
    sql: explained(sql, media.plan),
    isOneRow: one !== null,
    slots: context.binder.slots,
    countPlan: countPlan(node, options),
    unprotected: tablesOf(node).filter((t) => !t.isProtected),
    scopes: readScopes(node),
    warning: node.warning,
  };
}

/**
 * At most one row, whatever tables are under it: a subquery fails on two. A plan is asked for as clients
 * know it, with PostgREST's aggregate.
 */
function isSureOfOne(node: ReadNode, { headOnly, media }: ReadOptions): boolean {
  if (headOnly || media.plan !== null || node.embeds.length > 0) return false;
  return isNamedByKey(node) && !node.table.hasHeirs;
}

/** `estimated` counts exactly up to one row more than `max_rows`, and leaves the rest to the plan. */
function totalSql(node: ReadNode, context: SelectContext, options: ReadOptions): string | null {
  if (options.count === null || options.count === "planned") return null;
  const counted = compileCount(node, tableSource(node), context);
  const bound =
    options.count === "estimated" && options.maxRows !== null
      ? ` limit ${options.maxRows + 1}`
      : "";
  return `(select pg_catalog.count(*) from (${counted}${bound}) as _counted)`;
}

function countPlan(node: ReadNode, options: ReadOptions): CompiledStatement | null {
  const isPlanned = options.count === "planned" || options.count === "estimated";
  if (!isPlanned || options.media.plan !== null) return null;
  const context: SelectContext = { binder: new Binder(), maxRows: options.maxRows, aliases: 0 };
  const counted = compileCount(node, tableSource(node), context);
  return { sql: `explain (format json) ${counted}`, slots: context.binder.slots };
}
