/** Random tables, rows and filter trees, and how they are written as SQL and as a query string. */
import fc from "fast-check";
import {
  COMPARISONS,
  type Condition,
  compares,
  isDistinct,
  isIn,
  isLike,
  type Json,
  matches,
  OF_ARRAYS,
  OF_RANGES,
  QUANTIFIED,
  quantified,
  type Range,
  type Row,
  type Tree,
  type Truth,
  type Value,
} from "./filter-model.ts";

/** A column: its type, its values, and what can be asked of it. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly values: fc.Arbitrary<Value>;
  /** As Postgres reads a value from text. */
  text(value: Value): string;
  readonly conditions: fc.Arbitrary<Bare>;
}

type Bare = Omit<Condition, "column" | "isNegated">;

/** Names that need quotes, and some that do not. */
const NAMES = [
  "a",
  "b_1",
  "Big",
  "two words",
  "dot.ted",
  'quo"ted',
  "com,ma",
  "par(en)",
  "имя",
  "col:on",
  "back\\slash",
  "not",
  "star*",
];
const CHARACTERS = [
  "a",
  "b",
  "B",
  "é",
  "Ж",
  "😀",
  " ",
  ",",
  ".",
  "(",
  ")",
  '"',
  "\\",
  ":",
  "{",
  "}",
  "'",
  "$",
  "null",
  "&",
  "+",
  "%",
  "_",
];
/** Without what a pattern would take for itself. */
const PATTERN_CHARACTERS = ["a", "b", "B", "é", " ", ",", ".", "(", '"', "%", "_", "*"];

const texts = fc
  .array(fc.constantFrom(...CHARACTERS), { maxLength: 4 })
  .map((parts) => parts.join(""));
const integers = fc.integer({ min: -5, max: 5 });
const numbers = fc.integer({ min: -20, max: 20 }).map((quarters) => quarters / 4);
const days = fc
  .integer({ min: 0, max: 40 })
  .map((day) => new Date(Date.UTC(2000, 1, 1 + day)).toISOString().slice(0, 10));
const numberLists = fc.array(integers, { maxLength: 3 });
const textLists = fc.array(texts, { maxLength: 3 });
const ranges: fc.Arbitrary<Range> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(integers, fc.integer({ min: 1, max: 4 }))
      .map(([lo, size]) => ({ lo, hi: lo + size })),
  },
  { weight: 1, arbitrary: fc.constant<Range>("empty") },
);
const objects: fc.Arbitrary<Json> = fc.record(
  { text: fc.option(texts), number: integers },
  { requiredKeys: [] },
);

/** For a tree or a list: in double quotes, unless it is plain. */
export const quote = (text: string) =>
  /^[A-Za-z0-9_-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
const plain = (value: Value) => String(value);
const arrayText = (value: Value) =>
  `{${(value as readonly (string | number)[]).map((one) => (typeof one === "number" ? one : `"${one.replace(/[\\"]/g, "\\$&")}"`)).join(",")}}`;
const rangeText = (value: Value) => {
  const range = value as Range;
  return range === "empty" ? "empty" : `[${range.lo},${range.hi})`;
};

function bare(
  operator: string,
  value: string,
  test: (value: Value) => Truth,
  inTree = quote(value),
): Bare {
  return { path: "", operator, value, valueInTree: inTree, test };
}

const isNull = fc.constantFrom(
  bare("is", "null", (value) => value === null),
  bare("is", "not_null", (value) => value !== null),
);

/** What every ordered type can be asked. */
function comparisons(
  values: fc.Arbitrary<Value>,
  text: (value: Value) => string,
): fc.Arbitrary<Bare> {
  const list = fc.array(values, { maxLength: 3 });
  return fc.oneof(
    fc
      .tuple(fc.constantFrom(...COMPARISONS), values)
      .map(([operator, wanted]) => bare(operator, text(wanted), compares(operator, wanted))),
    values.map((wanted) => bare("isdistinct", text(wanted), isDistinct(wanted))),
    list.map((wanted) => {
      const written = `(${wanted.map((one) => quote(text(one))).join(",")})`;
      // PostgREST reads `in.()` as a list of one empty text, hence `in.("")` as an empty list.
      const isEmpty = written === '("")';
      return bare("in", written, isIn(isEmpty ? [] : wanted), written);
    }),
    fc
      .tuple(fc.constantFrom(...QUANTIFIED), fc.constantFrom("any" as const, "all" as const), list)
      .map(([operator, quantifier, wanted]) => {
        const written = arrayText(wanted.map((one) => text(one)));
        return bare(
          `${operator}(${quantifier})`,
          written,
          quantified(operator, quantifier, wanted),
          quote(written),
        );
      }),
    isNull,
  );
}

const patterns = fc
  .array(fc.constantFrom(...PATTERN_CHARACTERS), { maxLength: 4 })
  .map((parts) => parts.join(""));
const expressions = fc
  .tuple(
    fc.constantFrom("", "^"),
    fc
      .array(fc.constantFrom("a", "b", "[ab]", ".", "é", "(a|b)"), { maxLength: 3 })
      .map((parts) => parts.join("")),
    fc.constantFrom("", "$"),
  )
  .map((parts) => parts.join(""));

const ofText = fc.oneof(
  comparisons(texts, plain),
  fc
    .tuple(fc.boolean(), patterns)
    .map(([isCaseless, pattern]) =>
      bare(isCaseless ? "ilike" : "like", pattern, isLike(pattern, isCaseless)),
    ),
  fc
    .tuple(fc.boolean(), expressions)
    .map(([isCaseless, source]) =>
      bare(isCaseless ? "imatch" : "match", source, matches(source, isCaseless)),
    ),
);

