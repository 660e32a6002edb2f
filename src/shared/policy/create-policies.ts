/** Decides by policies, and says why. See `core/ports/policies.ts` for the rules. */
import { covers } from "../../core/permissions.ts";
import type {
  Policies,
  PolicyDecision,
  PolicyExplanation,
  PolicyRequest,
  PolicyVerdict,
} from "../../core/ports/policies.ts";
import { LruMap } from "../lru-map.ts";
import { type Attributes, attributesOf } from "./attributes.ts";
import { evaluate, truth } from "./evaluate.ts";
import { type Expression, ExpressionError } from "./expression.ts";
import type { Policy } from "./read-policies.ts";

/** Actions whose policies are remembered; names of functions come from callers. */
const ACTIONS_MAX = 2_000;
const NONE: PolicyDecision = Object.freeze({ allowed: true, policy: null });
const UNMATCHED: PolicyDecision = Object.freeze({ allowed: false, policy: null });

export function createPolicies(policies: readonly Policy[]): Policies {
  const byAction = new LruMap<string, readonly Policy[]>(ACTIONS_MAX);
  const about = (action: string): readonly Policy[] => {
    const known = byAction.get(action);
    if (known) return known;
    const found = policies.filter((policy) => covers(policy.actions, action));
    // Refusals first: one of them is enough.
    found.sort((a, b) => Number(b.effect === "deny") - Number(a.effect === "deny"));
    byAction.set(action, found);
    return found;
  };
  return {
    decide(request) {
      if (isProject(request)) return NONE;
      const found = policies.length === 0 ? [] : about(request.action);
      return found.length === 0 ? NONE : decideBy(found, attributesOf(request));
    },
    explain: (request) => explainBy(about(request.action), request),
  };
}

/** Whoever holds the secret key could change the policies too. */
function isProject({ principal: { role, userId, keyId, scopes } }: PolicyRequest): boolean {
  const isLimited = keyId !== undefined || scopes !== undefined;
  return role === "service_role" && userId === null && !isLimited;
}

function decideBy(found: readonly Policy[], given: Attributes): PolicyDecision {
  let hasAllow = false;
  for (const policy of found) {
    const outcome = outcomeOf(policy, given);
    if (policy.effect === "deny") {
      if (outcome !== "does not apply") return { allowed: false, policy: policy.name };
      continue;
    }
    hasAllow = true;
    if (outcome === "applies") return { allowed: true, policy: policy.name };
  }
  return hasAllow ? UNMATCHED : NONE;
}

function outcomeOf({ when }: Policy, given: Attributes): PolicyVerdict["outcome"] {
  if (when === null) return "applies";
  try {
    return truth(when, given) ? "applies" : "does not apply";
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return "failed";
  }
}

function explainBy(found: readonly Policy[], request: PolicyRequest): PolicyExplanation {
  const given = attributesOf(request);
  if (isProject(request)) {
    const reason = "The project's secret key passes by policies, as it does by row security";
    return { ...NONE, action: request.action, reason, verdicts: [] };
  }
  const decision = found.length === 0 ? NONE : decideBy(found, given);
  const verdicts = found.map((policy) => verdictOf(policy, given));
  return { ...decision, action: request.action, reason: reasonOf(decision, verdicts), verdicts };
}

function reasonOf({ allowed, policy }: PolicyDecision, verdicts: readonly PolicyVerdict[]): string {
  if (verdicts.length === 0) return "No policy is about this action, so it is allowed";
  const decided = verdicts.find((verdict) => verdict.policy === policy);
  if (decided?.outcome === "failed") return `The condition of '${policy}' could not be evaluated`;
  if (policy !== null) return `'${policy}' ${allowed ? "allows" : "denies"} it`;
  return allowed ? "No policy denies it" : "Policies are about this action, and none allows it";
}

function verdictOf(policy: Policy, given: Attributes): PolicyVerdict {
  const { name, effect, when, source } = policy;
  const outcome = outcomeOf(policy, given);
  const trace: { text: string; value: unknown }[] = [];
  let error: string | null = null;
  if (when !== null && source !== null) {
    const note = (part: Expression, value: unknown) => {
      if (part.kind !== "literal") trace.push({ text: source.slice(part.from, part.to), value });
    };
    try {
      evaluate(when, given, note);
      truth(when, given);
    } catch (cause) {
      if (!(cause instanceof ExpressionError)) throw cause;
      error = `at character ${cause.at + 1}: ${cause.message}`;
    }
  }
  return { policy: name, effect, outcome, error, trace };
}
