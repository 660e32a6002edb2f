/**
 * Whether a level has rows, and how many the root has: the same conditions as the rows themselves,
 * without columns, order and bounds. Embedded levels that must not be empty are asked by EXISTS,
 * which can be planned as a semi-join.
 */
import type { EmbedNode, PlannedCondition, ReadNode } from "../plan/read-plan.ts";
import { compileWhere, type Scope } from "./compile-condition.ts";
import { joinOf, type SelectContext, type Source } from "./compile-join.ts";

/** `select 1 …` over the root's rows. */
export function compileCount(node: ReadNode, source: Source, context: SelectContext): string {
  return `select 1 from ${source.from}${conditionsOf(node, source, context, 0, [])}`;
}

/** @param depth of the level above. */
export function existsSql(
  embed: EmbedNode,
  parent: string,
  context: SelectContext,
  depth: number,
): string {
  const join = joinOf(embed, parent, depth + 1);
  const conditions = conditionsOf(embed.node, join, context, depth + 1, join.on);
  return `exists (select from ${join.from}${conditions})`;
}

function conditionsOf(
  node: ReadNode,
  source: Source,
  context: SelectContext,
  depth: number,
  on: readonly string[],
): string {
  const asked = keysIn(node.where);
  const exists = (embed: EmbedNode) => existsSql(embed, source.qualifier, context, depth);
  const inner = node.embeds.filter((e) => e.inner).map(exists);
  const embeds = new Map(
    node.embeds.filter((e) => asked.has(e.key)).map((e) => [e.key, exists(e)]),
  );
  const scope: Scope = { qualifier: source.qualifier, embeds };
  return compileWhere(node.where, scope, context.binder, [...on, ...inner]);
}

/** Embedded resources whose presence conditions speak of. */
export function keysIn(conditions: readonly PlannedCondition[]): Set<string> {
  const keys = new Set<string>();
  const visit = (list: readonly PlannedCondition[]) => {
    for (const c of list) {
      if (c.kind === "logic") visit(c.children);
      else if (c.kind === "presence") keys.add(c.key);
    }
  };
  visit(conditions);
  return keys;
}
