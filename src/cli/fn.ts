/** `reactor fn`: functions, one by one. */
import { escapeControls } from "../core/pretty-log.ts";
import { type Command, projectOption, targetOptions } from "./command.ts";
import { invoke } from "./fn-invoke.ts";
import { logOptions, printLogs } from "./log-options.ts";
import { table } from "./output.ts";
import { chooseFunctions, readProject } from "./project-files.ts";
import { runDeploy } from "./run-deploy.ts";
import { connect, connectWithKey, type ServerClient } from "./server-client.ts";

type Row = Readonly<Record<string, unknown>>;

interface Page {
  readonly functions: readonly Row[];
  /** `after` of the page that follows; null at the end. */
  readonly next?: string | null;
}

async function allFunctions(client: ServerClient): Promise<Row[]> {
  const all: Row[] = [];
  let after: string | undefined;
  do {
    const options = { as: "key" as const, query: { after, limit: "1000" } };
    const page: Page = await client.json<Page>("/fn/v1/_admin", options);
    all.push(...page.functions);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return all;
}

const SHORT_VERSION = 12;

const list: Command = {
  name: "fn list",
  summary: "List deployed functions",
  usage: "[options]",
  options: targetOptions,
  args: [0, 0],
  examples: [{ run: "reactor fn list", what: "name, runtime, version" }],
  async run(context) {
    const client = await connectWithKey(context);
    const functions = await allFunctions(client);
    const cell = (row: Row, key: string) => escapeControls(String(row[key] ?? ""));
    const rows = functions.map((row) => [
      cell(row, "name"),
      cell(row, "runtime"),
      cell(row, "version").slice(0, SHORT_VERSION),
      cell(row, "description"),
    ]);
    const none = "No functions are deployed";
    context.out.result({ functions }, () => (rows.length === 0 ? none : table(rows)));
    return 0;
  },
};

const deploy: Command = {
  name: "fn deploy",
  summary: "Deploy functions of the project, without its migrations",
  usage: "[options] [NAME...]",
  options: {
    "dry-run": { description: "Show what would change, and change nothing" },
    ...projectOption,
    ...targetOptions,
  },
  args: [0, 1000],
  examples: [
    { run: "reactor fn deploy hello", what: "one function" },
    { run: "reactor fn deploy", what: "all of the project's" },
  ],
  async run(context) {
    const functions = chooseFunctions(await readProject(context), context.args);
    const dryRun = context.has("dry-run");
    return runDeploy(context, await connect(context), {
      migrations: [],
      functions,
      dryRun,
      isWhole: false,
    });
  },
};

const logs: Command = {
  name: "fn logs",
  summary: "Show what a function logged",
  usage: "[options] NAME",
  options: { ...logOptions, ...targetOptions },
  args: [1, 1],
  examples: [{ run: "reactor fn logs hello -f", what: "follow" }],
  async run(context) {
    const client = await connectWithKey(context);
    const path = `/fn/v1/_admin/${encodeURIComponent(context.args[0] ?? "")}/logs`;
    return printLogs(context, client, path, { as: "key", query: {} });
  },
};

const rollback: Command = {
  name: "fn rollback",
  summary: "Put an earlier version of a function in service",
  usage: "[options] NAME",
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
    const path = `/fn/v1/_admin/${encodeURIComponent(name)}/rollback`;
    const json = version === undefined ? {} : { version };
    const answer = await client.json<Row>(path, { method: "POST", as: "key", json });
    const now = String(answer["version"] ?? version ?? "").slice(0, SHORT_VERSION);
    context.out.result(answer, `${name} is at ${escapeControls(now)}`);
    return 0;
  },
};

export const command: Command = {
  name: "fn",
  summary: "Work with functions: list, deploy, invoke, logs, rollback",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: [{ run: 'reactor fn invoke hello --data \'{"name":"Ada"}\'', what: "call one" }],
  subcommands: [list, deploy, invoke, logs, rollback],
};
