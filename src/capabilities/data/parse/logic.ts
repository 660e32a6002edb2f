/** `and=(…)`, `or=(…)`: trees of filters, nested. */
import { errors } from "../errors.ts";
import {
  looksLikeFilter,
  type ReadValue,
  readOperation,
  readQuotedLeaf,
  readUntilDelimiter,
  type ValueSink,
} from "./operation.ts";
import { Scanner } from "./scanner.ts";
import type { Condition } from "./tree.ts";

/** Nesting beyond this is refused: the SQL would be as deep. */
const MAX_LOGIC_DEPTH = 20;

/**
 * Reads `(a.eq.1,not.and(…))`.
 *
 * @param operator what stands before it in the key: `and`, `or`, `not.or`; errors count it in.
 */
export function parseLogic(text: string, operator: string, sink: ValueSink): readonly Condition[] {
  const scanner = new Scanner(operator + text, "logic tree", text);
  scanner.position = operator.length;
  scanner.skipSpace();
  const children = readConditions(scanner, sink, 0);
  scanner.skipSpace();
  if (!scanner.done) scanner.fail("end of input");
  return children;
}

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

const LOGIC = "logic operator (and, or)";
/** Names of operators and languages are no longer. */
const OPERATOR_CHARS_MAX = 96;
const FIELD = "field name (* or [a..z0..9_$])";

/** A filter; what is none is a nested tree. A column may be called `and`, `or` and `not`. */
function readCondition(scanner: Scanner, sink: ValueSink, depth: number): Condition {
  const start = scanner.position;
  const name = scanner.maybeName();
  if (name === null) return scanner.fail(`${FIELD}, negation operator (not) or ${LOGIC}`);
  const path = scanner.jsonPath();
  scanner.skipSpace();
  const after = scanner.text.slice(scanner.position + 1, scanner.position + OPERATOR_CHARS_MAX);
  const isNot = name === "not" && path.length === 0 && !looksLikeFilter(after);
  if (isNot || !scanner.take(".")) return readNested(scanner, sink, depth, start);
  const field = { name, path };
  return { kind: "filter", field, ...readOperation(scanner, sink, readDelimited) };
}

function readNested(scanner: Scanner, sink: ValueSink, depth: number, start: number): Condition {
  const afterName = scanner.position;
  scanner.position = start;
  const negated = scanner.take("not.");
  const op = scanner.takeAny(["and", "or"]);
  if (op === null) {
    if (negated) scanner.fail(LOGIC);
    scanner.position = afterName;
    return scanner.fail('letter, digit, "-", "->>", "->" or delimiter (.)');
  }
  scanner.skipSpace();
  return { kind: "logic", op, negated, children: readConditions(scanner, sink, depth + 1) };
}

/** A value inside a tree ends at `,` or `)`, unless quoted or an array literal. */
const readDelimited: ReadValue = (scanner) => {
  const quoted = readQuotedLeaf(scanner);
  if (quoted !== null) return quoted;
  const start = scanner.position;
  if (scanner.take("{")) {
    scanner.takeWhile((c) => c !== "{" && c !== "}");
    if (scanner.take("}")) return scanner.text.slice(start, scanner.position);
    scanner.position = start;
  }
  return readUntilDelimiter(scanner);
};
