/** The `[[policies]]` of reactor.toml as the server starts: with a fault or a failing test it does not. */
import type { Config } from "../../core/config/config.ts";
import type { Policies } from "../../core/ports/policies.ts";
import { StartupError } from "../../core/startup-error.ts";
import { loadPolicies } from "../../shared/policy/load-policies.ts";

/** @throws StartupError policies_invalid, with everything that is wrong */
export function policiesOf({ lists }: Pick<Config, "lists">): Policies {
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
