/**
 * What a command prints: text for people on a terminal, one JSON envelope otherwise. Results go to
 * standard output, everything about the way there to standard error.
 */
import { escapeControls } from "../core/pretty-log.ts";
import { CliError } from "./cli-error.ts";
import type { CliHost } from "./host.ts";
import { createProgress, type Progress } from "./progress.ts";

export type Paint = (style: keyof typeof STYLES, text: string) => string;

const STYLES = {
  bold: "\x1b[1m",
  dim: "\x1b[2m",
  red: "\x1b[31m",
  green: "\x1b[32m",
  yellow: "\x1b[33m",
  cyan: "\x1b[36m",
} as const;

export interface Output {
  readonly mode: "text" | "json";
  /** Colours text for standard output; plain when it is no terminal or NO_COLOR is set. */
  readonly paint: Paint;
  readonly color: boolean;
  /** The result: `{"ok":true,"data":…}`, or the text. */
  result(data: unknown, text: string | (() => string)): void;
  /** One line or value as it is, in either mode. */
  raw(text: string | Uint8Array): void;
  /** A remark on standard error, in text mode. */
  note(text: string): void;
  /** Shows on standard error what takes longer than a second. */
  progress(label: string): Progress;
  failure(error: { code: string; message: string; hint: string | null; data?: unknown }): void;
}

/** The mode: `--output`, REACTOR_OUTPUT, else by the terminal. @throws CliError */
export function outputMode(
  given: string | undefined,
  host: CliHost,
  isText: boolean,
): "text" | "json" {
  const wanted = given ?? (isText ? "text" : host.env["REACTOR_OUTPUT"]);
  if (wanted === undefined || wanted === "") {
    return host.terminal.stdout.isTerminal ? "text" : "json";
  }
  if (wanted === "text" || wanted === "json") return wanted;
  throw new CliError("user", "invalid_argument", `--output must be text or json, not '${wanted}'`);
}

export function createOutput(host: CliHost, mode: "text" | "json"): Output {
  const { stdout, stderr } = host.terminal;
  const isPlain = Boolean(host.env["NO_COLOR"]) || host.env["TERM"] === "dumb";
  const painter =
    (color: boolean): Paint =>
    (style, text) =>
      color ? `${STYLES[style]}${text}\x1b[0m` : text;
  const color = stdout.isTerminal && !isPlain && mode === "text";
  const paintError = painter(stderr.isTerminal && !isPlain);
  return {
    mode,
    color,
    paint: painter(color),
    result(data, text) {
      if (mode === "json") stdout.write(`${JSON.stringify({ ok: true, data })}\n`);
      else stdout.write(`${typeof text === "function" ? text() : text}\n`);
    },
    raw: (text) => stdout.write(text),
    note(text) {
      if (mode === "text") stderr.write(`${text}\n`);
    },
    progress: (label) => createProgress(host.clock, stderr, label),
    failure({ code, message, hint, data }) {
      if (mode === "json") {
        const rest = data === undefined ? {} : { data };
        stdout.write(`${JSON.stringify({ ok: false, error: { code, message, hint }, ...rest })}\n`);
        return;
      }
      stderr.write(`${paintError("red", "error:")} ${message}\n`);
      if (hint) stderr.write(`${paintError("dim", "hint:")} ${hint}\n`);
    },
  };
}

/** Columns padded to their widest cell; the last is left ragged. Cells are made safe to print. */
export function table(rows: readonly (readonly string[])[], gap = "  "): string {
  const cells = rows.map((row) => row.map(escapeControls));
  const widths = cells.reduce<number[]>((all, row) => {
    row.forEach((cell, i) => {
      all[i] = Math.max(all[i] ?? 0, Bun.stringWidth(cell));
    });
    return all;
  }, []);
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - Bun.stringWidth(cell)))
        .join(gap)
        .trimEnd(),
    )
    .join("\n");
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** `1.5 MiB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ""}`;
}
