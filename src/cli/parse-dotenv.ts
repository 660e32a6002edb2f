/** Reads a file of `NAME=value` lines as other tools do: comments, `export`, quotes, `\n` in double ones. */
import { CliError } from "./cli-error.ts";

const LINE = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)$/;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** Values stay on their line. @throws CliError naming the line */
export function parseDotenv(text: string): Record<string, string> {
  const values: [name: string, value: string][] = [];
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const [, name, value = ""] = LINE.exec(line) ?? [];
    if (name === undefined) {
      throw new CliError("user", "invalid_argument", `Line ${at + 1} is not NAME=value`);
    }
    values.push([name, unquoted(value)]);
  }
  return Object.fromEntries(values);
}

function unquoted(value: string): string {
  const double = /^"((?:[^"\\]|\\.)*)"\s*(?:#.*)?$/.exec(value)?.[1];
  if (double !== undefined) {
    return double.replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? char);
  }
  const single = /^'([^']*)'\s*(?:#.*)?$/.exec(value)?.[1];
  return single ?? value.replace(/\s+#.*$/, "");
}
