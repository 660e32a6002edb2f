/**
 * CSV request bodies (RFC 4180): the first line names the columns, the unquoted word NULL is SQL
 * null, an empty field an empty text, an empty line nothing (docs.postgrest.org, "Bulk Insert").
 */
import { errors } from "../errors.ts";

/** @returns one object per line; lines must be as long as the head. */
export function parseCsv(text: string): Record<string, string | null>[] {
  const [head, ...lines] = readLines(text);
  if (!head) throw errors.PGRST102("Empty or invalid csv");
  return lines.map((line) => {
    if (line.length !== head.length)
      throw errors.PGRST102("All lines must have same number of fields");
    const row: Record<string, string | null> = Object.create(null);
    line.forEach((field, i) => {
      row[head[i]?.text ?? ""] = field.text === "NULL" && !field.quoted ? null : field.text;
    });
    return row;
  });
}

interface CsvField {
  readonly text: string;
  readonly quoted: boolean;
}

function readLines(text: string): CsvField[][] {
  const lines: CsvField[][] = [];
  let position = 0;
  while (position < text.length) {
    const line: CsvField[] = [];
    for (;;) {
      const { field, next } = readField(text, position);
      line.push(field);
      position = next;
      if (text[position] !== ",") break;
      position += 1;
    }
    if (text.startsWith("\r\n", position)) position += 2;
    else if (text[position] === "\n" || text[position] === "\r") position += 1;
    else if (position < text.length) throw errors.PGRST102("Empty or invalid csv");
    if (!isBlank(line)) lines.push(line);
  }
  return lines;
}

/** As at the end of what spreadsheets write. */
function isBlank([first, ...more]: readonly CsvField[]): boolean {
  return more.length === 0 && first?.text === "" && !first.quoted;
}

const PLAIN = /[^,\r\n]*/y;
const QUOTED = /"((?:[^"]|"")*)"/y;

function readField(text: string, position: number): { field: CsvField; next: number } {
  const pattern = text[position] === '"' ? QUOTED : PLAIN;
  pattern.lastIndex = position;
  const match = pattern.exec(text);
  if (!match) throw errors.PGRST102("Empty or invalid csv");
  const quoted = match[1] !== undefined;
  const value = quoted ? (match[1] ?? "").replaceAll('""', '"') : match[0];
  return { field: { text: value, quoted }, next: position + match[0].length };
}
