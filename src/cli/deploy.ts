/** `reactor deploy`: sends the project to the server. */
import { checkTypes } from "./check-types.ts";
import { type Command, projectOption, targetOptions } from "./command.ts";
import { readProject } from "./project-files.ts";
import { runDeploy } from "./run-deploy.ts";
import { connect } from "./server-client.ts";

export const command: Command = {
  name: "deploy",
  summary: "Deploy the project: migrations, then functions",
  usage: "[options]",
  details:
    "Each phase is reported as it stands; after a failure the same command goes on from there.\nExit code 4 when the project is at fault, 5 when the server is.",
  options: {
    "dry-run": { description: "Show what would change, and change nothing" },
    "no-check": { description: "Do not check types, where the project has TypeScript" },
    ...projectOption,
    ...targetOptions,
  },
  args: [0, 0],
  examples: [
    { run: "reactor deploy --dry-run", what: "what would change" },
    { run: "reactor deploy --context prod", what: "to a saved server" },
  ],
  async run(context) {
    const { dir, migrations, functions } = await readProject(context);
    if (!context.has("no-check")) await checkTypes(dir, functions, functions);
    const dryRun = context.has("dry-run");
    const contents = { migrations, functions, dryRun, isWhole: true };
    return runDeploy(context, await connect(context), contents);
  },
};
