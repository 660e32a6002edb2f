/** `reactor policy`: the policies of the project, checked and explained without a server. */
import { findProjectDir } from "../core/config/project-dir.ts";
import { isPermission } from "../core/permissions.ts";
import type { PolicyExplanation } from "../core/ports/policies.ts";
import { CliError, EXIT } from "./cli-error.ts";
import { type Command, type CommandContext, projectOption } from "./command.ts";

const test: Command = {
  name: "policy test",
  summary: "Check the policies of reactor.toml and run their tests",
  usage: "[options]",
  details:
    "The server does the same when it starts, and does not start when something is wrong.\nExit code 4 when a policy has a fault or a test fails.",
  options: projectOption,
  args: [0, 0],
  examples: [{ run: "reactor policy test", what: "what would keep the server from starting" }],
  async run(context) {
    const report = await context.host.checkPolicies(await policiesOf(context));
    const failed = report.tests.filter(({ ok }) => !ok).length;
    const isFine = report.faults.length === 0 && failed === 0;
    context.out.result({ ok: isFine, ...report }, () => {
      const lines = report.tests.map(
        ({ ok, policy, test: name, expected, reason }) =>
          `${ok ? "✓" : "✗"} ${policy}: ${name}${ok ? "" : ` (expected ${expected}: ${reason})`}`,
      );
      const count = `${report.policies.length} policies, ${report.tests.length} tests, ${failed} failed`;
      return [...report.faults.map((fault) => `✗ ${fault}`), ...lines, count].join("\n");
    });
    return isFine ? EXIT.ok : EXIT.validation;
  },
};

const explain: Command = {
  name: "policy explain",
  summary: "Say who may do what by the policies of reactor.toml, and why",
  usage: "[options] ACTION",
  details:
    "ACTION is area:resource:action, as in functions:hello:invoke. --as describes the caller by\nattributes of `principal`; without it a signed-in person in no organisation.",
  options: {
    ...projectOption,
    as: { value: "JSON", description: `The caller, as in '{"org_role":"admin"}'` },
  },
  args: [1, 1],
  examples: [
    {
      run: `reactor policy explain functions:hello:invoke --as '{"org_role":"member"}'`,
      what: "may a member call hello?",
    },
  ],
  async run(context) {
    const action = context.args[0] ?? "";
    if (!isPermission(action) || action.includes("*")) {
      throw new CliError("user", "bad_action", `'${action}' is not area:resource:action`);
    }
    const list = await policiesOf(context);
    const told = await context.host.explainPolicies(list, callerOf(context), action);
    const { explanation } = told;
    if (explanation === null) {
      throw new CliError("validation", "policies_invalid", told.faults.join("\n"));
    }
    context.out.result(explanation, () => explanationText(explanation));
    return EXIT.ok;
  },
};

export const command: Command = {
  name: "policy",
  summary: "Check and explain the policies of the project: test, explain",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: [{ run: "reactor policy test", what: "do the policies do what their tests say?" }],
  subcommands: [test, explain],
};

async function policiesOf(context: CommandContext) {
  const { host } = context;
  const found = findProjectDir(context.option("project"), host.cwd);
  return host.loadList(found, "policies");
}

function callerOf(context: CommandContext): Readonly<Record<string, unknown>> {
  const text = context.option("as");
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new CliError("user", "bad_caller", "--as must be a JSON object of attributes of principal");
}

function explanationText({ allowed, reason, verdicts }: PolicyExplanation): string {
  const lines = verdicts.flatMap(({ policy, effect, outcome, error, trace }) => [
    `${effect} '${policy}' ${outcome}${error === null ? "" : `, ${error}`}`,
    ...trace.map(({ text, value }) => `    ${text}  =  ${JSON.stringify(value)}`),
  ]);
  return [`${allowed ? "allowed" : "denied"}: ${reason}`, ...lines].join("\n");
}
