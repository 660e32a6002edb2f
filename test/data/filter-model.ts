/**
 * Random tables and filters, and what the filters mean, in plain TypeScript: SQL's three values of
 * truth, its comparisons, patterns and arrays. Written from the documentation of PostgREST and
 * PostgreSQL, not from the compiler.
 */
import fc from "fast-check";

export interface ModelRow {
  readonly id: number;
  readonly n: number | null;
  /** Compared byte by byte (collation "C"). */
  readonly s: string | null;
  readonly b: boolean | null;
  readonly a: readonly number[] | null;
  readonly j: Readonly<Record<string, number | string | null>> | null;
}

type Column = "n" | "s" | "b" | "a" | "j->>k" | "j->n";
type Value = number | string | boolean | readonly number[] | null;
/** SQL's unknown is null. */
type Truth = boolean | null;

export interface Leaf {
  readonly column: Column;
  readonly negated: boolean;
  /** `eq.5`, `in.(1,2)`, without `not.`. */
  readonly text: string;
  /** What the operation says of the column's value. */
  readonly test: (value: Value) => Truth;
}

export type Tree =
  | { readonly leaf: Leaf }
  | { readonly op: "and" | "or"; readonly negated: boolean; readonly children: readonly Tree[] };

const LETTERS = ["a", "b", "A", "%", "_", ",", '"', "\\", "(", ")", ".", " ", "é", "*", "{"];
const word = fc
  .array(fc.constantFrom(...LETTERS), { maxLength: 4 })
  .map((letters) => letters.join(""));
const plainWord = fc
  .array(fc.constantFrom("a", "b", "A", "é"), { maxLength: 3 })
  .map((letters) => letters.join(""));
const integer = fc.integer({ min: -3, max: 3 });
const integers = fc.array(integer, { maxLength: 3 });
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 4 });

export const rowsArbitrary: fc.Arbitrary<ModelRow[]> = fc
  .array(
    fc.record({
      n: orNull(integer),
      s: orNull(fc.oneof(word, plainWord)),
      b: orNull(fc.boolean()),
      a: orNull(integers),
      j: orNull(fc.record({ k: orNull(plainWord), n: orNull(integer) }, { requiredKeys: [] })),
    }),
    { minLength: 25, maxLength: 25 },
  )
  .map((rows) => rows.map((row, i) => ({ id: i + 1, ...row })));

function columnOf(row: ModelRow, column: Column): Value {
  switch (column) {
    case "j->>k":
      return row.j?.["k"] ?? null;
    case "j->n":
      // A JSON null is a value of its own, and no SQL NULL.
      return row.j !== null && "n" in row.j ? JSON.stringify(row.j["n"]) : null;
    default:
      return row[column];
  }
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  eq: (o) => o === 0,
  neq: (o) => o !== 0,
  gt: (o) => o > 0,
  gte: (o) => o >= 0,
  lt: (o) => o < 0,
  lte: (o) => o <= 0,
};

/** `%` and `_` as LIKE has them; a backslash takes the next character as it is. */
function likes(text: string, pattern: string): boolean {
  let source = "";
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const c = characters[i] ?? "";
    if (c === "\\") source += escaped(characters[++i] ?? "\\");
    else source += c === "%" ? "[^]*" : c === "_" ? "[^]" : escaped(c);
  }
  return new RegExp(`^${source}$`, "u").test(text);
}

