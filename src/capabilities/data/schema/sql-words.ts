/**
 * The words of SQL and PL/pgSQL, apart from what stands in comments and literals (PostgreSQL
 * documentation, "Lexical Structure"; `scan.l` where that leaves something open). For searches that must
 * miss nothing: a text whose reading depends on a setting or a version, or that does not end, has none.
 */
import { endOfComment } from "../../../core/split-statements.ts";

export interface SqlWords {
  /**
   * Words in lower case, `''` for a literal, `""` for a quoted name, other characters by themselves:
   * each with one space before and after it.
   */
  readonly code: string;
  /** What stands in the literals, escapes and doubled quotes as they are written. */
  readonly literals: readonly string[];
}

/** A name may hold any character beyond ASCII, and a carriage return ends a comment, too. */
const TOKEN =
  /--[^\n\r]*|\/\*|[eE]?'|"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[\w$\u0080-\uffff]+|\S/g;
const PARAMETER = /^\$\d+$/;

/** Null where nobody can tell what is code. In linear time. */
export function sqlWords(text: string): SqlWords | null {
  const words: string[] = [];
  const literals: string[] = [];
  const token = new RegExp(TOKEN);
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [found] = match;
    // As a space.
    if (found.startsWith("--")) continue;
    const from = token.lastIndex;
    const end = endOf(text, found, from);
    if (end < 0) return null;
    token.lastIndex = end;
    if (found === "/*") continue;
    if (found === '"') words.push('""');
    else if (end === from) words.push(found.toLowerCase());
    else {
      words.push("''");
      literals.push(text.slice(from, end - (found.startsWith("$") ? found.length : 1)));
    }
  }
  return { code: ` ${words.join(" ")} `, literals };
}

/** Where ends what was opened; `from` where nothing was, negative in doubt. */
function endOf(text: string, opener: string, from: number): number {
  if (opener === "/*") return endOfComment(text, from);
  if (opener.endsWith("'")) return endOfString(text, from, opener !== "'");
  if (opener === '"') return endOfName(text, from);
  if (opener.length > 1 && opener.startsWith("$") && opener.endsWith("$")) {
    const at = text.indexOf(opener, from);
    return at < 0 ? -1 : at + opener.length;
  }
  // In `a$$` it is part of a name, and in `1.e5$$` it is not.
  return opener.includes("$") && !PARAMETER.test(opener) ? -1 : from;
}

/**
 * A backslash escapes a quote in E'…', and in '…' where `standard_conforming_strings` is off or a line
 * before it began the string with an E: nobody here knows.
 */
function endOfString(text: string, from: number, isEscaped: boolean): number {
  for (let at = text.indexOf("'", from); at >= 0; at = text.indexOf("'", at)) {
    const isAfterBackslash = backslashesBefore(text, from, at) % 2 === 1;
    if (isAfterBackslash && !isEscaped) return -1;
    if (isAfterBackslash) at += 1;
    else if (text[at + 1] === "'") at += 2;
    else return at + 1;
  }
  return -1;
}

function backslashesBefore(text: string, from: number, end: number): number {
  let at = end;
  while (at > from && text[at - 1] === "\\") at -= 1;
  return end - at;
}

function endOfName(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at + 1;
  }
  return -1;
}
