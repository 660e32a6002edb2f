/**
 * Sends a project to a server: announces what it has by sha256, uploads what the server lacks, and
 * asks for it to be applied. Sent again after a failure it goes on where it stopped.
 */
import type { FunctionSettings } from "../core/function-settings.ts";
import { isPart, type ProjectFunction, readPart } from "../core/functions-project.ts";
import { type CodeReport, inspectCode } from "../core/inspect-code.ts";
import { escapeControls } from "../core/pretty-log.ts";
import { CliError, EXIT } from "./cli-error.ts";
import type { CommandContext } from "./command.ts";
import { type Paint, sizeText } from "./output.ts";
import type { Progress } from "./progress.ts";
import type { ProjectMigration } from "./project-files.ts";
import { refusal, type ServerClient } from "./server-client.ts";

interface Change {
  readonly name: string;
  readonly action: string;
  readonly version: string;
  readonly report?: CodeReport;
}

interface Phase {
  readonly section: string;
  readonly status: "planned" | "complete" | "failed" | "skipped";
  readonly changes: readonly Change[];
  readonly error: {
    code: string;
    message: string;
    details: string | null;
    hint: string | null;
  } | null;
}

interface Report {
  readonly deploy_id: string;
  readonly status: "planned" | "needs_parts" | "complete" | "partial";
  readonly missing: readonly string[];
  readonly phases: readonly Phase[];
}

interface Part {
  readonly name: string;
  readonly sha256: string;
  readonly size_bytes: number;
}

export interface DeployContents {
  readonly migrations: readonly ProjectMigration[];
  readonly functions: readonly ProjectFunction[];
  readonly dryRun: boolean;
  /** All of the project: what it no longer has may be removed, where `[runtime] prune` allows that. */
  readonly isWhole: boolean;
  /** False: new versions get no calls yet. Default true. */
  readonly promote?: boolean;
}

/** Announce, upload, announce: a part may lapse in between, but not for ever. */
const ROUNDS_MAX = 3;

/** Prints the report; the exit code. */
export async function runDeploy(
  context: CommandContext,
  client: ServerClient,
  contents: DeployContents,
): Promise<number> {
  const { url, from } = client.target;
  context.out.note(`${contents.dryRun ? "Planning for" : "Deploying to"} ${url} (${from})`);
  const progress = context.out.progress("Deploying");
  try {
    const report = await send(context, client, contents, progress);
    progress.end();
    return printReport(context, report, commandOf(contents));
  } finally {
    progress.end();
  }
}

async function send(
  context: CommandContext,
  client: ServerClient,
  contents: DeployContents,
  progress: Progress,
): Promise<Report> {
  const bytes = new Map<string, Uint8Array>();
  const announce = (name: string, content: Uint8Array): Part => {
    const sha256 = new Bun.CryptoHasher("sha256").update(content).digest("hex");
    bytes.set(sha256, content);
    return { name, sha256, size_bytes: content.byteLength };
  };
  const functions: (Part & { settings: object; promote?: boolean })[] = [];
  const found = new Map<string, CodeReport | undefined>();
  const waiting = contents.promote === false ? { promote: false } : {};
  for (const { name, path, settings } of contents.functions) {
    progress.update(`building ${name}`);
    const code = isPart(path) ? packed(path) : await context.host.bundleFunction(path);
    functions.push({ ...announce(name, code), settings, ...waiting });
    found.set(name, inspected(settings, code));
  }
  const migrations = contents.migrations.map(({ name, bytes: sql }) => announce(name, sql));
  const { dryRun, isWhole } = contents;
  const json = { dry_run: dryRun, whole: isWhole, migrations, sections: { functions } };
  for (let round = 1; ; round++) {
    progress.update(contents.dryRun ? "planning" : "applying");
    const options = { method: "POST", json, isLong: true };
    const report = await client.json<Report>("/_admin/deploy", options);
    if (report.status !== "needs_parts") return withFindings(report, found);
    if (round === ROUNDS_MAX) {
      throw new CliError("server", "deploy_failed", "The server keeps losing uploaded parts");
    }
    await upload(client, report.missing, bytes, progress);
  }
}

function packed(path: string): Uint8Array {
  try {
    return readPart(path);
  } catch (error) {
    throw new CliError("validation", "function_invalid", (error as Error).message);
  }
}

/** Undefined for a module that cannot be read: the server says why. */
function inspected({ runtime, egress }: FunctionSettings, code: Uint8Array) {
  try {
    return inspectCode(runtime, code, egress ?? ["*"]);
  } catch {
    return undefined;
  }
}

