/** What was typed at the prompt before, newest last; readable by its owner only. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CliHost } from "../host.ts";

const LINES_MAX = 1_000;

export interface History {
  readonly lines: readonly string[];
  /** Not kept when it begins with a blank or repeats the one before. */
  add(text: string): void;
}

/** Without a home it is forgotten at the end. */
export function openHistory({ env }: CliHost): History {
  const home = env["XDG_STATE_HOME"] || (env["HOME"] ? join(env["HOME"], ".local/state") : "");
  const path = home === "" ? null : join(home, "reactor/sql_history");
  const lines = path === null ? [] : readLines(path);
  let last = lines.at(-1);
  return {
    lines,
    add(text) {
      const line = text.replaceAll(/\s*\n\s*/g, " ");
      if (path === null || /^\s/.test(line) || line === last) return;
      last = line;
      // A failure to remember is no failure of the statement.
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
        appendFileSync(path, `${line}\n`, { mode: 0o600 });
      } catch {
        return;
      }
    },
  };
}

function readLines(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.length <= LINES_MAX) return lines;
  const kept = lines.slice(-LINES_MAX);
  writeFileSync(path, `${kept.join("\n")}\n`, { mode: 0o600 });
  return kept;
}
