/** The functions of expressions. Each checks what it is given: a wrong kind is an error, not false. */
import { covers } from "../../core/permissions.ts";
import type { Value } from "./expression.ts";

export interface PolicyFunction {
  readonly parameters: number;
  /** @throws Error in words for who wrote the policy */
  run(args: readonly Value[]): Value;
}

const text = (value: Value | undefined): string => {
  if (typeof value !== "string") throw new Error("takes texts");
  return value;
};

const texts = (value: Value | undefined): string[] => {
  if (!Array.isArray(value)) throw new Error("takes a list of permissions first");
  return value.map(text);
};

export const FUNCTIONS: ReadonlyMap<string, PolicyFunction> = new Map([
  ["startsWith", { parameters: 2, run: ([a, b]) => text(a).startsWith(text(b)) }],
  ["endsWith", { parameters: 2, run: ([a, b]) => text(a).endsWith(text(b)) }],
  ["contains", { parameters: 2, run: ([a, b]) => text(a).includes(text(b)) }],
  ["lower", { parameters: 1, run: ([a]) => text(a).toLowerCase() }],
  // `permits(principal.permissions, "functions:hello:invoke")`, by the rules of permissions.
  ["permits", { parameters: 2, run: ([list, wanted]) => covers(texts(list), text(wanted)) }],
  [
    "size",
    {
      parameters: 1,
      run: ([value]) => {
        if (typeof value === "string" || Array.isArray(value)) return value.length;
        throw new Error("takes a text or a list");
      },
    },
  ],
]);
