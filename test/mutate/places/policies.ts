/** Policies: who may do what is not a row. */
import type { Mutation } from "../mutation.ts";

const POLICIES = { tests: ["src/shared/policy/policies.test.ts"] };
const DECIDE = { ...POLICIES, file: "src/shared/policy/create-policies.ts" };

export const policies: readonly Mutation[] = [
  {
    ...DECIDE,
    name: "policy: a condition that fails denies nothing",
    find: 'if (outcome !== "does not apply") return { allowed: false, policy: policy.name };',
    replace: 'if (outcome === "applies") return { allowed: false, policy: policy.name };',
    only: "cannot be evaluated",
    why: "whoever lacks the attribute passes by the rule about it",
  },
  {
    ...DECIDE,
    name: "policy: none that allows is needed",
    find: "return hasAllow ? UNMATCHED : NONE;",
    replace: "return NONE;",
    only: "let in whom",
    why: "a list of who may call is no list",
  },
  {
    ...DECIDE,
    name: "policy: allowing goes before denying",
    find: 'found.sort((a, b) => Number(b.effect === "deny") - Number(a.effect === "deny"));',
    replace: 'found.sort((a, b) => Number(a.effect === "deny") - Number(b.effect === "deny"));',
    only: "deny go before",
    why: "a general permission overrules every exception",
  },
  {
    ...DECIDE,
    name: "policy: any key of a service counts as the project's",
    find: 'return role === "service_role" && userId === null && !isLimited;',
    replace: 'return role === "service_role" || isLimited;',
    only: "tested together",
    why: "a limited key passes by every policy",
  },
  {
    ...POLICIES,
    name: "policy: what is no truth value is false",
    file: "src/shared/policy/evaluate.ts",
    find: '  if (typeof value === "boolean") return value;',
    replace: "  if (value === null || typeof value !== 'object') return value === true;",
    why: "a misspelt condition silently never holds",
  },
  {
    name: "policy: functions do not ask",
    file: "src/capabilities/functions/invoke-function.ts",
    find: "  if (allowed) return;\n",
    replace: "  if (allowed || policy !== action) return;\n",
    tests: ["test/functions/policies.test.ts"],
    only: "refuses all others",
    why: "policies are written and mean nothing",
  },
];
