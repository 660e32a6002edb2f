/**
 * Cuts SQL text into its statements, for files that must run outside a transaction: a simple query
 * of several statements would be one. Knows strings, quoted names, dollar quotes and comments
 * (PostgreSQL documentation, "Lexical Structure"); not `BEGIN ATOMIC` bodies, whose semicolons
 * would cut: such a function belongs in an ordinary migration.
 */

export interface StatementText {
  readonly sql: string;
  /** Offset in the file, UTF-16 units. */
  readonly start: number;
}

const TOKEN =
  /--[^\n]*|\/\*|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|(?:\b[eE])?'|"|;|[\w\u0080-\uffff$]+/g;
const COMMENT_EDGE = /\/\*|\*\//g;

/** Statements without their semicolons; those of only comments and blanks are left out. */
export function splitStatements(text: string): StatementText[] {
  const statements: StatementText[] = [];
  let start = 0;
  let hasCode = false;
  const cut = (end: number) => {
    if (hasCode) statements.push({ sql: text.slice(start, end), start });
    start = end + 1;
    hasCode = false;
  };
  const token = new RegExp(TOKEN);
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match;
    if (found === ";") cut(match.index);
    else if (found === "/*") token.lastIndex = endOfComment(text, token.lastIndex);
    else if (!found.startsWith("--")) {
      hasCode = true;
      token.lastIndex = endOfQuoted(text, found, token.lastIndex);
    }
  }
  cut(text.length);
  return statements;
}

function endOfQuoted(text: string, opener: string, from: number): number {
  if (opener === '"' || opener === "'") return endAfter(text, opener, from);
  if (/^[eE]'$/.test(opener)) return endOfEscaped(text, from);
  if (/^\$.*\$$/.test(opener)) return endAfter(text, opener, from);
  return from;
}

/** A doubled quote ends here and opens the next string at once, which comes to the same. */
function endAfter(text: string, closer: string, from: number): number {
  const at = text.indexOf(closer, from);
  return at < 0 ? text.length : at + closer.length;
}

function endOfEscaped(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== "'") at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Block comments nest in SQL. */
function endOfComment(text: string, from: number): number {
  const edge = new RegExp(COMMENT_EDGE);
  edge.lastIndex = from;
  let depth = 1;
  for (let match = edge.exec(text); match; match = edge.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return text.length;
}
