/** Conditions as SQL: fields with their JSON paths, operators, logic trees. */
import { errors } from "../errors.ts";
import type {
  CompareName,
  Condition,
  Field,
  Filter,
  FtsName,
  IsValue,
  Operation,
} from "../parse/tree.ts";
import type { Table } from "../schema/schema.ts";
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
  readonly table: Table;
  /** SQL that qualifies a column, without the dot. */
  readonly qualifier: string;
  /** Embedded resources at this level: key to the SQL of their JSON. */
  readonly embeds: ReadonlyMap<string, string>;
}

/** ` where …`, or nothing. `extra` are conditions that are SQL already (joins). */
export function compileWhere(
  conditions: readonly Condition[],
  scope: Scope,
  binder: Binder,
  extra: readonly string[] = [],
): string {
  const all = [...extra, ...conditions.map((c) => compileCondition(c, scope, binder))];
  return all.length === 0 ? "" : ` where ${all.join(" and ")}`;
}

function compileCondition(condition: Condition, scope: Scope, binder: Binder): string {
  if (condition.kind === "filter") return compileFilter(condition, scope, binder);
  const parts = condition.children.map((c) => compileCondition(c, scope, binder));
  return `${condition.negated ? "not " : ""}(${parts.join(` ${condition.op} `)})`;
}

function compileFilter(filter: Filter, scope: Scope, binder: Binder): string {
  const { field, operation, negated } = filter;
  const embed = field.path.length === 0 ? scope.embeds.get(field.name) : undefined;
  if (embed !== undefined && !scope.table.columns.has(field.name)) {
    return compileEmbedFilter(field.name, embed, operation, negated);
  }
  const sql = compileOperation(compileField(field, scope), field, operation, scope, binder);
  return negated ? `not (${sql})` : sql;
}

/** `client=is.null`, `client=not.is.null`: whether anything was embedded. */
function compileEmbedFilter(
  name: string,
  json: string,
  operation: Operation,
  negated: boolean,
): string {
  if (operation.kind !== "is") throw errors.PGRST120(name);
  if (operation.value !== "null" && operation.value !== "not_null") throw errors.PGRST120(name);
  return `${json} ${(operation.value === "null") === negated ? "is not null" : "is null"}`;
}

function compileOperation(
  left: string,
  field: Field,
  operation: Operation,
  scope: Scope,
  binder: Binder,
): string {
  switch (operation.kind) {
    case "compare": {
      const value = binder.bind(operation.slot);
      const right = operation.quantifier === null ? value : `${operation.quantifier} (${value})`;
      return `${left} ${COMPARE_SQL[operation.op]} ${right}`;
    }
    case "in":
      return `${left} = any (${binder.bind(operation.slot)})`;
    case "is":
      return `${left} ${IS_SQL[operation.value]}`;
    case "fts": {
      const language =
        operation.language === null
          ? ""
          : `${quoteLiteral(operation.language)}::pg_catalog.regconfig, `;
      const vector = isText(field, scope.table)
        ? `pg_catalog.to_tsvector(${language}${left})`
        : left;
      const query = `pg_catalog.${FTS_SQL[operation.op]}(${language}${binder.bind(operation.slot)})`;
      return `${vector} @@ ${query}`;
    }
  }
}

/** Whether full-text search must make a vector of the field first. */
function isText(field: Field, table: Table): boolean {
  const last = field.path.at(-1);
  if (last) return true;
  const type = table.columns.get(field.name)?.baseType;
  return type !== undefined && type !== "tsvector";
}

/** A column, or a path into it. Only what is not JSON already is turned into it. */
export function compileField(field: Field, scope: Scope): string {
  const column = `${scope.qualifier}.${quoteIdent(field.name)}`;
  if (field.path.length === 0) return column;
  const type = scope.table.columns.get(field.name)?.baseType;
  const root = type === "jsonb" || type === "json" ? column : `pg_catalog.to_jsonb(${column})`;
  const steps = field.path.map(
    (s) => s.arrow + (s.isIndex ? indexSql(s.key) : quoteLiteral(s.key)),
  );
  return `(${root}${steps.join("")})`;
}

/** Digits only: checked by the scanner, and again here because it stands unquoted. */
function indexSql(digits: string): string {
  return `(${BigInt(digits)})`;
}
