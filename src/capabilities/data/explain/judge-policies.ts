/** Evaluates the policies of a table for what a request does with it. */
import type { PolicyFinding } from "./access.ts";
import type { PolicyFacts, RelationFacts } from "./access-store.ts";
import type { Examined, Examiner } from "./examine-rows.ts";
import type { Touched } from "./touched.ts";

/** More are told of and not evaluated: each is a query. */
const EVALUATED_MAX = 50;

type PolicyCommand = "select" | "insert" | "update" | "delete";

/** For what policies are asked: a write that reads rows is subject to those of SELECT as well. */
export function policyCommands(touched: Touched): ReadonlySet<PolicyCommand> {
  const { command, needs, upserts } = touched;
  const commands = new Set<PolicyCommand>(command === "put" ? ["insert"] : [command]);
  if (upserts) commands.add("update");
  if (needs.needsSelect) commands.add("select");
  return commands;
}

export async function findPolicies(
  facts: RelationFacts,
  touched: Touched,
  examiner: Examiner,
): Promise<PolicyFinding[]> {
  const commands = policyCommands(touched);
  const findings: PolicyFinding[] = [];
  let evaluated = 0;
  for (const policy of facts.policies) {
    const applies = policy.isForRole && [...commands].some((command) => isFor(policy, command));
    const isEvaluated = applies && facts.isBound && evaluated++ < EVALUATED_MAX;
    findings.push(
      isEvaluated
        ? await evaluate(policy, touched, examiner)
        : { ...describe(policy, applies), rows_passing: null, rows_accepted: null, error: null },
    );
  }
  return findings;
}

function isFor({ command }: PolicyFacts, wanted: PolicyCommand): boolean {
  return command === "all" || command === wanted;
}

function describe({ name, command, mode, roles, using, check }: PolicyFacts, applies: boolean) {
  return { name, command, mode, roles, applies, using, check };
}

async function evaluate(
  policy: PolicyFacts,
  touched: Touched,
  examiner: Examiner,
): Promise<PolicyFinding> {
  const { using, command } = policy;
  const shown = touched.command === "insert" ? touched.shows && isFor(policy, "select") : true;
  const old: Examined | null =
    using === null || !shown
      ? null
      : await examiner.examine(touched.command === "insert" ? "proposed" : "existing", using);
  // A policy without a check of its own is one by its USING, where rows are written.
  const written = touched.body !== null && command !== "select" && command !== "delete";
  const accepted = written ? (policy.check ?? using) : null;
  const checked = accepted === null ? null : await examiner.examine("proposed", accepted);
  return {
    ...describe(policy, true),
    rows_passing: old?.passing ?? null,
    rows_accepted: checked?.passing ?? null,
    error: old?.error ?? checked?.error ?? null,
  };
}
