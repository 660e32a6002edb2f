/**
 * Finds the line of each key in a TOML text that has already been parsed without fault: the parser
 * gives values without positions, and a fault without a line is of little help. Only statement
 * starts matter, so strings, comments and brackets are stepped over and never interpreted.
 */

/** 1-based line of a path such as `["server", "cors", "origins"]` or `["functions", 1, "name"]`. */
export type LineOf = (path: readonly (string | number)[]) => number | null;

const KEY_PART = /"((?:\\.|[^"\\])*)"|'([^']*)'|([A-Za-z0-9_-]+)/y;

interface Cursor {
  readonly text: string;
  at: number;
  line: number;
}

/** Reads `a."b c".d`; stops before `=` or `]`. */
function readKey(cursor: Cursor): string[] {
  const parts: string[] = [];
  for (;;) {
    skipBlanks(cursor, " \t.");
    KEY_PART.lastIndex = cursor.at;
    const match = KEY_PART.exec(cursor.text);
    if (!match) return parts;
    parts.push(match[1] ?? match[2] ?? match[3] ?? "");
    cursor.at = KEY_PART.lastIndex;
  }
}

function skipBlanks(cursor: Cursor, blanks: string): void {
  while (cursor.at < cursor.text.length && blanks.includes(cursor.text[cursor.at] ?? "\0")) {
    step(cursor, 1);
  }
}

function step(cursor: Cursor, count: number): void {
  for (let i = 0; i < count && cursor.at < cursor.text.length; i++) {
    if (cursor.text[cursor.at] === "\n") cursor.line++;
    cursor.at++;
  }
}

function skipComment(cursor: Cursor): void {
  const end = cursor.text.indexOf("\n", cursor.at);
  cursor.at = end === -1 ? cursor.text.length : end;
}

function skipString(cursor: Cursor): void {
  const quote = cursor.text[cursor.at] ?? '"';
  const triple = quote.repeat(3);
  const end = cursor.text.startsWith(triple, cursor.at) ? triple : quote;
  step(cursor, end.length);
  while (cursor.at < cursor.text.length && !cursor.text.startsWith(end, cursor.at)) {
    step(cursor, quote === '"' && cursor.text[cursor.at] === "\\" ? 2 : 1);
  }
  step(cursor, end.length);
  // A multi-line string may end in one or two quotes of its own.
  while (end.length === 3 && cursor.text[cursor.at] === quote) step(cursor, 1);
}

/** Steps over a value (or the rest of a header) to the end of the statement. */
function skipStatement(cursor: Cursor): void {
  let depth = 0;
  while (cursor.at < cursor.text.length) {
    const char = cursor.text[cursor.at];
    if (char === "\n" && depth <= 0) return;
    if (char === '"' || char === "'") skipString(cursor);
    else if (char === "#") skipComment(cursor);
    else {
      if (char === "[" || char === "{") depth++;
      if (char === "]" || char === "}") depth--;
      step(cursor, 1);
    }
  }
}

/** An index of the text's statements; looks a path up by its longest known prefix. */
export function tomlLines(text: string): LineOf {
  const lines = new Map<string, number>();
  const counts = new Map<string, number>();
  const cursor: Cursor = { text, at: text.charCodeAt(0) === 0xfeff ? 1 : 0, line: 1 };
  let table: string[] = [];
  const note = (path: readonly string[], line: number) => {
    for (let i = 1; i <= path.length; i++) {
      const key = path.slice(0, i).join("\0");
      if (!lines.has(key)) lines.set(key, line);
    }
  };
  /** Inserts the current index after each list name: `functions.env` -> `functions.1.env`. */
  const indexed = (path: readonly string[]) => {
    let out: string[] = [];
    for (const part of path) {
      out = [...out, part];
      const count = counts.get(out.join("\0"));
      if (count !== undefined) out = [...out, String(count - 1)];
    }
    return out;
  };
  while (cursor.at < text.length) {
    skipBlanks(cursor, " \t\r\n");
    if (cursor.at >= text.length) break;
    if (text[cursor.at] === "#") {
      skipComment(cursor);
      continue;
    }
    const line = cursor.line;
    if (text[cursor.at] === "[") {
      const isList = text[cursor.at + 1] === "[";
      step(cursor, isList ? 2 : 1);
      const path = readKey(cursor);
      if (isList) {
        const name = [...indexed(path.slice(0, -1)), path.at(-1) ?? ""].join("\0");
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      table = indexed(path);
      skipComment(cursor);
      note(table, line);
    } else {
      note([...table, ...readKey(cursor)], line);
      skipStatement(cursor);
    }
  }
  return (path) => {
    for (let i = path.length; i > 0; i--) {
      const line = lines.get(path.slice(0, i).map(String).join("\0"));
      if (line !== undefined) return line;
    }
    return null;
  };
}
