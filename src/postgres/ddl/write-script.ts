/** Statements as the text of a migration. */

const BODIES = /^create (?:or replace )?(?:function|procedure)\b/i;

/** One statement below the other; those of several lines stand apart. Empty without statements. */
export function writeScript(statements: readonly string[]): string {
  if (statements.length === 0) return "";
  // A body may mention what is made after it.
  const head = statements.some((statement) => BODIES.test(statement))
    ? ["set local check_function_bodies = off;"]
    : [];
  const lines: string[] = [];
  let last = "";
  for (const statement of [...head, ...statements]) {
    if (
      last !== "" &&
      (last.includes("\n") || statement.includes("\n") || !isAlike(last, statement))
    )
      lines.push("");
    lines.push(statement);
    last = statement;
  }
  return `${lines.join("\n")}\n`;
}

/** They begin with the same two words: a list of grants reads as one. */
function isAlike(a: string, b: string): boolean {
  const head = (text: string) => text.split(/\s+/, 2).join(" ").toLowerCase();
  return head(a) === head(b);
}
