/**
 * `reactor fn env` and `reactor fn secrets`: names with values that a function is given, set without
 * a deploy and never shown again. A secret's value is read from standard input, a file or a prompt:
 * arguments stand in the shell's history and in the list of processes.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CliError } from "./cli-error.ts";
import { type Command, type CommandContext, type OptionSpec, targetOptions } from "./command.ts";
import { adminPath, cell, type Row } from "./fn-client.ts";
import { table } from "./output.ts";
import { parseDotenv } from "./parse-dotenv.ts";
import { connectWithKey } from "./server-client.ts";

type Kind = "env" | "secrets";

const SHARED = "_shared";
const ownerOption = {
  function: { value: "NAME", description: "Of this function only (default: of all functions)" },
} as const satisfies Record<string, OptionSpec>;
const fileOption = {
  "env-file": { value: "FILE", description: "Set all of a file of NAME=value lines" },
} as const satisfies Record<string, OptionSpec>;

const ownerOf = (context: CommandContext) => context.option("function") ?? SHARED;

async function change(
  context: CommandContext,
  kind: Kind,
  values: Readonly<Record<string, string | null>>,
): Promise<number> {
  const client = await connectWithKey(context);
  const owner = ownerOf(context);
  const options = { method: "PATCH", as: "key" as const, json: values };
  const answer = await client.json<Row>(adminPath(owner, kind), options);
  const names = Object.keys(values).join(", ");
  const whose = owner === SHARED ? "all functions" : owner;
  const isRemoval = Object.values(values).every((value) => value === null);
  const did = isRemoval ? "Removed" : "Set";
  context.out.result(answer, `${did} ${names} of ${whose}; it counts from the next call`);
  return 0;
}

function list(kind: Kind): Command {
  return {
    name: `fn ${kind} list`,
    summary: `List the names of ${kind === "env" ? "the environment" : "secrets"}, without values`,
    usage: "[options]",
    options: { ...ownerOption, ...targetOptions },
    args: [0, 0],
    examples: [{ run: `reactor fn ${kind} list --function hello`, what: "of one function" }],
    async run(context) {
      const client = await connectWithKey(context);
      const answer = await client.json<Readonly<Record<string, Row[]>>>(
        adminPath(ownerOf(context), kind),
        { as: "key" },
      );
      const rows = (answer[kind] ?? []).map((row) => [cell(row, "name"), cell(row, "updated_at")]);
      context.out.result(answer, () => (rows.length === 0 ? "None are set" : table(rows)));
      return 0;
    },
  };
}

function unset(kind: Kind): Command {
  return {
    name: `fn ${kind} unset`,
    summary: "Remove by name",
    usage: "[options] KEY...",
    options: { ...ownerOption, ...targetOptions },
    args: [1, 100],
    examples: [{ run: `reactor fn ${kind} unset API_KEY`, what: "of all functions" }],
    run: (context) =>
      change(context, kind, Object.fromEntries(context.args.map((key) => [key, null]))),
  };
}

const setEnv: Command = {
  name: "fn env set",
  summary: "Set variables of the environment, without a deploy",
  usage: "[options] [KEY=VALUE...]",
  details: "For what is no secret. Secrets are set with `reactor fn secrets set`.",
  options: { ...ownerOption, ...fileOption, ...targetOptions },
  args: [0, 100],
  examples: [{ run: "reactor fn env set MODE=test --function hello", what: "of one function" }],
  async run(context) {
    const values = { ...readFile(context), ...Object.fromEntries(context.args.map(pairOf)) };
    return change(context, "env", needSome(values));
  },
};

function pairOf(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new CliError("user", "invalid_argument", `'${text}' has no value`, "Write KEY=VALUE");
}

const setSecrets: Command = {
  name: "fn secrets set",
  summary: "Set secrets, without a deploy",
  usage: "[options] [KEY...]",
  details:
    'The value of one KEY is read from standard input; on a terminal each is asked for, without\necho. A value is never taken from the arguments. Functions read it with `reactor.secrets.get`,\nor as `env = { KEY = "vault:KEY" }` in [[functions]].',
  options: { ...ownerOption, ...fileOption, ...targetOptions },
  args: [0, 100],
  examples: [
    { run: "reactor fn secrets set STRIPE_KEY --function pay", what: "asks for it" },
    { run: "reactor fn secrets set STRIPE_KEY < key.txt", what: "of all functions, from a file" },
    { run: "reactor fn secrets set --env-file .env.production", what: "many at once" },
  ],
  async run(context) {
    const values = { ...readFile(context), ...(await readValues(context)) };
    return change(context, "secrets", needSome(values));
  },
};

async function readValues(context: CommandContext): Promise<Record<string, string>> {
  const { args } = context;
  const { stdin } = context.host.terminal;
  const withValue = args.find((key) => key.includes("="));
  if (withValue !== undefined) {
    const key = withValue.slice(0, withValue.indexOf("="));
    const message = "A secret is not given as an argument: others could read it there";
    throw new CliError(
      "user",
      "secret_in_arguments",
      message,
      `reactor fn secrets set ${key} < file`,
    );
  }
  if (args.length === 0) return {};
  if (!stdin.isTerminal && args.length > 1) {
    const hint = "Set one at a time, or give --env-file";
    throw new CliError("user", "wrong_arguments", "Standard input holds one value", hint);
  }
  const values: [name: string, value: string][] = [];
  for (const key of args) {
    const value = stdin.isTerminal
      ? await stdin.readSecret(`${key}: `)
      : new TextDecoder().decode(await stdin.readAll()).replace(/\r?\n$/, "");
    if (value === "") throw new CliError("user", "missing_value", `No value was given for ${key}`);
    values.push([key, value]);
  }
  return Object.fromEntries(values);
}

function readFile(context: CommandContext): Record<string, string> {
  const name = context.option("env-file");
  if (name === undefined) return {};
  const path = resolve(context.host.cwd, name);
  try {
    return parseDotenv(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof CliError) throw error;
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new CliError("user", "file_unreadable", `${path} cannot be read (${reason})`);
  }
}

function needSome<T extends object>(values: T): T {
  if (Object.keys(values).length > 0) return values;
  throw new CliError("user", "wrong_arguments", "Nothing to set", "Name it, or give --env-file");
}

function group(kind: Kind, summary: string, set: Command): Command {
  return {
    name: `fn ${kind}`,
    summary,
    usage: "COMMAND",
    options: {},
    args: [0, 0],
    examples: set.examples,
    subcommands: [list(kind), set, unset(kind)],
  };
}

export const env = group("env", "The environment of functions: list, set, unset", setEnv);
export const secrets = group("secrets", "Secrets of functions: list, set, unset", setSecrets);
