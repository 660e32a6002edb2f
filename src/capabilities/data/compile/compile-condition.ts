/** Conditions as SQL: fields with their JSON paths, operators, logic trees. */
import type { CompareName, FtsName, IsValue, Operation, Slot } from "../parse/tree.ts";
import type { PlannedCondition, PlannedField, PlannedFilter } from "../plan/read-plan.ts";
import type { Binder } from "./compiled.ts";
import { quoteIdent, quoteLiteral } from "./quote.ts";

const COMPARE_SQL: Readonly<Record<CompareName, string>> = {
  eq: "=",
  neq: "<>",
  gt: ">",
  gte: ">=",
  lt: "<",
  lte: "<=",
  like: "like",
  ilike: "ilike",
  match: "~",
  imatch: "~*",
  isdistinct: "is distinct from",
  cs: "@>",
  cd: "<@",
  ov: "&&",
  sl: "<<",
  sr: ">>",
  nxr: "&<",
  nxl: "&>",
  adj: "-|-",
};
/** Their right side is a pattern or is meant as it stands, whatever the column's domain. */
const UNPARSED: ReadonlySet<CompareName> = new Set(["like", "ilike", "isdistinct"]);
const FTS_SQL: Readonly<Record<FtsName, string>> = {
  fts: "to_tsquery",
  plfts: "plainto_tsquery",
  phfts: "phraseto_tsquery",
  wfts: "websearch_to_tsquery",
};
const IS_SQL: Readonly<Record<IsValue, string>> = {
  null: "is null",
  not_null: "is not null",
  true: "is true",
  false: "is false",
  unknown: "is unknown",
};

/** The rows a condition speaks of. */
export interface Scope {
  /** SQL that qualifies a column, without the dot. */
  readonly qualifier: string;
  /** Embedded resources at this level: key to the SQL of whether anything is embedded. */
  readonly embeds: ReadonlyMap<string, string>;
}

/** ` where …`, or nothing. `extra` are conditions that are SQL already (joins). */
export function compileWhere(
  conditions: readonly PlannedCondition[],
  scope: Scope,
  binder: Binder,
  extra: readonly string[] = [],
): string {
  const all = [...extra, ...conditions.map((c) => compileCondition(c, scope, binder))];
  return all.length === 0 ? "" : ` where ${all.join(" and ")}`;
}

function compileCondition(condition: PlannedCondition, scope: Scope, binder: Binder): string {
  switch (condition.kind) {
    case "filter": {
      const sql = compileFilter(condition, scope, binder);
      return condition.negated ? `not (${sql})` : sql;
    }
    case "presence": {
      const { key, isNull } = condition;
      const present = scope.embeds.get(key);
      // Rows that are written know no embedding: then it can only be a column.
      if (present === undefined)
        return `${scope.qualifier}.${quoteIdent(key)} is ${isNull ? "" : "not "}null`;
      return isNull ? `not (${present})` : present;
    }
    case "logic": {
      const parts = condition.children.map((c) => compileCondition(c, scope, binder));
      return `${condition.negated ? "not " : ""}(${parts.join(` ${condition.op} `)})`;
    }
  }
}

function compileFilter(filter: PlannedFilter, scope: Scope, binder: Binder): string {
  const { operation, parser } = filter;
  const left = compileField(filter.field, scope);
  switch (operation.kind) {
    case "compare":
      return `${left} ${COMPARE_SQL[operation.op]} ${rightSide(operation, parser, binder)}`;
    case "in":
      return `${left} = any (${parsedList(operation.slot, parser, binder)})`;
    case "is":
      return `${left} ${IS_SQL[operation.value]}`;
    case "fts":
      return `${vectorOf(left, filter, operation.language)} @@ ${queryOf(operation, binder)}`;
  }
}

type Compare = Extract<Operation, { kind: "compare" }>;

function rightSide(
  { op, quantifier, slot }: Compare,
  parser: string | null,
  binder: Binder,
): string {
  const reader = UNPARSED.has(op) ? null : parser;
  if (quantifier !== null) return `${quantifier} (${parsedList(slot, reader, binder)})`;
  const value = binder.bind(slot);
  return reader === null ? value : `${reader}(${value}::text)`;
}

/** An array literal; where a domain has a reader, each of its elements read by it. */
function parsedList(slot: Slot, parser: string | null, binder: Binder): string {
  const value = binder.bind(slot);
  return parser === null
    ? value
    : `select ${parser}(_element) from pg_catalog.unnest(${value}::text[]) as _element`;
}

type Fts = Extract<Operation, { kind: "fts" }>;

function vectorOf(left: string, { toVector }: PlannedFilter, language: string | null): string {
  return toVector ? `pg_catalog.to_tsvector(${languageSql(language)}${left})` : left;
}

function queryOf({ op, language, slot }: Fts, binder: Binder): string {
  return `pg_catalog.${FTS_SQL[op]}(${languageSql(language)}${binder.bind(slot)})`;
}

function languageSql(language: string | null): string {
  return language === null ? "" : `${quoteLiteral(language)}::pg_catalog.regconfig, `;
}

/** A column, or a path into it. Only what is not JSON already is turned into it. */
export function compileField(
  { name, path, isJson }: PlannedField,
  { qualifier }: Pick<Scope, "qualifier">,
): string {
  const column = `${qualifier}.${quoteIdent(name)}`;
  if (path.length === 0) return column;
  const root = isJson ? column : `pg_catalog.to_jsonb(${column})`;
  const steps = path.map((s) => s.arrow + (s.isIndex ? indexSql(s.key) : quoteLiteral(s.key)));
  return `(${root}${steps.join("")})`;
}

/** Digits only: checked by the scanner, and again here because it stands unquoted. */
function indexSql(digits: string): string {
  return `(${BigInt(digits)})`;
}
