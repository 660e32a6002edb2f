/**
 * The right-hand side of a filter: `not.`, an operator and its value. The operator becomes part of
 * the tree, the value goes to the list of values in the form that Postgres takes as a parameter
 * (`*` of patterns as `%`, lists as array literals).
 */
import { errors } from "../errors.ts";
import { Scanner } from "./scanner.ts";
import type { CompareName, Condition, FtsName, IsValue, Operation, Slot } from "./tree.ts";

const COMPARE: ReadonlySet<string> = new Set<CompareName>([
  "eq",
  "neq",
  "gt",
  "gte",
  "lt",
  "lte",
  "like",
  "ilike",
  "match",
  "imatch",
  "isdistinct",
  "cs",
  "cd",
  "ov",
  "sl",
  "sr",
  "nxr",
  "nxl",
  "adj",
]);
/** Those that take `(any)` or `(all)`. */
const QUANTIFIED: ReadonlySet<string> = new Set<CompareName>([
  "eq",
  "gt",
  "gte",
  "lt",
  "lte",
  "like",
  "ilike",
  "match",
  "imatch",
]);
const FTS: ReadonlySet<string> = new Set<FtsName>(["fts", "plfts", "phfts", "wfts"]);
const IS: readonly IsValue[] = ["not_null", "null", "true", "false", "unknown"];
const OPERATOR = "operator (eq, gt, ...)";

/** Where values are collected, and how many there may be. */
export interface ValueSink {
  readonly values: string[];
  readonly maxListSize: number;
}

export interface ParsedOperation {
  readonly negated: boolean;
  readonly operation: Operation;
}

/** Reads the value of `?column=…`: it extends to the end of the text. */
export function parseOperation(text: string, sink: ValueSink): ParsedOperation {
  if (text.startsWith("eq.")) {
    return { negated: false, operation: compare("eq", null, text.slice(3), sink) };
  }
  const scanner = new Scanner(text, "filter");
  const parsed = readOperation(scanner, sink, (s) => s.rest());
  if (!scanner.done) scanner.fail("end of input");
  return parsed;
}

/** Reads `(a.eq.1,not.and(…))`, the value of `?and=`, `?or=`. */
export function parseLogic(text: string, sink: ValueSink): readonly Condition[] {
  const scanner = new Scanner(text, "logic tree");
  scanner.skipSpace();
  const children = readConditions(scanner, sink, 0);
  scanner.skipSpace();
  if (!scanner.done) scanner.fail("end of input");
  return children;
}

/** Nesting beyond this is refused: the SQL would be as deep. */
const MAX_LOGIC_DEPTH = 20;

function readConditions(scanner: Scanner, sink: ValueSink, depth: number): Condition[] {
  scanner.expect("(");
  if (depth > MAX_LOGIC_DEPTH) throw errors.too_many_filters(MAX_LOGIC_DEPTH);
  const children: Condition[] = [];
  do {
    scanner.skipSpace();
    children.push(readCondition(scanner, sink, depth));
    scanner.skipSpace();
  } while (scanner.take(","));
  scanner.expect(")");
  return children;
}

