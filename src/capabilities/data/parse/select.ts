/**
 * `select=`: columns with aliases, casts, JSON paths and aggregates, and embedded resources, nested.
 * Grammar: docs.postgrest.org, "Tables and Views / Vertical Filtering", "Aggregate Functions" and
 * "Resource Embedding".
 */
import { errors } from "../errors.ts";
import { Scanner } from "./scanner.ts";
import type { AggregateName, SelectEmbed, SelectField, SelectItem } from "./tree.ts";

const STAR: SelectItem = { kind: "star" };
const AGGREGATES: readonly AggregateName[] = ["sum", "avg", "count", "max", "min"];
const SPREAD = "...";
/** What may follow a column. */
const AFTER_FIELD = 'letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input';

/** @param maxDepth embedding levels allowed, >= 0; deeper is `embed_too_deep`. */
export function parseSelect(text: string, maxDepth: number): readonly SelectItem[] {
  const scanner = new Scanner(text, "select parameter");
  const items = parseItems(scanner, maxDepth, maxDepth);
  if (!scanner.done) scanner.fail(AFTER_FIELD);
  return items;
}

/** Names in `columns=` and `on_conflict=`. */
export function parseNames(text: string, what: string): readonly string[] {
  const scanner = new Scanner(text, what);
  const names: string[] = [];
  do {
    scanner.skipSpace();
    names.push(scanner.name());
    scanner.skipSpace();
  } while (scanner.take(","));
  if (!scanner.done) scanner.fail('"," or end of input');
  return [...new Set(names)];
}

function parseItems(scanner: Scanner, left: number, maxDepth: number): SelectItem[] {
  const items: SelectItem[] = [];
  if (scanner.done || scanner.startsWith(")")) return items;
  do {
    scanner.skipSpace();
    items.push(parseItem(scanner, left, maxDepth));
    scanner.skipSpace();
  } while (scanner.take(","));
  return items;
}

function parseItem(scanner: Scanner, left: number, maxDepth: number): SelectItem {
  if (scanner.take(SPREAD)) {
    const name = scanner.name();
    return parseEmbed(scanner, { name, alias: null, isSpread: true }, left, maxDepth);
  }
  if (scanner.take("*")) return STAR;
  let name = scanner.name();
  let alias: string | null = null;
  if (scanner.startsWith(":") && !scanner.startsWith("::")) {
    scanner.position += 1;
    alias = name;
    scanner.skipSpace();
    name = scanner.name();
  }
  if (name === "count" && scanner.take("()")) {
    return { kind: "count", alias, cast: scanner.cast() };
  }
  if (name !== "count" && (scanner.startsWith("!") || scanner.startsWith("("))) {
    return parseEmbed(scanner, { name, alias, isSpread: false }, left, maxDepth);
  }
  return parseField(scanner, name, alias);
}

function parseField(scanner: Scanner, name: string, alias: string | null): SelectField {
  const path = scanner.jsonPath();
  const field = { name, path };
  const cast = scanner.cast();
  const aggregate = parseAggregate(scanner);
  const aggregateCast = aggregate === null ? null : scanner.cast();
  return { kind: "field", field, alias, cast, aggregate, aggregateCast };
}

function parseAggregate(scanner: Scanner): AggregateName | null {
  const start = scanner.position;
  if (!scanner.take(".")) return null;
  const name = scanner.takeAny(AGGREGATES);
  if (name !== null && scanner.take("()")) return name;
  scanner.position = start;
  return scanner.fail('"::", ".", ")", "," or end of input');
}

function parseEmbed(
  scanner: Scanner,
  head: Pick<SelectEmbed, "name" | "alias" | "isSpread">,
  left: number,
  maxDepth: number,
): SelectEmbed {
  let hint: string | null = null;
  let join: SelectEmbed["join"] = null;
  while (scanner.take("!")) {
    const word = scanner.name();
    if (word === "inner" || word === "left") join ??= word;
    else hint ??= word;
  }
  scanner.expect("(");
  if (left <= 0) throw errors.embed_too_deep(maxDepth);
  const items = parseItems(scanner, left - 1, maxDepth);
  if (!scanner.take(")")) scanner.fail(AFTER_FIELD);
  return { kind: "embed", ...head, hint, join, items };
}
