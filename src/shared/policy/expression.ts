/**
 * The expressions of policies: `principal.org_role == "admin" && !principal.is_anonymous`. They have
 * no loops, no assignment and no regular expressions, so every one ends, in a time that its length
 * bounds; they read what they are given and nothing else.
 */

export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [name: string]: Value };

export type Operator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in";

/** Where a part stands in its source, for explanations. */
interface Placed {
  readonly from: number;
  readonly to: number;
}

export type Expression = Placed &
  (
    | { readonly kind: "literal"; readonly value: Value }
    | { readonly kind: "list"; readonly items: readonly Expression[] }
    | { readonly kind: "path"; readonly names: readonly string[] }
    | { readonly kind: "not"; readonly operand: Expression }
    | {
        readonly kind: "and" | "or";
        readonly left: Expression;
        readonly right: Expression;
      }
    | {
        readonly kind: "compare";
        readonly operator: Operator;
        readonly left: Expression;
        readonly right: Expression;
      }
    | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  );

/** What is wrong with a text, or what went wrong with values; `at` is a place in the source. */
export class ExpressionError extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.name = "ExpressionError";
    this.at = at;
  }
}
