/** `reactor migrate`: applies the project's SQL files that the database does not have yet. */
import { type Command, projectOption, targetOptions } from "./command.ts";
import { table } from "./output.ts";
import { migrationTexts, readProject } from "./project-files.ts";
import { connect } from "./server-client.ts";

interface MigrateAnswer {
  readonly status: string;
  readonly applied: readonly { area: string; name: string; ms: number }[];
  readonly pending: readonly (string | { area: string; name: string })[];
  readonly missing: readonly (string | { area: string; name: string })[];
}

export const command: Command = {
  name: "migrate",
  summary: "Apply the project's migrations",
  usage: "[options]",
  options: {
    "dry-run": { description: "Show what is pending, and apply nothing" },
    ...projectOption,
    ...targetOptions,
  },
  args: [0, 0],
  examples: [
    { run: "reactor migrate", what: "migrations/*.sql, in order, each in a transaction" },
    { run: "reactor migrate --dry-run", what: "what is pending" },
  ],
  async run(context) {
    const project = await readProject(context);
    const client = await connect(context);
    const migrations = migrationTexts(project);
    const dryRun = context.has("dry-run");
    const progress = context.out.progress("Migrating");
    try {
      const json = { dry_run: dryRun, migrations };
      const options = { method: "POST", json, isLong: true };
      const answer = await client.json<MigrateAnswer>("/_admin/migrate", options);
      progress.end();
      context.out.result(answer, () => answerText(answer));
      return 0;
    } finally {
      progress.end();
    }
  },
};

function answerText({ applied, pending, missing }: MigrateAnswer): string {
  const nameOf = (item: string | { name: string }) => (typeof item === "string" ? item : item.name);
  const rows = [
    ...applied.map(({ name, ms }) => ["applied", name, `${Math.round(ms)} ms`]),
    ...pending.map((item) => ["pending", nameOf(item), ""]),
    ...missing.map((item) => ["missing here", nameOf(item), "applied before, its file is gone"]),
  ];
  return rows.length === 0 ? "Nothing to do" : table(rows);
}