const ofBooleans = fc.oneof(
  comparisons(fc.boolean(), plain),
  fc.constantFrom(
    bare("is", "true", (value) => value === true),
    bare("is", "false", (value) => value === false),
    bare("is", "unknown", (value) => value === null),
  ),
);

function ofArrays(lists: fc.Arbitrary<readonly (number | string)[]>): fc.Arbitrary<Bare> {
  return fc.oneof(
    fc
      .tuple(fc.constantFrom(...Object.keys(OF_ARRAYS)), lists)
      .map(([operator, wanted]) =>
        bare(operator, arrayText(wanted as Value), (value) =>
          value === null
            ? null
            : (OF_ARRAYS[operator]?.(value as readonly number[], wanted) ?? null),
        ),
      ),
    fc
      .tuple(fc.constantFrom("eq", "neq"), lists)
      .map(([operator, wanted]) =>
        bare(operator, arrayText(wanted as Value), compares(operator, wanted as Value)),
      ),
    isNull,
  );
}

const ofRanges = fc.oneof(
  fc
    .tuple(fc.constantFrom(...Object.keys(OF_RANGES)), ranges)
    .map(([operator, wanted]) =>
      bare(operator, rangeText(wanted), (value) =>
        value === null ? null : (OF_RANGES[operator]?.(value as Range, wanted) ?? null),
      ),
    ),
  isNull,
);

const ofJson = fc.oneof(
  isNull,
  comparisons(texts, plain).map((one) => ({ ...one, path: "->>text" })),
  fc.tuple(fc.constantFrom(...COMPARISONS), integers).map(([operator, wanted]) => ({
    ...bare(operator, plain(wanted), compares(operator, wanted)),
    path: "->number",
  })),
);

const KINDS: readonly Omit<Column, "name">[] = [
  { type: "int", values: integers, text: plain, conditions: comparisons(integers, plain) },
  { type: "bigint", values: integers, text: plain, conditions: comparisons(integers, plain) },
  { type: "numeric", values: numbers, text: plain, conditions: comparisons(numbers, plain) },
  { type: "float8", values: numbers, text: plain, conditions: comparisons(numbers, plain) },
  { type: 'text collate "C"', values: texts, text: plain, conditions: ofText },
  { type: "boolean", values: fc.boolean(), text: plain, conditions: ofBooleans },
  { type: "date", values: days, text: plain, conditions: comparisons(days, plain) },
  { type: "int[]", values: numberLists, text: arrayText, conditions: ofArrays(numberLists) },
  {
    type: 'text[] collate "C"',
    values: textLists,
    text: arrayText,
    conditions: ofArrays(textLists),
  },
  { type: "int4range", values: ranges, text: rangeText, conditions: ofRanges },
  { type: "jsonb", values: objects, text: (value) => JSON.stringify(value), conditions: ofJson },
];

export const columns: fc.Arbitrary<readonly Column[]> = fc
  .uniqueArray(fc.constantFrom(...NAMES), { minLength: 2, maxLength: 6 })
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.constantFrom(...KINDS).map((kind) => ({ ...kind, name })))),
  );

export const rowsOf = (table: readonly Column[]): fc.Arbitrary<readonly Row[]> =>
  fc.array(
    fc.record(
      Object.fromEntries(table.map(({ name, values }) => [name, fc.option(values, { freq: 4 })])),
    ),
    { minLength: 5, maxLength: 20 },
  );

/** What one request asks: all of its parameters must hold. */
export const filtersOf = (
  table: readonly Column[],
): fc.Arbitrary<readonly (Condition | Tree)[]> => {
  const condition: fc.Arbitrary<Condition> = fc.oneof(
    ...table.map(({ name, conditions }) =>
      fc
        .tuple(conditions, fc.boolean())
        .map(([one, isNegated]) => ({ ...one, column: name, isNegated })),
    ),
  );
  const { tree } = fc.letrec<{ node: Condition | Tree; tree: Tree }>((tie) => ({
    node: fc.oneof({ maxDepth: 3, depthIdentifier: "tree" }, condition, tie("tree")),
    tree: fc.record({
      kind: fc.constantFrom("and" as const, "or" as const),
      isNegated: fc.boolean(),
      parts: fc.array(tie("node"), { minLength: 1, maxLength: 3, depthIdentifier: "tree" }),
    }),
  }));
  return fc.array(fc.oneof(condition, tree), { minLength: 1, maxLength: 3 });
};

const nameOf = (name: string) => (/^[a-z0-9_]+$/i.test(name) ? name : quote(name));

/** `column=op.value` or `or=(…)`, percent-encoded. */
export function parameterOf(node: Condition | Tree): string {
  if ("kind" in node) {
    const key = node.isNegated ? `not.${node.kind}` : node.kind;
    return `${key}=${encodeURIComponent(`(${node.parts.map(partOf).join(",")})`)}`;
  }
  const key = encodeURIComponent(`${nameOf(node.column)}${node.path}`);
  const negation = node.isNegated ? "not." : "";
  return `${key}=${encodeURIComponent(`${negation}${node.operator}.${node.value}`)}`;
}

function partOf(node: Condition | Tree): string {
  const negation = node.isNegated ? "not." : "";
  if ("kind" in node) return `${negation}${node.kind}(${node.parts.map(partOf).join(",")})`;
  return `${nameOf(node.column)}${node.path}.${negation}${node.operator}.${node.valueInTree}`;
}
