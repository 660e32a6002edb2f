/** `reactor fn promote` and `rollback`: which version of a function gets the calls. */
import { CliError } from "./cli-error.ts";
import { type Command, targetOptions } from "./command.ts";
import { adminPath, type Row, shareText, shortVersion } from "./fn-client.ts";
import { connectWithKey } from "./server-client.ts";

export const promote: Command = {
  name: "fn promote",
  summary: "Give a version of a function calls: a part of them, or all",
  usage: "[options] NAME",
  details:
    "Without --version it is the version that has a part of the calls already, else the last one deployed.\n`reactor fn deploy --no-promote` deploys a version without calls.",
  options: {
    version: { value: "VERSION", description: "Which one; 8 characters of it are enough" },
    percent: { value: "N", description: "Part of the calls, 0 to 100 (default: 100; 0 ends it)" },
    by: {
      value: "WHAT",
      description: "What decides: each request, or who calls, who then stays with one version",
      choices: ["request", "caller"],
    },
    ...targetOptions,
  },
  args: [1, 1],
  examples: [
    { run: "reactor fn promote hello --percent 10", what: "try the newest with a tenth" },
    { run: "reactor fn promote hello", what: "all calls to it" },
  ],
  async run(context) {
    const percent = context.option("percent");
    if (percent !== undefined && !/^(?:100|\d{1,2}(?:\.\d{1,2})?)$/.test(percent)) {
      const hint = "Write a number from 0 to 100, as in --percent 10";
      throw new CliError("user", "invalid_argument", "--percent is a part of a hundred", hint);
    }
    const json = {
      version: context.option("version"),
      percent: percent === undefined ? undefined : Number(percent),
      by: context.option("by"),
    };
    const name = context.args[0] ?? "";
    const client = await connectWithKey(context);
    const options = { method: "POST", as: "key" as const, json };
    const answer = await client.json<Row>(adminPath(name, "promote"), options);
    const share = shareText(answer);
    const rest = share === "" ? "" : `, ${share}`;
    context.out.result(answer, `${name} is at ${shortVersion(answer)}${rest}`);
    return 0;
  },
};

export const rollback: Command = {
  name: "fn rollback",
  summary: "Put an earlier version of a function in service",
  usage: "[options] NAME",
  details:
    "While two versions share the calls, without --version, it ends that: the older one gets all.",
  options: {
    version: { value: "VERSION", description: "Which one (default: the one before)" },
    ...targetOptions,
  },
  args: [1, 1],
  examples: [{ run: "reactor fn rollback hello", what: "to the version before" }],
  async run(context) {
    const client = await connectWithKey(context);
    const name = context.args[0] ?? "";
    const version = context.option("version");
    const json = version === undefined ? {} : { version };
    const options = { method: "POST", as: "key" as const, json };
    const answer = await client.json<Row>(adminPath(name, "rollback"), options);
    context.out.result(answer, `${name} is at ${shortVersion(answer)}`);
    return 0;
  },
};
