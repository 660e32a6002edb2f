/**
 * The `[[policies]]` of reactor.toml: with a fault or a failing test the server does not start, and one
 * that runs goes on with those it has.
 */
import type { Config } from "../../core/config/config.ts";
import type { Policies } from "../../core/ports/policies.ts";
import { StartupError } from "../../core/startup-error.ts";
import { loadPolicies } from "../../shared/policy/load-policies.ts";

export interface LivePolicies extends Policies {
  /** Reads those of another configuration; what is returned puts them in force. @throws as `livePolicies` */
  prepare(config: Pick<Config, "lists">): () => void;
}

/** @throws StartupError policies_invalid, with everything that is wrong */
export function livePolicies(config: Pick<Config, "lists">): LivePolicies {
  let current = policiesOf(config);
  return {
    decide: (request) => current.decide(request),
    explain: (request) => current.explain(request),
    prepare(changed) {
      const next = policiesOf(changed);
      return () => {
        current = next;
      };
    },
  };
}

function policiesOf({ lists }: Pick<Config, "lists">): Policies {
  const { policies, faults, tests } = loadPolicies(lists["policies"] ?? []);
  const failed = tests
    .filter(({ ok }) => !ok)
    .map((t) => `policy '${t.policy}': test '${t.test}': expected ${t.expected}: ${t.reason}`);
  const all = [...faults, ...failed];
  if (all.length === 0) return policies;
  throw new StartupError({
    code: "policies_invalid",
    message: `The policies of reactor.toml cannot be used:\n${all.map((one) => `  ${one}`).join("\n")}`,
    hint: "`reactor policy test` checks them without a server",
    exitCode: 2,
  });
}
