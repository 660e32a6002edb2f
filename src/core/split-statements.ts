/**
 * Cuts SQL text into its statements: for files that must run outside a transaction, where a simple
 * query of several would be one, and for a prompt that has to know when a statement is whole. Knows
 * strings, quoted names, dollar quotes, comments (PostgreSQL documentation, "Lexical Structure") and
 * the bodies of functions in `begin atomic … end`.
 */

export interface StatementText {
  readonly sql: string;
  /** Offset in the file, UTF-16 units. */
  readonly start: number;
  /** A semicolon ends it; the last one of a text may have none. */
  readonly isTerminated: boolean;
}

const TOKEN =
  /--[^\n]*|\/\*|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|(?:\b[eE])?'|"|;|[\w\u0080-\uffff$]+/g;
const COMMENT_EDGE = /\/\*|\*\//g;

/** Statements without their semicolons; those of only comments and blanks are left out. */
export function splitStatements(text: string): StatementText[] {
  const statements: StatementText[] = [];
  let start = 0;
  let words = new BodyWords();
  const cut = (end: number, isTerminated: boolean) => {
    if (words.hasCode) statements.push({ sql: text.slice(start, end), start, isTerminated });
    start = end + 1;
    words = new BodyWords();
  };
  const token = new RegExp(TOKEN);
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match;
    if (found === ";") {
      if (words.isOutside) cut(match.index, true);
    } else if (found === "/*") token.lastIndex = behindComment(text, token.lastIndex);
    else if (!found.startsWith("--")) {
      words.read(found);
      token.lastIndex = endOfQuoted(text, found, token.lastIndex);
    }
  }
  cut(text.length, false);
  return statements;
}

/** Follows a statement into the body of a function that is written as SQL and not as a string. */
class BodyWords {
  hasCode = false;
  #isRoutine = false;
  #first = "";
  #last = "";
  #depth = 0;

  /** No body is open. */
  get isOutside(): boolean {
    return this.#depth === 0;
  }

  read(token: string): void {
    this.hasCode = true;
    const word = token.toLowerCase();
    this.#first ||= word;
    if (this.#first === "create" && (word === "function" || word === "procedure")) {
      this.#isRoutine = true;
    }
    if (this.#isRoutine && word === "atomic" && this.#last === "begin") this.#depth += 1;
    else if (this.#depth > 0 && word === "case") this.#depth += 1;
    else if (this.#depth > 0 && word === "end") this.#depth -= 1;
    this.#last = word;
  }
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

/** Behind a block comment, which nest in SQL, that was opened before `from`; -1 where it does not end. */
export function endOfComment(text: string, from: number): number {
  const edge = new RegExp(COMMENT_EDGE);
  edge.lastIndex = from;
  let depth = 1;
  for (let match = edge.exec(text); match; match = edge.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return -1;
}

/** One that does not end is all the rest. */
function behindComment(text: string, from: number): number {
  const end = endOfComment(text, from);
  return end < 0 ? text.length : end;
}

/** The first words of a statement, lower case, comments left out: `["alter", "table"]`. */
export function leadingWords(sql: string, count: number): string[] {
  const words: string[] = [];
  const token = new RegExp(TOKEN);
  for (let match = token.exec(sql); match && words.length < count; match = token.exec(sql)) {
    const [found] = match;
    if (found === "/*") token.lastIndex = behindComment(sql, token.lastIndex);
    else if (/^[\w\u0080-\uffff$]+$/.test(found)) words.push(found.toLowerCase());
    else if (!found.startsWith("--")) break;
  }
  return words;
}
