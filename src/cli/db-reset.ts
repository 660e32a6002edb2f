/** `reactor db reset` and `reactor db seed`: the project's part of the database from the start. */
import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { CliError } from "./cli-error.ts";
import { type Command, type CommandContext, projectOption, targetOptions } from "./command.ts";
import { migrationTexts, type Project, readProject } from "./project-files.ts";
import { connect } from "./server-client.ts";

interface SqlFile {
  readonly name: string;
  readonly sql: string;
}

interface ResetAnswer {
  readonly applied: readonly string[];
  readonly seeded: readonly string[];
  readonly ms: number;
}

const confirmOption = { yes: { short: "y", description: "Do it without asking" } };

export const reset: Command = {
  name: "db reset",
  summary: "Drop the project's tables, migrate anew and seed",
  usage: "[options]",
  details:
    "Only on a development server (`reactor dev`). Drops every schema, table and function that the\nserver itself did not make, applies the migrations again and runs the seed files. Accounts, deployed\nfunctions and secrets stay.",
  options: {
    "no-seed": { description: "Without the seed files" },
    ...confirmOption,
    ...projectOption,
    ...targetOptions,
  },
  args: [0, 0],
  examples: [{ run: "reactor db reset --yes", what: "from the start" }],
  async run(context) {
    const project = await readProject(context);
    // Never a server elsewhere because the one here happens not to run.
    const client = await connect(context, true);
    await confirm(context, `This drops every table of ${client.target.url}.`);
    const seeds = context.has("no-seed") ? [] : seedFiles(project, []);
    const progress = context.out.progress("Resetting");
    try {
      const json = { migrations: migrationTexts(project), seeds };
      const options = { method: "POST", json, isLong: true };
      const answer = await client.json<ResetAnswer>("/_admin/db/reset", options);
      progress.end();
      context.out.result(answer, () => {
        const lines = [...answer.applied.map((id) => `applied  ${id}`)];
        return [...lines, ...answer.seeded.map((name) => `seeded   ${name}`)].join("\n") || "Empty";
      });
      return 0;
    } finally {
      progress.end();
    }
  },
};

export const seed: Command = {
  name: "db seed",
  summary: "Run the seed files in one transaction",
  usage: "[options] [FILE…]",
  details:
    "Without files those of `[data] seed_files` (default: seed.sql), in that order. They run as the\nowner of the database, who is above row security.",
  options: { ...projectOption, ...targetOptions },
  args: [0, 1_000],
  examples: [
    { run: "reactor db seed", what: "seed.sql of this project" },
    { run: "reactor db seed seeds/users.sql seeds/posts.sql", what: "these" },
  ],
  async run(context) {
    const project = await readProject(context);
    const files = seedFiles(
      project,
      context.args.map((file) => resolve(context.host.cwd, file)),
    );
    if (files.length === 0) {
      const hint = "Write seed.sql, or name others in [data] seed_files";
      throw new CliError("user", "seed_not_found", `${project.dir} has no seed file`, hint);
    }
    const client = await connect(context, true);
    const options = { method: "POST", json: { files }, isLong: true };
    const answer = await client.json<{ files: string[]; ms: number }>("/_admin/db/seed", options);
    context.out.result(answer, `Ran ${answer.files.join(", ")} (${answer.ms} ms)`);
    return 0;
  },
};

/** @throws CliError `confirmation_needed`, `not_confirmed` */
async function confirm(context: CommandContext, question: string): Promise<void> {
  if (context.has("yes")) return;
  const { stdin } = context.host.terminal;
  if (!stdin.isTerminal) {
    throw new CliError("user", "confirmation_needed", question, "Give --yes to do it");
  }
  const answer = await stdin.ask(`${question} Type "yes" to go on: `);
  if (answer.trim() === "yes") return;
  throw new CliError("user", "not_confirmed", "Nothing was done");
}

/** Those named, else those that the project's patterns match, each pattern's in the order of names. */
function seedFiles(project: Project, named: readonly string[]): SqlFile[] {
  const matched = project.seedFiles.flatMap((pattern) =>
    [...new Bun.Glob(pattern).scanSync({ cwd: project.dir })].sort(),
  );
  const paths = named.length > 0 ? named : matched.map((path) => resolve(project.dir, path));
  return [...new Set(paths)].map((path) => ({
    name: relative(project.dir, path),
    sql: readText(path),
  }));
}

function readText(path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "it is not UTF-8";
    throw new CliError("user", "file_unreadable", `${path} cannot be read (${reason})`);
  }
}
