/**
 * `...client(name)`: columns of an embedded level as columns of the level above. Of a to-one level
 * its aggregates move up too, to the next level that shows a value of its own: the sum over many
 * rows is meant, not over the one row that is embedded (docs.postgrest.org, "Aggregate Functions").
 */
import type { EmbedNode, Output, SpreadColumn } from "./read-plan.ts";

/** What a to-one spread selects itself: the aggregate's argument instead of the aggregate. */
export function hoist(output: Output): Output {
  if (output.kind === "count") return { kind: "row", name: output.name };
  if (output.kind !== "field") return output;
  return { ...output, aggregate: null, aggregateCast: null };
}

/** @param outputs of the level, stars spelled out, before any aggregate moved. */
export function spreadColumns(
  outputs: readonly Output[],
  embeds: readonly EmbedNode[],
): SpreadColumn[] {
  return [...outputs.flatMap(ownColumn), ...embeds.flatMap(columnsBelow)];
}

function ownColumn(output: Output): SpreadColumn[] {
  switch (output.kind) {
    case "field": {
      const { name, aggregate, aggregateCast } = output;
      return [{ column: name, name, aggregate, aggregateCast }];
    }
    case "count": {
      const { name, cast } = output;
      return [{ column: name, name, aggregate: "count", aggregateCast: cast }];
    }
    case "star":
    case "row":
      return [];
  }
}

function columnsBelow({ key, spread, isHidden }: EmbedNode): SpreadColumn[] {
  if (spread !== null) return spread.map((c) => ({ ...c, column: c.name }));
  return isHidden ? [] : [{ column: key, name: key, aggregate: null, aggregateCast: null }];
}