/** A plan has not seen the code; what was found here is told in its place. */
function withFindings(report: Report, found: ReadonlyMap<string, CodeReport | undefined>): Report {
  const phases = report.phases.map((phase) => {
    if (phase.section !== "functions") return phase;
    const changes = phase.changes.map((change) => {
      const own = change.action === "unchanged" ? undefined : found.get(change.name);
      return change.report || !own ? change : { ...change, report: own };
    });
    return { ...phase, changes };
  });
  return { ...report, phases };
}

async function upload(
  client: ServerClient,
  missing: readonly string[],
  bytes: ReadonlyMap<string, Uint8Array>,
  progress: Progress,
): Promise<void> {
  const parts = missing.map((sha256) => ({ sha256, body: bytes.get(sha256) }));
  const total = parts.reduce((sum, { body }) => sum + (body?.byteLength ?? 0), 0);
  let sent = 0;
  for (const { sha256, body } of parts) {
    progress.update(`uploading ${sizeText(sent)} of ${sizeText(total)}`);
    if (!body)
      throw new CliError("server", "deploy_failed", `The server asks for unknown ${sha256}`);
    const headers = { "content-type": "application/octet-stream" };
    const path = `/_admin/deploy/parts/${sha256}`;
    const response = await client.send(path, { method: "PUT", body, headers, isLong: true });
    if (!response.ok) throw await refusal(response);
    sent += body.byteLength;
  }
}

/** Codes of a failed phase that are the server's fault; any other is the project's. */
const SERVER_FAULTS = /^(?:internal_error|unavailable|.*_unavailable|deploy_in_progress)$/;

/** What sends the same again. */
function commandOf({ isWhole, functions }: DeployContents): string {
  const names = functions.map(({ name }) => name).join(" ");
  return isWhole ? "reactor deploy" : `reactor fn deploy ${names}`.trimEnd();
}

function printReport(context: CommandContext, report: Report, command: string): number {
  const { out } = context;
  const failed = report.phases.find((phase) => phase.status === "failed");
  const text = () => reportText(report, out.paint);
  if (report.status !== "partial") {
    out.result(report, text);
    return EXIT.ok;
  }
  if (out.mode === "text") out.raw(`${text()}\n`);
  const {
    code = "deploy_partial",
    message = "A phase failed",
    details,
    hint,
  } = failed?.error ?? {};
  throw new CliError(
    SERVER_FAULTS.test(code) ? "server" : "validation",
    code,
    `The deploy is partial: ${failed?.section ?? "a phase"}: ${message}${details ? `: ${details}` : ""}`,
    hint ?? `What is complete stays; \`${command}\` again goes on from here`,
    report,
  );
}

const STYLES = { planned: "cyan", complete: "green", failed: "red", skipped: "yellow" } as const;
const SHORT_VERSION = 12;

function reportText(report: Report, paint: Paint): string {
  const lines = report.phases.flatMap((phase) => {
    const head = `${paint("bold", phase.section)} ${paint(STYLES[phase.status], phase.status)}`;
    const changed = phase.changes.filter(({ action }) => action !== "unchanged");
    const same = phase.changes.length - changed.length;
    const rows = changed.flatMap(({ name, action, version, report: found }) => {
      const short = /^[0-9a-f]{64}$/.test(version) ? version.slice(0, SHORT_VERSION) : version;
      const line = `  ${action.padEnd(7)} ${escapeControls(name)} ${paint("dim", escapeControls(short))}`;
      return [line, ...(found ? findings(found, paint) : [])];
    });
    return [head, ...rows, ...(same > 0 ? [paint("dim", `  ${same} unchanged`)] : [])];
  });
  return lines.join("\n");
}

const SHOWN_MAX = 8;

/** What the code asks for, below its line. */
function findings({ imports, hosts, warnings }: CodeReport, paint: Paint): string[] {
  const shown = (names: readonly string[]) => {
    const more = names.length > SHOWN_MAX ? ` and ${names.length - SHOWN_MAX} more` : "";
    return escapeControls(names.slice(0, SHOWN_MAX).join(", ")) + more;
  };
  return [
    ...(imports.length > 0 ? [paint("dim", `          imports ${shown(imports)}`)] : []),
    ...(hosts.length > 0 ? [paint("dim", `          hosts ${shown(hosts)} (guessed)`)] : []),
    ...warnings.map((text) => paint("yellow", `          warning: ${escapeControls(text)}`)),
  ];
}
