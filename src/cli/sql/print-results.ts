/** Prints what statements answered, and where one failed, as psql does. */
import { escapeControls } from "../../core/pretty-log.ts";
import type { SqlAnswer, SqlFault, SqlNotice, SqlResult } from "../../core/sql-answer.ts";
import type { CommandContext } from "../command.ts";
import { formatCsv, formatRows } from "./format-table.ts";
import { jsonRows } from "./json-rows.ts";

export interface PrintStyle {
  format: "table" | "csv" | "json";
  expanded: boolean;
  tuplesOnly: boolean;
  timing: boolean;
  nullText: string;
}

export function printAnswer({ host }: CommandContext, answer: SqlAnswer, style: PrintStyle): void {
  const { stdout, stderr } = host.terminal;
  for (const notice of answer.notices) stderr.write(noticeText(notice));
  for (const result of answer.results) stdout.write(resultText(result, style));
}

function resultText(result: SqlResult, style: PrintStyle): string {
  const time = style.timing ? `Time: ${result.ms.toFixed(3)} ms\n` : "";
  if (result.columns === null) return style.tuplesOnly ? time : `${result.tag}\n${time}`;
  switch (style.format) {
    case "csv":
      return formatCsv(result, style.tuplesOnly) + time;
    case "json":
      return `${JSON.stringify(jsonRows(result))}\n${time}`;
    case "table":
      return formatRows(result, style) + time;
  }
}

function noticeText({ severity, message, detail, hint }: SqlNotice): string {
  return labelled([
    [severity, message],
    ["DETAIL", detail],
    ["HINT", hint],
  ]);
}

function labelled(lines: readonly (readonly [string, string | null])[]): string {
  return lines
    .flatMap(([label, text]) => (text === null ? [] : [`${label}:  ${escapeControls(text)}\n`]))
    .join("");
}

/** @param sql the text as sent, of which the line at fault is shown. */
export function printFault(context: CommandContext, fault: SqlFault, sql: string): void {
  const { stderr } = context.host.terminal;
  stderr.write(labelled([["ERROR", fault.message]]));
  stderr.write(excerpt(sql, fault));
  stderr.write(
    labelled([
      ["DETAIL", fault.details],
      ["HINT", fault.hint],
      ["SQLSTATE", fault.sqlstate ?? null],
    ]),
  );
}

/** `LINE 2: …` with a caret below the place. */
function excerpt(sql: string, { line = null, column = null }: SqlFault): string {
  const text = line === null ? undefined : sql.split("\n")[line - 1];
  if (line === null || column === null || text === undefined) return "";
  const label = `LINE ${line}: `;
  const before = Array.from(text)
    .slice(0, column - 1)
    .join("")
    .replaceAll("\t", " ");
  const caret = " ".repeat(label.length + Bun.stringWidth(before));
  return `${label}${escapeControls(text.replaceAll("\t", " "))}\n${caret}^\n`;
}
