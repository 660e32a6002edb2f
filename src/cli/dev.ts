/** `reactor dev`: the server for work on a project, watching its files. */
import type { Command } from "./command.ts";
import { readServeOptions, serveOptions } from "./serve-options.ts";

export const command: Command = {
  name: "dev",
  summary: "Run the server and reload the project as it changes",
  usage: "[options]",
  details:
    "Applies new migrations and redeploys changed functions as their files are saved. Works in an\nempty folder too.",
  options: serveOptions,
  args: [0, 0],
  isText: true,
  examples: [
    { run: "reactor dev", what: "the project in this folder" },
    { run: "reactor dev --project shop --port 0", what: "another folder, any free port" },
  ],
  run(context) {
    const options = readServeOptions(context);
    // An empty folder becomes a project as files are saved into it.
    const project = { ...options.project, dir: options.project.dir ?? context.host.cwd };
    return context.host.dev({ ...options, project });
  },
};
