/**
 * Reads one TOML text into plain values with a line index. A syntax fault names line and column and
 * shows the line, except where the line could hold a secret.
 */
import { parse, TomlError } from "smol-toml";
import { ConfigError } from "./config-error.ts";
import { maskUrlPasswords } from "./mask.ts";
import { type LineOf, tomlLines } from "./toml-lines.ts";

export interface TomlFile {
  /** As shown in origins and faults: `reactor.toml`. */
  readonly label: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly lineOf: LineOf;
}

/** Inline tables and arrays nested deeper are refused. */
const DEPTH_MAX = 32;
const FRAME_WIDTH = 80;
const SECRET_WORD = /pass|secret|token|key|auth|credential|private/i;
const SHOWABLE = /^\s*(?:#|\[|[A-Za-z0-9_."'-]+\s*(?:=|$))/;

/** @throws ConfigError on any syntax fault */
export function readToml(text: string, label: string): TomlFile {
  try {
    const values = parse(text, { unsafeKeyBehaviour: "throw", maxDepth: DEPTH_MAX });
    return { label, values, lineOf: tomlLines(text) };
  } catch (error) {
    if (error instanceof TomlError) throw new ConfigError([syntaxFault(text, label, error)]);
    throw new ConfigError([{ where: label, key: null, message: "this is not TOML" }], error);
  }
}

function syntaxFault(text: string, label: string, error: TomlError) {
  const reason = (error.message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
  const frame = codeFrame(text, error.line, error.column);
  return { where: `${label}:${error.line}:${error.column}`, key: null, message: reason + frame };
}

/** The faulty line with a caret, or nothing when it may show part of a secret. */
function codeFrame(text: string, line: number, column: number): string {
  const source = (text.split(/\r?\n/)[line - 1] ?? "").replaceAll("\t", " ");
  // After a multi-line string begins, a line may be the middle of any value.
  const isSafe = SHOWABLE.test(source) && !SECRET_WORD.test(source) && !/"""|'''/.test(text);
  if (!isSafe || column > FRAME_WIDTH) return "";
  const shown = maskUrlPasswords(source.slice(0, FRAME_WIDTH));
  if (shown !== source.slice(0, FRAME_WIDTH)) return "";
  const gutter = `    ${line} | `;
  return `\n${gutter}${shown}\n${" ".repeat(gutter.length + column - 1)}^`;
}