function escaped(c: string): string {
  return c.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function comparison(column: "n" | "s" | "j->>k", value: fc.Arbitrary<number | string>) {
  return fc.tuple(fc.constantFrom(...Object.keys(COMPARISONS)), value).map(
    ([op, right]): Omit<Leaf, "negated"> => ({
      column,
      text: `${op}.${right}`,
      test: (left) =>
        left === null ? null : (COMPARISONS[op]?.(compare(left as string, right)) ?? null),
    }),
  );
}

const distinct = fc.tuple(fc.constantFrom("n" as const), integer).map(([column, right]) => ({
  column,
  text: `isdistinct.${right}`,
  test: (left: Value): Truth => left !== right,
}));

const isNull = fc
  .tuple(
    fc.constantFrom<Column>("n", "s", "b", "a", "j->>k", "j->n"),
    fc.constantFrom("null", "not_null", "NULL"),
  )
  .map(([column, word_]) => ({
    column,
    text: `is.${word_}`,
    test: (left: Value): Truth => (left === null) === (word_ !== "not_null"),
  }));

const isTruth = fc.constantFrom("true", "false", "unknown", "TRUE").map((name) => ({
  column: "b" as const,
  text: `is.${name}`,
  test: (left: Value): Truth =>
    name === "unknown" ? left === null : left === (name.toLowerCase() === "true"),
}));

/** Quoted as a list's element must be. */
const quote = (text: string) => `"${text.replace(/[\\"]/g, "\\$&")}"`;

const inNumbers = fc.array(integer, { minLength: 1, maxLength: 4 }).map((list) => ({
  column: "n" as const,
  text: `in.(${list.join(",")})`,
  test: (left: Value): Truth => (left === null ? null : list.includes(left as number)),
}));

const inWords = fc.array(word, { minLength: 2, maxLength: 4 }).map((list) => ({
  column: "s" as const,
  text: `in.(${list.map(quote).join(",")})`,
  test: (left: Value): Truth => (left === null ? null : list.includes(left as string)),
}));

const pattern = fc
  .tuple(
    fc.constantFrom<Column>("s", "j->>k"),
    fc.array(fc.constantFrom("a", "b", "A", "é", "%", "*", "_"), { maxLength: 4 }),
    fc.constantFrom("like", "ilike"),
  )
  .map(([column, characters, op]) => {
    const text = characters.join("");
    const fold = (t: string) => (op === "ilike" ? t.toLowerCase() : t);
    return {
      column,
      text: `${op}.${text}`,
      test: (left: Value): Truth =>
        left === null ? null : likes(fold(left as string), fold(text.replaceAll("*", "%"))),
    };
  });

/** `any` is true with one that is, else unknown with one that is unknown; `all` the other way. */
const quantified = fc
  .tuple(
    fc.constantFrom("any" as const, "all" as const),
    fc.constantFrom("eq", "gt", "gte", "lt", "lte"),
    fc.array(integer, { maxLength: 3 }),
  )
  .map(([quantifier, op, list]) => ({
    column: "n" as const,
    text: `${op}(${quantifier}).{${list.join(",")}}`,
    test: (left: Value): Truth => {
      const truths = list.map(
        (right): Truth =>
          left === null ? null : (COMPARISONS[op]?.(compare(left as number, right)) ?? null),
      );
      return join(truths, quantifier === "any" ? "or" : "and");
    },
  }));

const arrays = fc.tuple(fc.constantFrom("cs", "cd", "ov", "eq"), integers).map(([op, right]) => ({
  column: "a" as const,
  text: `${op}.{${right.join(",")}}`,
  test: (left: Value): Truth => {
    if (left === null) return null;
    const list = left as readonly number[];
    if (op === "cs") return right.every((v) => list.includes(v));
    if (op === "cd") return list.every((v) => right.includes(v));
    if (op === "ov") return list.some((v) => right.includes(v));
    return list.length === right.length && list.every((v, i) => v === right[i]);
  },
}));

const jsonNumber = fc.tuple(fc.constantFrom("eq", "neq"), integer).map(([op, right]) => ({
  column: "j->n" as const,
  text: `${op}.${right}`,
  test: (left: Value): Truth => (left === null ? null : (left === String(right)) === (op === "eq")),
}));

const leaf: fc.Arbitrary<Leaf> = fc
  .tuple(
    fc.boolean(),
    fc.oneof(
      comparison("n", integer),
      comparison("s", word),
      comparison("j->>k", plainWord),
      distinct,
      isNull,
      isTruth,
      inNumbers,
      inWords,
      pattern,
      quantified,
      arrays,
      jsonNumber,
    ),
  )
  .map(([negated, rest]) => ({ negated, ...rest }));

export const treeArbitrary: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    leaf.map((l) => ({ leaf: l })),
    fc.record({
      op: fc.constantFrom("and" as const, "or" as const),
      negated: fc.boolean(),
      children: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
    }),
  ),
})).tree;

function join(truths: readonly Truth[], op: "and" | "or"): Truth {
  const decisive = op === "or";
  if (truths.includes(decisive)) return decisive;
  return truths.includes(null) ? null : !decisive;
}

const not = (truth: Truth, negated: boolean): Truth => (truth === null ? null : truth !== negated);

export function truthOf(tree: Tree, row: ModelRow): Truth {
  if ("leaf" in tree) {
    const { column, test, negated } = tree.leaf;
    return not(test(columnOf(row, column)), negated);
  }
  const truths = tree.children.map((child) => truthOf(child, row));
  return not(join(truths, tree.op), tree.negated);
}

/** The tree as a query string: leaves of an outer `and` as parameters of their own. */
export function queryOf(trees: readonly Tree[]): string {
  return trees.map(parameterOf).join("&");
}

function parameterOf(tree: Tree): string {
  if ("leaf" in tree) {
    const { column, negated, text } = tree.leaf;
    return `${encodeURIComponent(column)}=${encodeURIComponent((negated ? "not." : "") + text)}`;
  }
  const inner = tree.children.map(innerOf).join(",");
  return `${tree.negated ? "not." : ""}${tree.op}=${encodeURIComponent(`(${inner})`)}`;
}

/** Inside a tree a value that holds more than letters and digits is quoted. */
function innerOf(tree: Tree): string {
  if (!("leaf" in tree)) {
    const inner = tree.children.map(innerOf).join(",");
    return `${tree.negated ? "not." : ""}${tree.op}(${inner})`;
  }
  const { column, negated, text } = tree.leaf;
  const dot = text.indexOf(".");
  const [operator, value] = [text.slice(0, dot), text.slice(dot + 1)];
  const isBare = operator === "is" || operator === "in" || /^[\w-]+$/.test(value);
  return `${column}.${negated ? "not." : ""}${operator}.${isBare ? value : quote(value)}`;
}
