/**
 * The forms in which an embedded level enters the SELECT above it. What only has to be shown is a
 * subquery in the SELECT list, which Postgres evaluates after ORDER BY and LIMIT, for the rows that
 * are answered. What the level above has to look into (its columns are spread, grouped or ordered by)
 * is a lateral join.
 */
import type { EmbedNode, ReadNode, SpreadColumn } from "../plan/read-plan.ts";
import { isSureOfOne } from "./compile-join.ts";
import { quoteIdent, quoteType } from "./quote.ts";

/** An item of a SELECT list. */
export interface SelectItemSql {
  readonly sql: string;
  readonly isAggregate: boolean;
}

export interface CompiledEmbed {
  /** ` left join lateral …`, or nothing when the value is a subquery. */
  readonly join: string;
  readonly items: readonly SelectItemSql[];
  /** SQL of whether anything is embedded; null = ask by EXISTS. */
  readonly present: string | null;
  /** Where its one row's columns are, when it is joined. */
  readonly columns: string | null;
}

/** What the level above does with an embedded one. */
export interface EmbedUse {
  readonly isFiltered: boolean;
  readonly isOrdered: boolean;
  /** It gives all of its rows, however many: one join is then cheaper than a subquery for each. */
  readonly isUnbounded: boolean;
  /** It aggregates: what is spread into it as well. */
  readonly isAggregated: boolean;
  /** It or a level above it groups by what is embedded: JSON must be comparable. */
  readonly isGrouped: boolean;
}

export function isJoined(embed: EmbedNode, use: EmbedUse): boolean {
  const { node, isToOne, inner, spread } = embed;
  if (spread !== null || use.isGrouped) return true;
  if (isToOne) return inner || use.isOrdered || use.isUnbounded || !isSureOfOne(embed);
  // EXISTS knows nothing of a page, nor of the one row that an aggregate makes of none.
  const isPlain = node.limit === null && node.offset === null && !node.isGrouped;
  return (inner || use.isFiltered) && !isPlain;
}

/** @param select SELECT of the embedded rows. */
export function asSubquery(embed: EmbedNode, select: string): CompiledEmbed {
  const value = embed.isToOne
    ? `(select pg_catalog.row_to_json(_row.*) from (${select}) as _row)`
    : `(select coalesce(pg_catalog.json_agg(_row.*), '[]') from (${select}) as _row)`;
  return { join: "", items: shown(embed, value), present: null, columns: null };
}

/** @param alias of the join, unique in the statement. */
export function asJoin(
  embed: EmbedNode,
  select: string,
  alias: string,
  use: EmbedUse,
): CompiledEmbed {
  const json = use.isGrouped ? "::jsonb" : "";
  if (embed.isToOne) {
    const row = `pg_catalog.row_to_json(${alias}.*)${json}`;
    return {
      join: lateral(embed, select, alias, "true"),
      items: embed.spread === null ? shown(embed, row) : spreadItems(embed, alias, "", use),
      present: `(${alias}.*) is distinct from null`,
      columns: alias,
    };
  }
  const rows = `select pg_catalog.count(*) as pgrst_rows${lists(embed)} from (${select}) as _row`;
  const present = `${alias}.pgrst_rows > 0`;
  const list = `coalesce(${alias}.pgrst_list, '[]')${json}`;
  return {
    join: lateral(embed, rows, alias, present),
    items: embed.spread === null ? shown(embed, list) : spreadItems(embed, alias, json, use),
    present,
    columns: null,
  };
}

function lateral({ inner }: EmbedNode, select: string, alias: string, present: string): string {
  return inner
    ? ` inner join lateral (${select}) as ${alias} on ${present}`
    : ` left join lateral (${select}) as ${alias} on true`;
}

/** A list of rows, or a list for each column that is spread; equal places belong together. */
function lists({ spread }: EmbedNode): string {
  if (spread === null) return ", pg_catalog.json_agg(_row.*) as pgrst_list";
  return spread
    .map(({ column }) => {
      const name = quoteIdent(column);
      return `, coalesce(pg_catalog.json_agg(_row.${name}), '[]') as ${name}`;
    })
    .join("");
}

function shown(embed: EmbedNode, value: string): SelectItemSql[] {
  if (embed.isHidden) return [];
  return [{ sql: `${value} as ${quoteIdent(embed.key)}`, isAggregate: false }];
}

/** @param cast of each column. */
function spreadItems(
  { spread }: EmbedNode,
  alias: string,
  cast: string,
  use: EmbedUse,
): SelectItemSql[] {
  return (spread ?? []).map((c) => {
    const column = `${alias}.${quoteIdent(c.column)}${cast}`;
    const isAggregate = use.isAggregated && c.aggregate !== null;
    const value = isAggregate ? aggregateSql(c, column) : column;
    return { sql: `${value} as ${quoteIdent(c.name)}`, isAggregate };
  });
}

/** `sum(x)`, cast to a type or not. */
export function aggregateSql(
  { aggregate, aggregateCast }: Pick<SpreadColumn, "aggregate" | "aggregateCast">,
  value: string,
): string {
  return aggregate === null ? value : castSql(`pg_catalog.${aggregate}(${value})`, aggregateCast);
}

export function castSql(sql: string, type: string | null): string {
  return type === null ? sql : `cast(${sql} as ${quoteType(type)})`;
}

/** Names of a level's columns in the answer, in order. */
export function outputNames(node: ReadNode): string[] {
  const own = node.fields.flatMap((f) =>
    f.kind === "star" ? [...node.table.columns.keys()] : [f.name],
  );
  return [...own, ...node.embeds.flatMap(embedNames)];
}

function embedNames({ key, spread, isHidden }: EmbedNode): string[] {
  if (spread !== null) return spread.map((c) => c.name);
  return isHidden ? [] : [key];
}
