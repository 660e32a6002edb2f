/**
 * Ranks lines of text against a query.
 *
 * Input: the query on the first line, then one line for each thing that can be found:
 * `<id> TAB <text>`. Output: the best matches as JSON, `[{"id":"14","score":7.31,"text":"…"}]`,
 * at most `limit` of the function's config.
 *
 * Build: `asc --config asconfig.json --target release` in this folder.
 */
import { Config, Host, Memory } from "@extism/as-pdk";
import { error_set } from "@extism/as-pdk/lib/env";
import { Match, Ranking } from "./ranking";

const LIMIT: i32 = 10;
const LIMIT_MAX: i32 = 1000;
const NEWLINE: u8 = 0x0a;
const TAB: u8 = 0x09;

export function catalog_search(): i32 {
  const input = Host.input();
  const queryEnd = lineEnd(input, 0);
  const ranking = new Ranking(input);
  if (ranking.query(0, queryEnd) == 0) return fail("the first line holds no word to search for");
  for (let from = queryEnd + 1; from < input.length; ) {
    const to = lineEnd(input, from);
    const tab = input.indexOf(TAB, from);
    if (to > from && (tab < 0 || tab >= to)) {
      return fail("a line is not '<id> TAB <text>'");
    }
    if (to > from) ranking.line(tab + 1, to);
    from = to + 1;
  }
  // Not Host.outputString: as-pdk 1.0.0 takes the number of characters for the number of bytes.
  const json = toJson(input, ranking.best(limit()));
  Host.output(Uint8Array.wrap(String.UTF8.encode(json)));
  return 0;
}

function toJson(input: Uint8Array, matches: Match[]): string {
  const parts: string[] = [];
  for (let i = 0; i < matches.length; i++) {
    const match = matches[i];
    const id = text(input, lineStart(input, match.from), match.from - 1);
    const score = Math.round(match.score * 1000) / 1000;
    const found = text(input, match.from, match.to);
    parts.push(`{"id":${quoted(id)},"score":${score.toString()},"text":${quoted(found)}}`);
  }
  return "[" + parts.join(",") + "]";
}

function lineEnd(input: Uint8Array, from: i32): i32 {
  const at = input.indexOf(NEWLINE, from);
  return at < 0 ? input.length : at;
}

function lineStart(input: Uint8Array, within: i32): i32 {
  let at = within;
  while (at > 0 && input[at - 1] != NEWLINE) at--;
  return at;
}

function text(input: Uint8Array, from: i32, to: i32): string {
  return String.UTF8.decodeUnsafe(input.dataStart + from, to - from);
}

function quoted(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code == 0x22 || code == 0x5c) out += "\\" + text.charAt(i);
    else if (code < 0x20) out += "\\u00" + (code < 16 ? "0" : "1") + (code & 15).toString(16);
    else out += text.charAt(i);
  }
  return out + '"';
}

function limit(): i32 {
  const configured = Config.get("limit");
  if (configured === null) return LIMIT;
  const limit = I32.parseInt(configured);
  return limit > 0 && limit <= LIMIT_MAX ? limit : LIMIT;
}

function fail(message: string): i32 {
  error_set(Memory.allocateString(message).offset);
  return 1;
}

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const place = (file === null ? "" : file) + ":" + line.toString() + ":" + column.toString();
  error_set(Memory.allocateString((message === null ? "aborted" : message) + " at " + place).offset);
  unreachable();
}
