/** `reactor sql`: SQL on the server's database, from a text, a file, standard input or a prompt. */
import { CliError, EXIT } from "./cli-error.ts";
import { type Command, type CommandContext, targetOptions } from "./command.ts";
import { connect } from "./server-client.ts";
import { readSql, runMeta } from "./sql/meta-commands.ts";
import { promptLoop } from "./sql/prompt-loop.ts";
import { runText, type SqlSession } from "./sql/sql-session.ts";

export const command: Command = {
  name: "sql",
  summary: "Run SQL, or open a prompt",
  usage: "[options] [SQL]",
  details:
    "Runs in a read-only transaction unless --write is given. With --as under the row security of a\nrole (`anon`) or of an account, by its id or e-mail address: what its requests see. That shows what\nsomebody may do; it is no boundary for whoever holds the admin token.\n\nWithout SQL, a file or input a prompt opens, with history and psql's commands: \\d, \\dt, \\df, \\dn,\n\\dp, \\x, \\timing, \\i, \\q and others (\\? lists them). Statements are sent one by one; with --write and\nwithout --single-transaction each is kept as it succeeds. With --output json values are JSON where it\nhas their type. Exit code 4 when a statement failed.",
  options: {
    command: { value: "SQL", short: "c", description: "Run this text, or one command like \\dt" },
    file: { value: "FILE", short: "f", description: "Run a file; - is standard input" },
    write: { description: "Statements may change the database" },
    as: { value: "NAME", description: "A role, or a user's id or e-mail address" },
    "single-transaction": { short: "1", description: "All or nothing" },
    csv: { description: "Rows as CSV" },
    expanded: { short: "x", description: "One value a line" },
    "tuples-only": { short: "t", description: "Rows without head and count" },
    null: { value: "TEXT", description: "In the place of null (default: nothing)" },
    timing: { description: "Tell how long each statement took" },
    "max-rows": { value: "N", description: "Rows of a statement at most (default: 10000)" },
    timeout: { value: "SECONDS", description: "Cancel a statement after this (default: 60)" },
    ...targetOptions,
  },
  args: [0, 1],
  examples: [
    { run: 'reactor sql -c "select count(*) from notes"', what: "read-only" },
    { run: "reactor sql --as ada@example.com -c 'table notes'", what: "what Ada sees" },
    { run: "reactor sql --write -1 -f fix.sql", what: "all of a file, or nothing" },
    { run: "reactor sql --csv -c 'table notes' > notes.csv", what: "for a spreadsheet" },
    { run: "reactor sql", what: "a prompt" },
  ],
  async run(context) {
    const given = givenText(context);
    const session = await openSession(context);
    const { stdin } = context.host.terminal;
    if (given !== null) return await runGiven(session, given);
    const file = context.option("file");
    if (file !== undefined && file !== "-") return await runText(session, readSql(session, file));
    if (file === "-" || !stdin.isTerminal) {
      return await runText(session, new TextDecoder().decode(await stdin.readAll()));
    }
    return await promptLoop(session);
  },
};

function givenText(context: CommandContext): string | null {
  const [argument] = context.args;
  const option = context.option("command");
  const sources = [argument, option, context.option("file")].filter((text) => text !== undefined);
  if (sources.length > 1) {
    throw new CliError("user", "invalid_argument", "Give one of SQL, --command and --file");
  }
  return option ?? argument ?? null;
}

async function runGiven(session: SqlSession, text: string): Promise<number> {
  if (!text.trimStart().startsWith("\\")) return await runText(session, text);
  await runMeta(session, text.trim());
  return EXIT.ok;
}

async function openSession(context: CommandContext): Promise<SqlSession> {
  // Who asks for a form of text means it, also in a pipe.
  const wantsText = ["csv", "expanded", "tuples-only"].some((name) => context.has(name));
  return {
    context,
    isJson: context.out.mode === "json" && (!wantsText || context.option("output") === "json"),
    client: await connect(context),
    options: {
      write: context.has("write"),
      as: context.option("as"),
      singleTransaction: context.has("single-transaction"),
      maxRows: numberOf(context, "max-rows", 1_000_000),
      timeoutMs: secondsOf(context, "timeout"),
    },
    style: {
      format: context.has("csv") ? "csv" : "table",
      expanded: context.has("expanded"),
      tuplesOnly: context.has("tuples-only"),
      timing: context.has("timing"),
      nullText: context.option("null") ?? "",
    },
  };
}

const DAY_S = 86_400;

function secondsOf(context: CommandContext, name: string): number | undefined {
  const seconds = numberOf(context, name, DAY_S);
  return seconds === undefined ? undefined : Math.max(1, seconds * 1000);
}

function numberOf(context: CommandContext, name: string, max: number): number | undefined {
  const text = context.option(name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
  const message = `--${name} must be a number up to ${max}, not '${text}'`;
  throw new CliError("user", "invalid_argument", message);
}
