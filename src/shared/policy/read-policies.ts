/** Reads the `[[policies]]` of reactor.toml. All faults at once, in sentences. */
import { isPermission } from "../../core/permissions.ts";
import { type Expression, ExpressionError } from "./expression.ts";
import { parseExpression } from "./parse-expression.ts";
import { type PolicyTest, readTests } from "./read-tests.ts";
import { reportUnknown } from "./report-unknown.ts";

export interface Policy {
  readonly name: string;
  readonly effect: "allow" | "deny";
  /** What it is about: permissions, with `*` for whole segments. */
  readonly actions: readonly string[];
  /** The condition as it was written; null = always. */
  readonly source: string | null;
  readonly when: Expression | null;
  readonly tests: readonly PolicyTest[];
}

export interface ReadPolicies {
  readonly policies: readonly Policy[];
  /** Empty when the policies can be used. */
  readonly faults: readonly string[];
}

type Table = Readonly<Record<string, unknown>>;

const NAME = /^[a-z][a-z0-9_-]{0,62}$/;
const KEYS = ["name", "description", "effect", "actions", "when", "tests"];
const POLICIES_MAX = 500;
const ACTIONS_MAX = 50;

export function readPolicies(list: readonly Table[]): ReadPolicies {
  const faults: string[] = [];
  const policies: Policy[] = [];
  const names = new Set<string>();
  if (list.length > POLICIES_MAX) faults.push(`there are more than ${POLICIES_MAX} policies`);
  list.forEach((table, index) => {
    const name = table["name"];
    if (typeof name !== "string" || !NAME.test(name)) {
      faults.push(`[[policies]] number ${index + 1}: name must match ${NAME.source}`);
      return;
    }
    if (names.has(name)) faults.push(`[[policies]] names '${name}' twice`);
    names.add(name);
    policies.push(readPolicy(name, table, (fault) => faults.push(`policy '${name}': ${fault}`)));
  });
  return { policies, faults };
}

function readPolicy(name: string, table: Table, fault: (text: string) => void): Policy {
  reportUnknown(table, KEYS, fault);
  const { effect, actions, when = null, description = "" } = table;
  if (typeof description !== "string") fault("description must be a text");
  if (effect !== "allow" && effect !== "deny") fault('effect must be "allow" or "deny"');
  const isList = Array.isArray(actions) && actions.length > 0 && actions.length <= ACTIONS_MAX;
  if (!isList || !actions.every(isPermission)) {
    fault(`actions must be 1 to ${ACTIONS_MAX} permissions, as in ["functions:hello:invoke"]`);
  }
  return {
    name,
    effect: effect === "allow" ? "allow" : "deny",
    actions: isList ? actions.filter(isPermission) : [],
    source: typeof when === "string" ? when : null,
    when: readCondition(when, fault),
    tests: readTests(table["tests"], fault),
  };
}

function readCondition(when: unknown, fault: (text: string) => void): Expression | null {
  if (when === null) return null;
  if (typeof when !== "string") {
    fault("when must be an expression in quotes");
    return null;
  }
  try {
    return parseExpression(when);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    fault(`when, at character ${error.at + 1}: ${error.message}`);
    return null;
  }
}
