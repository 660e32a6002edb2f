/** What a start tells a person: one `ready` line, and in development all they need to go on. */

import type { ServerStatus } from "../../core/server-status.ts";
import type { BootStep } from "../boot/steps.ts";

/** `ready http://127.0.0.1:7890 in 214 ms (postgres 61, schema 12, …)` */
export function readyLine(url: string, totalMs: number, steps: readonly BootStep[]): string {
  const parts = steps.map((step) => `${step.name} ${Math.round(step.ms)}`).join(", ");
  return `ready ${url} in ${Math.round(totalMs)} ms (${parts})`;
}

/** Everything a developer needs to try the server, aligned for reading. */
export function developerPage(
  status: ServerStatus,
  table: string | null,
  fn: string | null,
): string {
  const hasKeys = status.publishable_key !== "";
  const rows: [string, string | false][] = [
    ["API", status.url],
    ["Docs page", `${status.url}/swagger`],
    ["Health", `${status.url}/health`],
    ["Inbox of mails", hasAuth(status) && `${status.url}/auth/ui/_inbox`],
    // None with `data.db_uri`.
    ["Publishable key", hasKeys && status.publishable_key],
    ["Secret key", hasKeys && `${status.secret_key}   (server side only)`],
    ["Database", status.database_url],
    ["Data folder", status.data_dir],
    ["Studio", "not in this version"],
  ];
  const shown = rows.filter(([, value]) => value !== false);
  const width = Math.max(...shown.map(([name]) => name.length));
  const lines = shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  const tries = tryLines(status, table, fn);
  const next = tries.length === 0 ? "" : `\n  Try:\n${tries.join("\n")}\n`;
  return `\n${lines.join("\n")}\n${next}`;
}

const hasAuth = (status: ServerStatus) => status.capabilities["auth"] !== undefined;

function tryLines(status: ServerStatus, table: string | null, fn: string | null): string[] {
  const key = status.publishable_key === "" ? "" : ` -H 'apikey: ${status.publishable_key}'`;
  const lines: string[] = [];
  if (hasAuth(status)) {
    lines.push(
      `    curl ${status.url}/auth/v1/signup${key} -H 'content-type: application/json' -d '{"email":"me@example.com","password":"correct horse"}'`,
    );
  }
  if (table !== null) lines.push(`    curl '${status.url}/data/v1/${table}?limit=5'${key}`);
  if (fn !== null) lines.push(`    curl '${status.url}/fn/v1/${fn}'${key}`);
  return lines;
}
