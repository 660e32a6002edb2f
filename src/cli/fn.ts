/** `reactor fn`: functions, one by one. */
import { checkTypes } from "./check-types.ts";
import { type Command, projectOption, targetOptions } from "./command.ts";
import { adminPath, cell, type Row, shareText, shortVersion } from "./fn-client.ts";
import { invoke } from "./fn-invoke.ts";
import { create } from "./fn-new.ts";
import { promote, rollback } from "./fn-promote.ts";
import { invocations, remove, show } from "./fn-show.ts";
import { env, secrets } from "./fn-variables.ts";
import { logOptions, printLogs } from "./log-options.ts";
import { table } from "./output.ts";
import { chooseFunctions, readProject } from "./project-files.ts";
import { runDeploy } from "./run-deploy.ts";
import { connect, connectWithKey, type ServerClient } from "./server-client.ts";

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
    const rows = functions.map((row) => [
      cell(row, "name"),
      cell(row, "runtime"),
      shortVersion(row),
      shareText(row),
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
    "no-promote": { description: "Keep the new version without calls; see `reactor fn promote`" },
    "no-check": { description: "Do not check types, where the project has TypeScript" },
    ...projectOption,
    ...targetOptions,
  },
  args: [0, 1000],
  examples: [
    { run: "reactor fn deploy hello", what: "one function" },
    { run: "reactor fn deploy hello --no-promote", what: "to be tried with a part of the calls" },
    {
      run: "reactor fn deploy orders",
      what: "also functions/orders.zip, or its folder, for AWS Lambda",
    },
    { run: "reactor fn deploy", what: "all of the project's" },
  ],
  async run(context) {
    const project = await readProject(context);
    const functions = chooseFunctions(project, context.args);
    if (!context.has("no-check")) await checkTypes(project.dir, functions, project.functions);
    const dryRun = context.has("dry-run");
    return runDeploy(context, await connect(context), {
      migrations: [],
      functions,
      dryRun,
      isWhole: false,
      promote: !context.has("no-promote"),
    });
  },
};

const logs: Command = {
  name: "fn logs",
  summary: "Show what a function logged",
  usage: "[options] NAME",
  options: {
    ...logOptions,
    request: { value: "ID", description: "Only lines of this request" },
    ...targetOptions,
  },
  args: [1, 1],
  examples: [{ run: "reactor fn logs hello -f", what: "follow" }],
  async run(context) {
    const client = await connectWithKey(context);
    const path = adminPath(context.args[0] ?? "", "logs");
    const query = { level: context.option("level"), request_id: context.option("request") };
    return printLogs(context, client, path, { as: "key", query, resumes: true });
  },
};

export const command: Command = {
  name: "fn",
  summary: "Work with functions: make, deploy, call, watch, promote, roll back",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: [{ run: 'reactor fn invoke hello --data \'{"name":"Ada"}\'', what: "call one" }],
  subcommands: [
    create,
    deploy,
    list,
    show,
    invoke,
    logs,
    invocations,
    promote,
    rollback,
    env,
    secrets,
    remove,
  ],
};
