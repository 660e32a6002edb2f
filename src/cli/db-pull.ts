/** `reactor db pull`: a database's schema as the project's next migration. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CliError } from "./cli-error.ts";
import { type Command, projectOption, targetOptions } from "./command.ts";
import { type DiffAnswer, tell } from "./db-diff.ts";
import { migrationTexts, nextMigrationName, readProject } from "./project-files.ts";
import { connect } from "./server-client.ts";

interface PullAnswer extends DiffAnswer {
  /** Null when there was nothing to pull. */
  readonly name: string | null;
}

const TITLE = /^[A-Za-z0-9_.-]{1,100}$/;

export const pull: Command = {
  name: "db pull",
  summary: "Write the database's schema as the next migration",
  usage: "[options] [TITLE]",
  details:
    "Schemas, tables, types, functions, views, policies, grants and more, without what the project's\nmigrations make already. The server notes the migration as applied, because its database has it.\nThe title is part of the file's name (default: pulled_schema).",
  options: { ...projectOption, ...targetOptions },
  args: [0, 1],
  examples: [
    { run: "reactor db pull --context prod", what: "begin with a database that is there" },
    { run: "reactor db pull add_invoices", what: "what was changed by hand since" },
  ],
  async run(context) {
    const title = context.args[0] ?? "pulled_schema";
    if (!TITLE.test(title)) {
      const hint = "Letters, digits, '_', '.' and '-'";
      throw new CliError("user", "invalid_argument", `'${title}' is no title for a file`, hint);
    }
    const project = await readProject(context);
    const client = await connect(context);
    const progress = context.out.progress("Pulling");
    try {
      const name = nextMigrationName(project, title, context.host.clock.now());
      const json = { migrations: migrationTexts(project), name };
      const options = { method: "POST", json, isLong: true };
      const answer = await client.json<PullAnswer>("/_admin/db/pull", options);
      progress.end();
      tell(context, answer);
      const file = answer.name === null ? null : join(project.migrationsDir, `${answer.name}.sql`);
      if (file !== null) writeMigration(project.migrationsDir, file, answer.sql);
      const { statements, warnings } = answer;
      const text = file === null ? "Nothing to pull" : `Wrote ${file} (${statements} statements)`;
      context.out.result({ file, statements, warnings }, text);
      return 0;
    } finally {
      progress.end();
    }
  },
};

function writeMigration(dir: string, file: string, sql: string): void {
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(file, sql, { flag: "wx" });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unwritable";
    throw new CliError("user", "file_unwritable", `${file} cannot be written (${reason})`);
  }
}
