/**
 * `select=`: columns with aliases, casts and JSON paths, and embedded resources, nested.
 * Grammar: docs.postgrest.org, "Tables and Views / Vertical Filtering" and "Resource Embedding".
 */
import { errors } from "../errors.ts";
import { Scanner } from "./scanner.ts";
import type { SelectEmbed, SelectField, SelectItem } from "./tree.ts";

const STAR: SelectItem = { kind: "star" };
const AGGREGATE = /^\.(sum|avg|min|max|count)\(\)/;

/** @param maxDepth embedding levels allowed, >= 0; deeper is `embed_too_deep`. */
export function parseSelect(text: string, maxDepth: number): readonly SelectItem[] {
  const scanner = new Scanner(text, "select parameter");
  const items = parseItems(scanner, maxDepth, maxDepth);
  if (!scanner.done) scanner.fail('"," or end of input');
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
  if (scanner.startsWith("..."))
    throw errors.PGRST127("Spread embedding (...) is not supported yet");
  if (scanner.take("*")) return STAR;
  let name = scanner.name();
  let alias: string | null = null;
  if (scanner.startsWith(":") && !scanner.startsWith("::")) {
    scanner.position += 1;
    alias = name;
    if (scanner.startsWith("..."))
      throw errors.PGRST127("Spread embedding (...) is not supported yet");
    name = scanner.name();
  }
  if (scanner.startsWith("!") || scanner.startsWith("(")) {
    return parseEmbed(scanner, name, alias, left, maxDepth);
  }
  return parseField(scanner, name, alias);
}

function parseField(scanner: Scanner, name: string, alias: string | null): SelectField {
  const path = scanner.jsonPath();
  let cast: string | null = null;
  if (scanner.take("::")) {
    cast = scanner.identifier();
    if (cast === "") scanner.fail("letter or digit");
  }
  if (AGGREGATE.test(scanner.text.slice(scanner.position))) throw errors.PGRST123();
  return { kind: "field", field: { name, path }, alias, cast };
}

function parseEmbed(
  scanner: Scanner,
  name: string,
  alias: string | null,
  left: number,
  maxDepth: number,
): SelectEmbed {
  let hint: string | null = null;
  let inner = false;
  while (scanner.take("!")) {
    const word = scanner.name();
    if (word === "inner") inner = true;
    else if (word !== "left") hint = word;
  }
  if (name === "count" && scanner.startsWith("()")) throw errors.PGRST123();
  scanner.expect("(");
  if (left <= 0) throw errors.embed_too_deep(maxDepth);
  const items = parseItems(scanner, left - 1, maxDepth);
  scanner.expect(")");
  return { kind: "embed", name, alias, hint, inner, items };
}
