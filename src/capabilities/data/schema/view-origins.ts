/**
 * Which column of which relation each column of a view shows, read from the rule that makes the view:
 * a query tree in the text form of `pg_node_tree` (PostgreSQL, src/backend/nodes/outfuncs.c). Each
 * entry of the outermost target list says where its value comes from, through joins, subqueries
 * and CTEs alike; a view below is named as itself.
 */

export interface ColumnOrigin {
  /** Attribute number in the view. */
  readonly column: number;
  readonly relation: number;
  readonly relationColumn: number;
}

/** Lists and nodes around the outermost target list: `(`, `{QUERY`. */
const QUERY_DEPTH = 2;
/** And around the members of its entries: `(`, `{TARGETENTRY`. */
const ENTRY_DEPTH = 4;

/** @param action `pg_rewrite.ev_action` of a `_RETURN` rule. */
export function readOrigins(action: string): ColumnOrigin[] {
  const origins: ColumnOrigin[] = [];
  let depth = 0;
  let isListed = false;
  let column = 0;
  let relation = 0;
  for (const { 0: token, index } of action.matchAll(TOKENS)) {
    if (token === "(" || token === "{") depth += 1;
    else if (token === ")" || token === "}") depth -= 1;
    else if (depth === QUERY_DEPTH && token.startsWith(" :")) isListed = token === " :targetList ";
    else if (isListed && depth === ENTRY_DEPTH) {
      const value = Number.parseInt(
        action.slice(index + token.length, index + token.length + 12),
        10,
      );
      if (token === " :resno ") column = value;
      else if (token === " :resorigtbl ") relation = value;
      else if (token === " :resorigcol " && relation > 0 && value > 0)
        origins.push({ column, relation, relationColumn: value });
    }
  }
  return origins;
}

/** What can change the nesting, escaped characters (skipped), and the names that matter. */
const TOKENS =
  /\\.|[(){}]| :(?:targetList|override|onConflict|returningList|groupClause|resno|resorigtbl|resorigcol) /gs;
