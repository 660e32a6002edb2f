/** Commands that begin with a backslash, after psql's. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { escapeControls } from "../../core/pretty-log.ts";
import { CliError } from "../cli-error.ts";
import { COLUMNS, DETAILS, FIND_RELATIONS, LISTS, patternOf } from "./describe-queries.ts";
import { formatRows } from "./format-table.ts";
import { askCatalog, runText, type SqlSession } from "./sql-session.ts";

/** Whether the prompt goes on. */
export type MetaOutcome = "go on" | "quit";

export const META_HELP = `  \\q                quit
  \\d [NAME]         tables, views and sequences, or one of them in full
  \\dt \\dv \\dm \\ds \\di [NAME]   tables, views, materialized views, sequences, indexes
  \\df \\dT [NAME]    functions, types
  \\dn \\dx \\du \\l   schemas, extensions, roles, databases
  \\dp [NAME]        rights and policies
  \\x  \\t  \\timing  one value a line; rows only; how long a statement took
  \\format NAME      table, csv or json
  \\write [on|off]   statements may change something
  \\as [NAME|off]    run as a role, or a user's id or address
  \\i FILE           run a file
  \\conninfo         which server
A statement ends with a semicolon. Ctrl-C clears the line or cancels what runs, Ctrl-D quits.
`;

export async function runMeta(session: SqlSession, line: string): Promise<MetaOutcome> {
  const [, word = "", rest = ""] = /^\\(\S*)\s*(.*?)\s*;?\s*$/s.exec(line) ?? [];
  const { context, style, options, client } = session;
  const { stdout } = context.host.terminal;
  const say = (text: string) => stdout.write(`${text}\n`);
  switch (word) {
    case "q":
    case "quit":
      return "quit";
    case "?":
    case "h":
    case "help":
      stdout.write(META_HELP);
      break;
    case "x":
      style.expanded = switched(style.expanded, rest);
      say(`Expanded display is ${onOff(style.expanded)}.`);
      break;
    case "t":
      style.tuplesOnly = switched(style.tuplesOnly, rest);
      say(`Tuples only is ${onOff(style.tuplesOnly)}.`);
      break;
    case "timing":
      style.timing = switched(style.timing, rest);
      say(`Timing is ${onOff(style.timing)}.`);
      break;
    case "format":
      style.format = formatNamed(rest);
      break;
    case "write":
      options.write = switched(options.write, rest);
      say(options.write ? "Statements may change the database." : "Statements are read-only.");
      break;
    case "as":
      options.as = rest === "" || rest === "off" ? undefined : rest;
      say(options.as === undefined ? "As the owner." : `As ${options.as}, under row security.`);
      break;
    case "conninfo":
      say(`${client.target.url} (${client.target.from})`);
      break;
    case "i":
      await runText(session, readSql(session, rest));
      break;
    default:
      await describe(session, word, rest);
  }
  return "go on";
}

function switched(now: boolean, text: string): boolean {
  if (text === "") return !now;
  if (text === "on" || text === "off") return text === "on";
  throw new CliError("user", "invalid_argument", `'${text}' is neither on nor off`);
}

const onOff = (value: boolean) => (value ? "on" : "off");

function formatNamed(text: string): "table" | "csv" | "json" {
  if (text === "table" || text === "csv" || text === "json") return text;
  throw new CliError("user", "invalid_argument", `'${text}' is none of table, csv, json`);
}

/** A file of SQL, relative to where the command runs. @throws CliError file_unreadable */
export function readSql({ context }: SqlSession, file: string): string {
  const path = resolve(context.host.cwd, file);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new CliError("user", "file_unreadable", `${path} cannot be read (${reason})`);
  }
}

async function describe(session: SqlSession, word: string, name: string): Promise<void> {
  const list = word.replace(/\+$/, "");
  const query = Object.hasOwn(LISTS, list) ? LISTS[list] : undefined;
  if (query === undefined) {
    const hint = "\\? lists the commands";
    throw new CliError("user", "unknown_command", `There is no command \\${word}`, hint);
  }
  if (list === "d" && name !== "") return await describeRelations(session, name);
  const { schema, name: pattern } = patternOf(name === "" ? "*" : name);
  const result = await askCatalog(session, query, [schema, pattern]);
  session.context.host.terminal.stdout.write(formatRows(result, session.style));
}

async function describeRelations(session: SqlSession, name: string): Promise<void> {
  const { stdout } = session.context.host.terminal;
  const { schema, name: pattern } = patternOf(name);
  const { rows } = await askCatalog(session, FIND_RELATIONS, [schema, pattern]);
  if (rows.length === 0) {
    throw new CliError("user", "not_found", `There is no relation '${name}'`);
  }
  for (const [oid = null, inSchema = null, relation = null, kind = null] of rows) {
    if (oid === null) continue;
    stdout.write(`${kind ?? "relation"} ${escapeControls(`${inSchema}.${relation}`)}\n`);
    const columns = await askCatalog(session, COLUMNS, [oid]);
    stdout.write(formatRows(columns, { ...session.style, expanded: false }));
    for (const [title, sql] of DETAILS) {
      const lines = (await askCatalog(session, sql, [oid])).rows.map(([text = null]) => text ?? "");
      if (lines.length === 0) continue;
      const shown = lines.map((line) => line.split("\n").map(escapeControls).join("\n"));
      stdout.write(`${title}:\n${shown.map((line) => `    ${line}\n`).join("")}`);
    }
  }
}
