/** `reactor db`: a project's database and its migrations, compared and made anew. */
import type { Command } from "./command.ts";
import { diff } from "./db-diff.ts";
import { pull } from "./db-pull.ts";
import { reset, seed } from "./db-reset.ts";

export const command: Command = {
  name: "db",
  summary: "Work on the database: pull, diff, reset, seed",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: [{ run: "reactor db diff", what: "what the migrations do not make" }],
  subcommands: [pull, diff, reset, seed],
};
