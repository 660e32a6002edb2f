/**
 * The only place where text becomes SQL: identifiers, the keys of JSON paths, and type names.
 * Everything else that a client sends is a bound parameter.
 */
import { errors } from "../errors.ts";

/** `"name"`. NUL would end the statement on the wire, so it is refused. */
export function quoteIdent(name: string): string {
  if (name.includes("\0"))
    throw errors.PGRST100("failed to parse a name", 1, 'unexpected "\\u0000"');
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteTable(table: { readonly schema: string; readonly name: string }): string {
  return `${quoteIdent(table.schema)}.${quoteIdent(table.name)}`;
}

/**
 * A text constant, for what is structure and must be constant for the planner (JSON keys, which
 * expression indexes are matched by). Valid whatever `standard_conforming_strings` says.
 */
export function quoteLiteral(text: string): string {
  if (text.includes("\0"))
    throw errors.PGRST100("failed to parse a name", 1, 'unexpected "\\u0000"');
  const quoted = text.replaceAll("'", "''");
  return quoted.includes("\\") ? `E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}

/**
 * SQL's own names of types: they are grammar, so quoting would look for a user's type instead. Those
 * with a space are written out; `char` and `bit` mean one of them, as in SQL.
 */
const SQL_TYPES: Readonly<Record<string, string>> = {
  bigint: "int8",
  bit: "bit(1)",
  "bit varying": "varbit",
  boolean: "bool",
  char: "bpchar(1)",
  "char varying": "varchar",
  character: "bpchar(1)",
  "character varying": "varchar",
  dec: "numeric",
  decimal: "numeric",
  "double precision": "float8",
  float: "float8",
  int: "int4",
  integer: "int4",
  "national char": "bpchar(1)",
  "national char varying": "varchar",
  "national character": "bpchar(1)",
  "national character varying": "varchar",
  nchar: "bpchar(1)",
  "nchar varying": "varchar",
  real: "float4",
  smallint: "int2",
  "time with time zone": "timetz",
  "time without time zone": "time",
  "timestamp with time zone": "timestamptz",
  "timestamp without time zone": "timestamp",
};
/** `interval` cut to some of its fields. */
const INTERVAL = /^interval (year|month|day|hour|minute|second)( to (month|hour|minute|second))?$/;

/** A type in a cast. Folded to lower case as Postgres folds it, then quoted. */
export function quoteType(name: string): string {
  const folded = name.toLowerCase().replace(/\s+/g, " ").trim();
  const builtin = Object.hasOwn(SQL_TYPES, folded) ? SQL_TYPES[folded] : undefined;
  if (builtin !== undefined) return `pg_catalog.${builtin}`;
  return INTERVAL.test(folded) ? folded : quoteIdent(folded);
}
