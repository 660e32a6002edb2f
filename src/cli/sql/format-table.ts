/** Rows for people, as psql lays them out; control characters of values are shown by their code. */
import { escapeControls } from "../../core/pretty-log.ts";
import type { SqlColumn, SqlResult } from "../../core/sql-answer.ts";

export interface TableStyle {
  /** One value a line. */
  readonly expanded: boolean;
  /** Only the rows. */
  readonly tuplesOnly: boolean;
  /** In the place of null. */
  readonly nullText: string;
}

const NUMBERS =
  /^(?:smallint|integer|bigint|numeric|real|double precision|money|oid)(?:\(\d+(?:,\d+)?\))?$/;

export function formatRows(result: SqlResult, style: TableStyle): string {
  const columns = result.columns ?? [];
  const text = style.expanded
    ? expandedRows(result, columns, style)
    : alignedRows(result, columns, style);
  return style.tuplesOnly ? text : `${text}${footer(result)}\n`;
}

function footer({ rows, truncated }: SqlResult): string {
  const count = `${rows.length} row${rows.length === 1 ? "" : "s"}`;
  return truncated ? `(first ${count}; there are more)\n` : `(${count})\n`;
}

function cellLines(value: string | null, { nullText }: TableStyle): string[] {
  return (value ?? nullText).split(/\r?\n/).map(escapeControls);
}

function alignedRows(
  { rows }: SqlResult,
  columns: readonly SqlColumn[],
  style: TableStyle,
): string {
  const heads = columns.map(({ name }) => escapeControls(name));
  const cells = rows.map((row) => row.map((value) => cellLines(value, style)));
  const widths = heads.map((head, i) =>
    Math.max(
      Bun.stringWidth(head),
      ...cells.map((row) => Math.max(...(row[i] ?? [""]).map((line) => Bun.stringWidth(line)))),
    ),
  );
  const isRight = columns.map(({ type }) => NUMBERS.test(type));
  const lines = cells.flatMap((row) => rowLines(row, widths, isRight));
  if (style.tuplesOnly) return lines.map((line) => `${line}\n`).join("");
  const title = heads.map((head, i) => centered(head, widths[i] ?? 0)).join(" | ");
  const rule = widths.map((width) => "-".repeat(width + 2)).join("+");
  return [` ${title}`.trimEnd(), rule, ...lines].map((line) => `${line}\n`).join("");
}

/** A value of several lines goes on below itself, marked with `+`. */
function rowLines(
  row: readonly (readonly string[])[],
  widths: readonly number[],
  isRight: readonly boolean[],
): string[] {
  const height = Math.max(1, ...row.map((lines) => lines.length));
  return Array.from({ length: height }, (_, at) => {
    const parts = row.map((lines, i) => {
      const text = lines[at] ?? "";
      const padding = " ".repeat(Math.max(0, (widths[i] ?? 0) - Bun.stringWidth(text)));
      const cell = isRight[i] ? padding + text : text + padding;
      return ` ${cell}${at < lines.length - 1 ? "+" : " "}`;
    });
    return parts.join("|").trimEnd();
  });
}

function centered(text: string, width: number): string {
  const left = Math.floor((width - Bun.stringWidth(text)) / 2);
  const right = width - Bun.stringWidth(text) - left;
  return " ".repeat(left) + text + " ".repeat(right);
}

function expandedRows(
  { rows }: SqlResult,
  columns: readonly SqlColumn[],
  style: TableStyle,
): string {
  const heads = columns.map(({ name }) => escapeControls(name));
  const width = Math.max(0, ...heads.map((head) => Bun.stringWidth(head)));
  const records = rows.map((row, n) => {
    const lines = row.flatMap((value, i) =>
      cellLines(value, style).map((line, at) => {
        const head = at === 0 ? (heads[i] ?? "") : "";
        return `${head}${" ".repeat(width - Bun.stringWidth(head))} | ${line}`.trimEnd();
      }),
    );
    return [...(style.tuplesOnly ? [] : [`-[ RECORD ${n + 1} ]-`]), ...lines];
  });
  return records
    .flat()
    .map((line) => `${line}\n`)
    .join("");
}

/** RFC 4180, with LF as psql writes it. Null is an empty field, an empty text is quoted. */
export function formatCsv({ columns, rows }: SqlResult, tuplesOnly: boolean): string {
  const head = tuplesOnly ? [] : [(columns ?? []).map(({ name }) => name)];
  return [...head, ...rows].map((row) => `${row.map(csvField).join(",")}\n`).join("");
}

function csvField(value: string | null): string {
  if (value === null) return "";
  return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
