/**
 * What an expression is worth. Kinds are strict: what is no truth value is not taken for one, and
 * what cannot be compared is an error, which whoever decides takes as a refusal. A member that is
 * missing is null.
 */
import type { Attributes } from "./attributes.ts";
import { type Expression, ExpressionError, type Operator, type Value } from "./expression.ts";
import { FUNCTIONS } from "./functions.ts";

/** Told of every part that was evaluated, innermost first. */
export type Trace = (part: Expression, value: Value) => void;

/** @throws ExpressionError */
export function evaluate(expression: Expression, given: Attributes, trace?: Trace): Value {
  const value = worthOf(expression, given, trace);
  trace?.(expression, value);
  return value;
}

function worthOf(expression: Expression, given: Attributes, trace?: Trace): Value {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "list":
      return expression.items.map((item) => evaluate(item, given, trace));
    case "path":
      return memberAt(expression.names, given);
    case "not":
      return !truth(expression.operand, given, trace);
    case "and":
      return truth(expression.left, given, trace) && truth(expression.right, given, trace);
    case "or":
      return truth(expression.left, given, trace) || truth(expression.right, given, trace);
    case "compare": {
      const left = evaluate(expression.left, given, trace);
      const right = evaluate(expression.right, given, trace);
      return compare(expression.operator, left, right, expression.from);
    }
    case "call":
      return call(expression.name, expression, given, trace);
  }
}

/** @throws ExpressionError for what is neither true nor false */
export function truth(expression: Expression, given: Attributes, trace?: Trace): boolean {
  const value = evaluate(expression, given, trace);
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`${kindOf(value)} is neither true nor false`, expression.from);
}

function memberAt(names: readonly string[], given: Attributes): Value {
  let value = given as unknown as Value;
  for (const name of names) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return null;
    const members = value as Readonly<Record<string, Value>>;
    value = Object.hasOwn(members, name) ? (members[name] ?? null) : null;
  }
  return value;
}

function call(
  name: string,
  expression: Extract<Expression, { kind: "call" }>,
  given: Attributes,
  trace?: Trace,
): Value {
  const args = expression.args.map((arg) => evaluate(arg, given, trace));
  try {
    const known = FUNCTIONS.get(name);
    if (!known) throw new Error("is unknown");
    return known.run(args);
  } catch (error) {
    throw new ExpressionError(`${name} ${(error as Error).message}`, expression.from);
  }
}

function compare(operator: Operator, left: Value, right: Value, at: number): boolean {
  switch (operator) {
    case "==":
      return isEqual(left, right, at);
    case "!=":
      return !isEqual(left, right, at);
    case "in":
      if (!Array.isArray(right)) throw new ExpressionError(`${kindOf(right)} is no list`, at);
      return right.some((item: Value) => isEqual(left, item, at));
    default: {
      const bothNumbers = typeof left === "number" && typeof right === "number";
      const bothTexts = typeof left === "string" && typeof right === "string";
      if (!bothNumbers && !bothTexts) {
        throw new ExpressionError(`${kindOf(left)} and ${kindOf(right)} have no order`, at);
      }
      return inOrder(operator, left as number, right as number);
    }
  }
}

function inOrder(operator: "<" | "<=" | ">" | ">=", left: number, right: number): boolean {
  if (operator === "<") return left < right;
  if (operator === "<=") return left <= right;
  return operator === ">" ? left > right : left >= right;
}

function isEqual(left: Value, right: Value, at: number): boolean {
  for (const value of [left, right]) {
    if (typeof value === "object" && value !== null) {
      throw new ExpressionError(`${kindOf(value)} cannot be compared`, at);
    }
  }
  return left === right;
}

function kindOf(value: Value): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
