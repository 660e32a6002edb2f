/** `reactor db diff`: what the database has that the project's migrations do not make, as SQL. */
import { type Command, type CommandContext, projectOption, targetOptions } from "./command.ts";
import { migrationTexts, readProject } from "./project-files.ts";
import { connect } from "./server-client.ts";

export interface DiffAnswer {
  readonly sql: string;
  readonly statements: number;
  readonly warnings: readonly string[];
  readonly pending: readonly string[];
}

const DIFFERENT = 1;

export const diff: Command = {
  name: "db diff",
  summary: "Show what the database has that the migrations do not make",
  usage: "[options]",
  details:
    "Applies the project's migrations to a scratch database of the same server, compares the two and\nprints the SQL that makes the difference. Objects of extensions and of the server itself are left\nout, and so are migrations that the database does not have yet. With --exit-code the exit code is\n1 when there is a difference.",
  options: {
    "exit-code": { description: "Exit code 1 when there is a difference" },
    ...projectOption,
    ...targetOptions,
  },
  args: [0, 0],
  examples: [
    { run: "reactor db diff", what: "as SQL" },
    { run: "reactor db diff --exit-code > /dev/null", what: "in a check" },
  ],
  async run(context) {
    const project = await readProject(context);
    const client = await connect(context);
    const progress = context.out.progress("Comparing");
    try {
      const json = { migrations: migrationTexts(project) };
      const options = { method: "POST", json, isLong: true };
      const answer = await client.json<DiffAnswer>("/_admin/db/diff", options);
      progress.end();
      tell(context, answer);
      const text = answer.sql === "" ? "-- No difference" : answer.sql.trimEnd();
      context.out.result(answer, text);
      return context.has("exit-code") && answer.statements > 0 ? DIFFERENT : 0;
    } finally {
      progress.end();
    }
  },
};

/** What is left out or left to do, on standard error. */
export function tell({ out }: CommandContext, answer: DiffAnswer): void {
  for (const name of answer.pending) out.note(`pending, left out: ${name}`);
  for (const warning of answer.warnings) out.note(`warning: ${warning}`);
}
