/**
 * A lexer for SQL, for tests only: what Postgres's scanner would make of a text, with the contents
 * of quoted identifiers and constants taken out. Two texts with one skeleton parse to the same tree.
 * Rules: PostgreSQL documentation, "Lexical Structure".
 */

/** Throws on an unterminated quote, a comment or NUL: our SQL has none. */
export function sqlSkeleton(sql: string): string {
  if (sql.includes("\0")) throw new Error("NUL in SQL");
  let out = "";
  let i = 0;
  while (i < sql.length) {
    const rest = sql.slice(i, i + 2);
    if (rest === "--" || rest === "/*") throw new Error(`comment at ${i}: ${sql}`);
    const quoted = readQuoted(sql, i);
    if (quoted) {
      out += quoted.kind;
      i = quoted.end;
    } else {
      out += sql[i];
      i += 1;
    }
  }
  return out;
}

function readQuoted(sql: string, start: number): { kind: string; end: number } | null {
  const escaped =
    /^[eE]'/.test(sql.slice(start, start + 2)) && !/[\w$]/.test(sql[start - 1] ?? " ");
  const quote = escaped ? "'" : sql[start];
  if (quote !== '"' && quote !== "'") return null;
  let i = start + (escaped ? 2 : 1);
  for (;;) {
    if (i >= sql.length) throw new Error(`unterminated ${quote} in ${sql}`);
    if (escaped && sql[i] === "\\") i += 2;
    else if (sql[i] !== quote) i += 1;
    else if (sql[i + 1] === quote) i += 2;
    else return { kind: quote === '"' ? "«id»" : "«text»", end: i + 1 };
  }
}
