/**
 * The typed tree of a request: what the parsers make and the planner reads. It holds structure only.
 * Values never stand in it: an operation names the *slot* of its value in `Query.values`, so equal
 * structure gives equal SQL whatever the values are, and no value can reach the SQL text.
 */

/** Index into the request's list of values. */
export type Slot = number;

/** One step of a JSON or composite path. */
export interface JsonStep {
  /** `->` keeps JSON, `->>` gives text. */
  readonly arrow: "->" | "->>";
  /** A key, or digits with an optional minus when `isIndex`. */
  readonly key: string;
  readonly isIndex: boolean;
}

/** A column, perhaps followed by a path into it. */
export interface Field {
  readonly name: string;
  readonly path: readonly JsonStep[];
}

/** `*`: every column. A column may itself be called `*`, so this is no name. */
export interface SelectStar {
  readonly kind: "star";
}

export type AggregateName = "sum" | "avg" | "count" | "max" | "min";

export interface SelectField {
  readonly kind: "field";
  readonly field: Field;
  readonly alias: string | null;
  /** Type name as the client wrote it; the compiler quotes it. */
  readonly cast: string | null;
  readonly aggregate: AggregateName | null;
  /** Of what the aggregate gives. */
  readonly aggregateCast: string | null;
}

/** `count()`: rows, not values. */
export interface SelectCount {
  readonly kind: "count";
  readonly alias: string | null;
  readonly cast: string | null;
}

export interface SelectEmbed {
  readonly kind: "embed";
  /** Table, foreign key column, constraint, or function over the row. */
  readonly name: string;
  readonly alias: string | null;
  readonly hint: string | null;
  readonly join: "inner" | "left" | null;
  /** `...name()`: its columns become those of the level above. */
  readonly isSpread: boolean;
  readonly items: readonly SelectItem[];
}

export type SelectItem = SelectStar | SelectField | SelectCount | SelectEmbed;

export type CompareName =
  | "eq"
  | "neq"
  | "gt"
  | "gte"
  | "lt"
  | "lte"
  | "like"
  | "ilike"
  | "match"
  | "imatch"
  | "isdistinct"
  | "cs"
  | "cd"
  | "ov"
  | "sl"
  | "sr"
  | "nxr"
  | "nxl"
  | "adj";
export type FtsName = "fts" | "plfts" | "phfts" | "wfts";
export type IsValue = "null" | "not_null" | "true" | "false" | "unknown";

export type Operation =
  | {
      readonly kind: "compare";
      readonly op: CompareName;
      readonly quantifier: "any" | "all" | null;
      readonly slot: Slot;
    }
  | { readonly kind: "in"; readonly slot: Slot }
  | { readonly kind: "is"; readonly value: IsValue }
  | {
      readonly kind: "fts";
      readonly op: FtsName;
      readonly language: string | null;
      readonly slot: Slot;
    };

export interface Filter {
  readonly kind: "filter";
  readonly field: Field;
  readonly negated: boolean;
  readonly operation: Operation;
}

export interface Logic {
  readonly kind: "logic";
  readonly op: "and" | "or";
  readonly negated: boolean;
  readonly children: readonly Condition[];
}

export type Condition = Filter | Logic;

export interface OrderTerm {
  readonly field: Field;
  /** Embedded resource to order by (`order=client(name)`), or null. */
  readonly relation: string | null;
  readonly direction: "asc" | "desc" | null;
  readonly nulls: "first" | "last" | null;
}

/** What applies to one level of the result; the empty path is the root. */
export interface Level {
  readonly path: readonly string[];
  readonly where: readonly Condition[];
  readonly order: readonly OrderTerm[];
  readonly limit: Slot | null;
  readonly offset: Slot | null;
}

/** The whole query string, parsed. */
export interface Query {
  readonly select: readonly SelectItem[];
  readonly levels: readonly Level[];
  readonly columns: readonly string[] | null;
  readonly onConflict: readonly string[] | null;
}