function readCondition(scanner: Scanner, sink: ValueSink, depth: number): Condition {
  const nested = /^(not\.)?(and|or)\(/.exec(
    scanner.text.slice(scanner.position, scanner.position + 9),
  );
  if (nested) {
    scanner.position += nested[0].length - 1;
    const op = nested[2] === "and" ? "and" : "or";
    const children = readConditions(scanner, sink, depth + 1);
    return { kind: "logic", op, negated: nested[1] !== undefined, children };
  }
  const field = scanner.field();
  scanner.expect(".");
  return { kind: "filter", field, ...readOperation(scanner, sink, readDelimited) };
}

/** A value inside a logic tree ends at `,` or `)`, unless quoted or an array literal. */
function readDelimited(scanner: Scanner): string {
  const start = scanner.position;
  if (scanner.startsWith('"')) {
    const value = scanner.quoted();
    if (atListEnd(scanner)) return value;
    scanner.position = start;
  }
  const array = /^\{[^{}]*\}/.exec(scanner.text.slice(start));
  if (array) {
    scanner.position += array[0].length;
    return array[0];
  }
  return readUntilDelimiter(scanner);
}

function readUntilDelimiter(scanner: Scanner): string {
  const start = scanner.position;
  while (!atListEnd(scanner)) scanner.position += 1;
  return scanner.text.slice(start, scanner.position);
}

function atListEnd(scanner: Scanner): boolean {
  return scanner.done || scanner.startsWith(",") || scanner.startsWith(")");
}

type ReadValue = (scanner: Scanner) => string;

function readOperation(scanner: Scanner, sink: ValueSink, readValue: ReadValue): ParsedOperation {
  const negated = scanner.take("not.");
  const start = scanner.position;
  const head = /^([a-z]+)(?:\(([^()]*)\))?\./.exec(scanner.text.slice(start, start + 96));
  if (!head) scanner.fail(negated ? OPERATOR : `"not" or ${OPERATOR}`);
  const [whole, name = "", option] = head;
  scanner.position += whole.length;
  const operation = readNamed(scanner, sink, readValue, name, option ?? null);
  if (operation) return { negated, operation };
  scanner.position = start;
  return scanner.fail(negated ? OPERATOR : `"not" or ${OPERATOR}`);
}

function readNamed(
  scanner: Scanner,
  sink: ValueSink,
  readValue: ReadValue,
  name: string,
  option: string | null,
): Operation | null {
  if (name === "in" && option === null) return { kind: "in", slot: readList(scanner, sink) };
  if (name === "is" && option === null) return { kind: "is", value: readIs(scanner) };
  if (FTS.has(name)) {
    if (option !== null && !/^[\p{L}0-9_ $]+$/u.test(option)) return null;
    const slot = push(sink, readValue(scanner));
    return { kind: "fts", op: name as FtsName, language: option, slot };
  }
  if (!COMPARE.has(name)) return null;
  if (option === null) return compare(name as CompareName, null, readValue(scanner), sink);
  if ((option !== "any" && option !== "all") || !QUANTIFIED.has(name)) return null;
  return compare(name as CompareName, option, readValue(scanner), sink);
}

function compare(
  op: CompareName,
  quantifier: "any" | "all" | null,
  value: string,
  sink: ValueSink,
): Operation {
  const isPattern = op === "like" || op === "ilike";
  return {
    kind: "compare",
    op,
    quantifier,
    slot: push(sink, isPattern ? value.replaceAll("*", "%") : value),
  };
}

function push(sink: ValueSink, value: string): Slot {
  return sink.values.push(value) - 1;
}

function readIs(scanner: Scanner): IsValue {
  const rest = scanner.text.slice(scanner.position, scanner.position + 8).toLowerCase();
  const value = IS.find((v) => rest.startsWith(v));
  if (value === undefined) return scanner.fail("isVal: (null, not_null, true, false, unknown)");
  scanner.position += value.length;
  return value;
}

/** `(a,"b,c",d)` as a Postgres array literal. */
function readList(scanner: Scanner, sink: ValueSink): Slot {
  scanner.skipSpace();
  scanner.expect("(");
  const elements: string[] = [];
  do {
    elements.push(readElement(scanner));
    if (elements.length > sink.maxListSize) throw errors.in_list_too_long(sink.maxListSize);
  } while (scanner.take(","));
  scanner.expect(")");
  scanner.skipSpace();
  const isEmpty = elements.length === 1 && elements[0] === "";
  return push(sink, isEmpty ? "{}" : arrayLiteral(elements));
}

function readElement(scanner: Scanner): string {
  const start = scanner.position;
  if (scanner.startsWith('"')) {
    const value = scanner.quoted();
    if (atListEnd(scanner)) return value;
    scanner.position = start;
  }
  return readUntilDelimiter(scanner);
}

/** Postgres's text form of an array of texts: every element quoted. */
export function arrayLiteral(elements: readonly string[]): string {
  return `{${elements.map((e) => `"${e.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;
}
