/**
 * libpq's keyword/value connection strings (PostgreSQL, "Connection Strings"), turned into the URL
 * that all else here reads: `host=localhost user=me password='it''s'`.
 */
import { defineErrors } from "../core/errors.ts";

const errors = defineErrors({
  conninfo_invalid: (details: string) => ({
    status: 500,
    message: "The connection string cannot be read",
    details,
  }),
});

/** One `key = value`; values in single quotes or without spaces, `\\` before a quote or a backslash. */
const PAIR =
  /\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/sy;

/** The URL for a URL or a connection string. @throws conninfo_invalid; it tells no value */
export function conninfoUrl(text: string): string {
  if (/^postgres(?:ql)?:\/\//.test(text)) return text;
  const pairs: string[] = [];
  let at = 0;
  while (text.slice(at).trim() !== "") {
    PAIR.lastIndex = at;
    const match = PAIR.exec(text);
    if (!match) throw errors.conninfo_invalid(`expected key=value at character ${at + 1}`);
    const [, key = "", quoted, bare = ""] = match;
    const value = (quoted ?? bare).replace(/\\(.)/gs, "$1");
    pairs.push(`${key.toLowerCase()}=${encodeURIComponent(value)}`);
    at = PAIR.lastIndex;
  }
  return `postgresql://?${pairs.join("&")}`;
}
