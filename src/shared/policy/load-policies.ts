/** Policies that can be used: read without a fault, and their own tests hold. */
import type { Policies } from "../../core/ports/policies.ts";
import { createPolicies } from "./create-policies.ts";
import { readPolicies } from "./read-policies.ts";

export interface PolicyTestResult {
  readonly policy: string;
  readonly test: string;
  readonly ok: boolean;
  readonly expected: "allow" | "deny";
  readonly got: "allow" | "deny";
  /** Why it came out so. */
  readonly reason: string;
}

export interface LoadedPolicies {
  readonly policies: Policies;
  readonly names: readonly string[];
  /** Sentences about what was written; empty when it can be used. */
  readonly faults: readonly string[];
  /** Each test against all policies together. */
  readonly tests: readonly PolicyTestResult[];
}

/** @param list the `[[policies]]` tables of reactor.toml */
export function loadPolicies(list: readonly Readonly<Record<string, unknown>>[]): LoadedPolicies {
  const { policies: read, faults } = readPolicies(list);
  const policies = createPolicies(read);
  const tests = read.flatMap((policy) =>
    policy.tests.map(({ name, expect, ...asked }): PolicyTestResult => {
      const { allowed, reason } = policies.explain(asked);
      const got = allowed ? "allow" : "deny";
      const ok = got === expect;
      return { policy: policy.name, test: name, ok, expected: expect, got, reason };
    }),
  );
  return { policies, names: read.map(({ name }) => name), faults, tests };
}
