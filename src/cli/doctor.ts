/** `reactor doctor`: the server's own checks, with what to do about each finding. */
import { escapeControls } from "../core/pretty-log.ts";
import { EXIT } from "./cli-error.ts";
import { type Command, targetOptions } from "./command.ts";
import type { Paint } from "./output.ts";
import { connect } from "./server-client.ts";

type CheckStatus = "ok" | "warning" | "failed";

interface DoctorAnswer {
  readonly status: CheckStatus;
  readonly checks: readonly {
    readonly name: string;
    readonly status: CheckStatus;
    readonly message: string;
    readonly hint: string | null;
  }[];
}

const MARKS = { ok: "✓", warning: "!", failed: "✗" } as const;
const STYLES = { ok: "green", warning: "yellow", failed: "red" } as const;

export const command: Command = {
  name: "doctor",
  summary: "Check the installation and say what to do",
  usage: "[options]",
  details: "Exit code 0 when nothing failed, warnings included; 5 otherwise.",
  options: targetOptions,
  args: [0, 0],
  examples: [{ run: "reactor doctor", what: "database, disk, clock, keys, ports, jail" }],
  async run(context) {
    const client = await connect(context);
    const answer = await client.json<DoctorAnswer>("/_admin/doctor", { isLong: true });
    context.out.result(answer, () => reportText(answer, context.out.paint));
    return answer.status === "failed" ? EXIT.server : EXIT.ok;
  },
};

function reportText(answer: DoctorAnswer, paint: Paint): string {
  const width = Math.max(0, ...answer.checks.map((check) => check.name.length));
  const lines = answer.checks.flatMap(({ name, status, message, hint }) => {
    const mark = paint(STYLES[status] ?? "red", MARKS[status] ?? "?");
    const text = `${mark} ${name.padEnd(width)}  ${escapeControls(message)}`;
    return hint ? [text, `  ${" ".repeat(width)}  ${paint("dim", escapeControls(hint))}`] : [text];
  });
  return lines.join("\n");
}
