/** Options and printing that `reactor logs` and `reactor fn logs` share. */
import type { Clock } from "../core/ports/clock.ts";
import type { LogLine } from "../core/ports/log.ts";
import { escapeControls, prettyLog } from "../core/pretty-log.ts";
import { CliError } from "./cli-error.ts";
import type { CommandContext, OptionSpec } from "./command.ts";
import { followLogs } from "./follow-logs.ts";
import type { Output } from "./output.ts";
import type { ServerClient } from "./server-client.ts";

export const logOptions = {
  follow: { short: "f", description: "Go on as new lines come" },
  since: { value: "TIME", description: "Only later lines: 30s, 10m, 2h, 1d or an ISO 8601 time" },
  limit: { value: "N", description: "At most so many lines (default: 200)" },
  level: {
    value: "LEVEL",
    description: "Least level",
    choices: ["debug", "info", "warn", "error"],
  },
} as const satisfies Record<string, OptionSpec>;

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `10m` -> the time ten minutes ago, ISO 8601, and not before 1970. @throws CliError */
function sinceTime(text: string | undefined, clock: Clock): string | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const agoMs = Number(count) * (UNIT_MS[unit] ?? 0);
  const ms = count ? Math.max(0, clock.now() - agoMs) : Date.parse(text);
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  const hint = "Write 30s, 10m, 2h, 1d or 2026-01-31T12:00:00Z";
  throw new CliError("user", "invalid_argument", `--since does not understand '${text}'`, hint);
}

interface LogRequest {
  readonly as: "admin" | "key";
  readonly query: Readonly<Record<string, string | undefined>>;
  /** Lines have ids, after which the server takes up. Default false. */
  readonly resumes?: boolean;
}

/** Prints the lines the server keeps, then new ones while following. */
export async function printLogs(
  context: CommandContext,
  client: ServerClient,
  path: string,
  request: LogRequest,
): Promise<number> {
  const { host, out } = context;
  const limit = context.option("limit");
  if (limit !== undefined && !/^[1-9]\d{0,5}$/.test(limit)) {
    throw new CliError("user", "invalid_argument", "--limit must be a number of lines");
  }
  const since = sinceTime(context.option("since"), host.clock);
  const query = { ...request.query, since, limit };
  if (!context.has("follow")) {
    const { lines } = await client.json<{ lines: LogLine[] }>(path, { as: request.as, query });
    const text = () => lines.map((line) => lineText(line, out)).join("\n");
    if (out.mode === "json" || lines.length > 0) out.result({ lines }, text);
    return 0;
  }
  await followLogs(host, client, { resumes: false, ...request, path, query }, (data) => {
    // While following, JSON output is one line of the log per line.
    out.raw(`${out.mode === "json" ? data : lineText(JSON.parse(data) as LogLine, out)}\n`);
  });
  return 0;
}

/** A function's own lines carry a message instead of an event; what follows in a message, a stack, is indented. */
function lineText(line: LogLine, out: Output): string {
  const message = line["message"];
  if (line.event !== undefined || typeof message !== "string") return prettyLog(line, out.color);
  const at = typeof line.time === "string" ? `${out.paint("dim", escapeControls(line.time))} ` : "";
  const style = line.level === "error" ? "red" : line.level === "warn" ? "yellow" : "dim";
  const [first = "", ...more] = message.split(/\r?\n/).map(escapeControls);
  const rest = more.map((part) => `\n      ${out.paint("dim", part)}`).join("");
  return `${at}${out.paint(style, String(line.level).padEnd(5))} ${first}${rest}`;
}
