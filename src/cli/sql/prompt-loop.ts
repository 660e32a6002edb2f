/** The prompt of `reactor sql`: lines until a statement is whole, then its answer. */
import { splitStatements } from "../../core/split-statements.ts";
import { CliError } from "../cli-error.ts";
import { openHistory } from "./history.ts";
import { runMeta } from "./meta-commands.ts";
import { runText, type SqlSession } from "./sql-session.ts";

export async function promptLoop(session: SqlSession): Promise<number> {
  const { host, out } = session.context;
  const history = openHistory(host);
  const { client, options } = session;
  out.note(`${client.target.url} (${client.target.from})`);
  out.note(
    `${options.write ? "Statements may change the database" : "Read-only; \\write on to change something"}. \\? for help`,
  );
  const prompt = host.terminal.stdin.prompt({ history: history.lines });
  try {
    let text = "";
    for (;;) {
      const line = await prompt.ask(promptText(session, text !== ""));
      if (line.kind === "end") return 0;
      if (line.kind === "cancelled") {
        text = "";
        continue;
      }
      if (text === "" && line.text.trimStart().startsWith("\\")) {
        history.add(line.text);
        if ((await guarded(session, () => runMeta(session, line.text.trim()))) === "quit") return 0;
        continue;
      }
      text += text === "" ? line.text : `\n${line.text}`;
      if (!isWhole(text)) continue;
      const whole = text;
      text = "";
      if (whole.trim() === "") continue;
      history.add(whole);
      await guarded(session, () => prompt.during((signal) => runText(session, whole, signal)));
    }
  } finally {
    prompt.close();
  }
}

function promptText({ options }: SqlSession, goesOn: boolean): string {
  const who = options.as === undefined ? "reactor" : options.as;
  return `${who}${goesOn ? "-" : "="}${options.write ? "#" : ">"} `;
}

/** Every statement that was begun has its semicolon. */
export function isWhole(text: string): boolean {
  return splitStatements(text).every(({ isTerminated }) => isTerminated);
}

/** A mistake is told, and the prompt goes on. */
async function guarded<T>({ context }: SqlSession, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    context.out.failure({ code: error.code, message: error.message, hint: error.hint });
    return undefined;
  }
}
