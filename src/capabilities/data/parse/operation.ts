/**
 * The right-hand side of a filter: `not.`, an operator and its value. The operator becomes part of
 * the tree, the value goes to the list of values in the form that Postgres takes as a parameter
 * (`*` of patterns as `%`, lists as array literals).
 */
import { errors } from "../errors.ts";
import { Scanner } from "./scanner.ts";
import type { CompareName, FtsName, IsValue, Operation, Slot } from "./tree.ts";

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

/** Whether a parameter's value begins as a filter does; if not it may be a function's argument. */
export function looksLikeFilter(text: string): boolean {
  const scanner = new Scanner(text, "filter");
  return scanner.take("not.") || readHead(scanner) !== null;
}

export type ReadValue = (scanner: Scanner) => string;

/** @param readValue consumes the value: to the end of the text, or of the tree's leaf. */
export function readOperation(
  scanner: Scanner,
  sink: ValueSink,
  readValue: ReadValue,
): ParsedOperation {
  const negated = scanner.take("not.");
  const start = scanner.position;
  const head = readHead(scanner);
  if (head === null) return scanner.failAt(start, negated ? OPERATOR : `"not" or ${OPERATOR}`);
  return { negated, operation: readNamed(scanner, sink, readValue, head) };
}

interface Head {
  readonly name: string;
  /** Between parentheses: `any`, `all`, a language. */
  readonly option: string | null;
}

/** `name.`, `name(option).`; null and the position anywhere when it is no operator. */
function readHead(scanner: Scanner): Head | null {
  const name = scanner.takeWhile((c) => c >= "a" && c <= "z");
  let option: string | null = null;
  if (scanner.take("(")) {
    option = scanner.identifier();
    if (option === "" || !scanner.take(")")) return null;
  }
  return scanner.take(".") && isOperator(name, option) ? { name, option } : null;
}

function isOperator(name: string, option: string | null): boolean {
  if (FTS.has(name)) return true;
  if (option === null) return name === "in" || name === "is" || COMPARE.has(name);
  return QUANTIFIED.has(name) && (option === "any" || option === "all");
}

function readNamed(
  scanner: Scanner,
  sink: ValueSink,
  readValue: ReadValue,
  { name, option }: Head,
): Operation {
  if (name === "in") return { kind: "in", slot: readList(scanner, sink) };
  if (name === "is") return { kind: "is", value: readIs(scanner) };
  if (FTS.has(name)) {
    const slot = push(sink, readValue(scanner));
    return { kind: "fts", op: name as FtsName, language: option, slot };
  }
  const quantifier = option === "any" || option === "all" ? option : null;
  return compare(name as CompareName, quantifier, readValue(scanner), sink);
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
  scanner.skipSpace();
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
  return readQuotedLeaf(scanner) ?? readUntilDelimiter(scanner);
}

/** A quoted text that a `,` or `)` follows; else nothing is consumed. */
export function readQuotedLeaf(scanner: Scanner): string | null {
  const start = scanner.position;
  const value = scanner.maybeQuoted();
  if (value !== null && atListEnd(scanner)) return value;
  scanner.position = start;
  return null;
}

export function readUntilDelimiter(scanner: Scanner): string {
  return scanner.takeWhile((c) => c !== "," && c !== ")");
}

function atListEnd(scanner: Scanner): boolean {
  return scanner.done || scanner.startsWith(",") || scanner.startsWith(")");
}

/** Postgres's text form of an array of texts: every element quoted. */
export function arrayLiteral(elements: readonly string[]): string {
  return `{${elements.map((e) => `"${e.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;
}
