/** What the command line is told of policies, without a server: `reactor policy`. */
import { loadPolicies } from "../../shared/policy/load-policies.ts";
import { principalFrom } from "../../shared/policy/read-tests.ts";

type Table = Readonly<Record<string, unknown>>;

export function checkPolicies(list: readonly Table[]) {
  const { names, faults, tests } = loadPolicies(list);
  return { policies: names, faults, tests };
}

/** @param as attributes of `principal` */
export function explainPolicies(list: readonly Table[], as: Table, action: string) {
  const { policies, faults } = loadPolicies(list);
  const all = [...faults];
  const principal = principalFrom(as, (fault) => all.push(fault));
  if (principal === null || all.length > 0) return { faults: all, explanation: null };
  return { faults: all, explanation: policies.explain({ principal, action }) };
}
