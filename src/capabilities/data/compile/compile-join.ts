/** How an embedded level is tied to the row above it. */
import type { EmbedNode } from "../plan/read-plan.ts";
import { type ForeignKeyRelationship, isView } from "../schema/schema.ts";
import type { Binder } from "./compiled.ts";
import { quoteIdent, quoteTable } from "./quote.ts";

/** Where a node's rows come from. */
export interface Source {
  /** FROM item. */
  readonly from: string;
  /** Qualifier of its columns. */
  readonly qualifier: string;
}

/** State of one compilation. */
export interface SelectContext {
  readonly binder: Binder;
  /** Rows at most per level, or null. */
  readonly maxRows: number | null;
  /** Numbers the aliases of joins, so that none repeats. */
  aliases: number;
}

/** The source of an embedded level and the conditions that tie it to the row above. */
export interface Join extends Source {
  readonly on: readonly string[];
}

/** @param depth of the embedded level, from 1: no level below or above it has its alias. */
export function joinOf(embed: EmbedNode, parent: string, depth: number): Join {
  const qualifier = rowsAlias(embed, depth);
  const { relationship: r } = embed;
  if (r.kind === "computed") {
    // The cast chooses among functions of one name when the row above is a CTE's.
    const row = `(${parent}.*)::${quoteTable(r.origin)}`;
    return { from: `${quoteTable(r.function)}(${row}) as ${qualifier}`, qualifier, on: [] };
  }
  const rows = `${quoteTable(r.target)} as ${qualifier}`;
  if (!r.junction)
    return {
      from: rows,
      qualifier,
      on: equal(qualifier, r.targetColumns, parent, r.originColumns),
    };
  return { qualifier, ...throughJunction(r, rows, qualifier, parent, depth) };
}

function throughJunction(
  { junction, originColumns, targetColumns }: ForeignKeyRelationship,
  rows: string,
  qualifier: string,
  parent: string,
  depth: number,
): Pick<Join, "from" | "on"> {
  if (!junction) return { from: rows, on: [] };
  const middle = quoteIdent(`junction_${depth}`);
  return {
    from: `${rows}, ${quoteTable(junction.table)} as ${middle}`,
    on: [
      ...equal(middle, junction.sourceColumns, parent, originColumns),
      ...equal(qualifier, targetColumns, middle, junction.targetColumns),
    ],
  };
}

/** `client_1`, as errors show it. Postgres cuts identifiers at 63 bytes, and the number must survive. */
function rowsAlias(embed: EmbedNode, depth: number): string {
  const { name } = embed.node.table;
  return quoteIdent(`${Buffer.byteLength(name) <= 50 ? name : "embedded"}_${depth}`);
}

function equal(
  left: string,
  leftColumns: readonly string[],
  right: string,
  rightColumns: readonly string[],
): string[] {
  return leftColumns.map(
    (column, i) => `${left}.${quoteIdent(column)} = ${right}.${quoteIdent(rightColumns[i] ?? "")}`,
  );
}

/** A key says that there is at most one row; a view or a function may still give several. */
export function isSureOfOne({ isToOne, relationship }: EmbedNode): boolean {
  return isToOne && relationship.kind === "foreign key" && !isView(relationship.target);
}
