/**
 * Filters of the data API with a meaning of their own: what each does to a value, told in TypeScript
 * after PostgreSQL's documentation, three-valued as SQL is. The property compares the rows that the
 * server answers with the rows that this leaves.
 */

/** SQL's truth: null is "unknown". */
export type Truth = boolean | null;

/** `[lo, hi)`, or the empty range. */
export type Range = { readonly lo: number; readonly hi: number } | "empty";

export type Value =
  | string
  | number
  | boolean
  | readonly number[]
  | readonly string[]
  | Range
  | Json
  | null;
export interface Json {
  readonly text?: string | null;
  readonly number?: number;
}

/** One condition on one column. */
export interface Condition {
  readonly column: string;
  /** `->>text` or `->number` of a JSON column, else "". */
  readonly path: string;
  readonly isNegated: boolean;
  /** With its modifier: `eq`, `like(any)`, … */
  readonly operator: string;
  /** As the query string writes it outside of a tree. */
  readonly value: string;
  /** As it is written inside of a tree. */
  readonly valueInTree: string;
  test(value: Value): Truth;
}

export interface Tree {
  readonly kind: "and" | "or";
  readonly isNegated: boolean;
  readonly parts: readonly (Condition | Tree)[];
}

export type Row = Readonly<Record<string, Value>>;

export function not(truth: Truth): Truth {
  return truth === null ? null : !truth;
}

function all(truths: readonly Truth[]): Truth {
  if (truths.includes(false)) return false;
  return truths.includes(null) ? null : true;
}

function any(truths: readonly Truth[]): Truth {
  if (truths.includes(true)) return true;
  return truths.includes(null) ? null : false;
}

export function evaluate(node: Condition | Tree, row: Row): Truth {
  if (!("kind" in node)) {
    const truth = node.test(valueAt(node, row));
    return node.isNegated ? not(truth) : truth;
  }
  const truths = node.parts.map((part) => evaluate(part, row));
  const truth = node.kind === "and" ? all(truths) : any(truths);
  return node.isNegated ? not(truth) : truth;
}

function valueAt({ column, path }: Condition, row: Row): Value {
  const value = row[column] ?? null;
  if (path === "" || value === null) return value;
  const json = value as Json;
  return (path === "->>text" ? json.text : json.number) ?? null;
}

type Compare = (order: number) => boolean;

const COMPARE: Readonly<Record<string, Compare>> = {
  eq: (order) => order === 0,
  neq: (order) => order !== 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
};

export const COMPARISONS = Object.keys(COMPARE);
/** Those that take `any` and `all`. */
export const QUANTIFIED = ["eq", "gt", "gte", "lt", "lte"] as const;

export function compares(operator: string, wanted: Value): (value: Value) => Truth {
  const compare = COMPARE[operator] as Compare;
  return (value) => (value === null ? null : compare(orderOf(value, wanted)));
}

export function quantified(
  operator: string,
  quantifier: "any" | "all",
  wanted: readonly Value[],
): (value: Value) => Truth {
  const tests = wanted.map((one) => compares(operator, one));
  return (value) => (quantifier === "any" ? any : all)(tests.map((test) => test(value)));
}

export function isIn(wanted: readonly Value[]): (value: Value) => Truth {
  return (value) => any(wanted.map((one) => compares("eq", one)(value)));
}

export function isDistinct(wanted: Value): (value: Value) => Truth {
  return (value) => value === null || orderOf(value, wanted) !== 0;
}

/** Numbers, booleans and texts in the order of the "C" collation: by code points. */
function orderOf(left: Value, right: Value): number {
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (Array.isArray(left) && Array.isArray(right)) return compareLists(left, right);
  if (left === right) return 0;
  return (left as number) < (right as number) ? -1 : 1;
}

function compareText(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function compareLists(left: readonly unknown[], right: readonly unknown[]): number {
  const same = left.length === right.length && left.every((one, at) => one === right[at]);
  return same ? 0 : 1;
}

/** LIKE, with `*` for `%`. */
export function isLike(pattern: string, isCaseless: boolean): (value: Value) => Truth {
  const source = [...pattern].map((character) => {
    if (character === "%" || character === "*") return "[^]*";
    if (character === "_") return "[^]";
    return character.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  const expression = new RegExp(`^${source.join("")}$`, isCaseless ? "iu" : "u");
  return (value) => (value === null ? null : expression.test(value as string));
}

export function matches(source: string, isCaseless: boolean): (value: Value) => Truth {
  const expression = new RegExp(source, isCaseless ? "iu" : "u");
  return (value) => (value === null ? null : expression.test(value as string));
}

type Elements = readonly (number | string)[];

export const OF_ARRAYS: Readonly<Record<string, (left: Elements, right: Elements) => boolean>> = {
  cs: (left, right) => right.every((one) => left.includes(one)),
  cd: (left, right) => left.every((one) => right.includes(one)),
  ov: (left, right) => left.some((one) => right.includes(one)),
};

export const OF_RANGES: Readonly<Record<string, (left: Range, right: Range) => boolean>> = {
  eq: (left, right) => sameRange(left, right),
  neq: (left, right) => !sameRange(left, right),
  cs: (left, right) => contains(left, right),
  cd: (left, right) => contains(right, left),
  ov: (left, right) =>
    left !== "empty" && right !== "empty" && left.lo < right.hi && right.lo < left.hi,
  sl: (left, right) => left !== "empty" && right !== "empty" && left.hi <= right.lo,
  sr: (left, right) => left !== "empty" && right !== "empty" && left.lo >= right.hi,
  nxr: (left, right) => left !== "empty" && right !== "empty" && left.hi <= right.hi,
  nxl: (left, right) => left !== "empty" && right !== "empty" && left.lo >= right.lo,
  adj: (left, right) =>
    left !== "empty" && right !== "empty" && (left.hi === right.lo || right.hi === left.lo),
};

function sameRange(left: Range, right: Range): boolean {
  if (left === "empty" || right === "empty") return left === right;
  return left.lo === right.lo && left.hi === right.hi;
}

function contains(outer: Range, inner: Range): boolean {
  if (inner === "empty") return true;
  return outer !== "empty" && outer.lo <= inner.lo && inner.hi <= outer.hi;
}
