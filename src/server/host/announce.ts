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
  const rows: [string, string][] = [
    ["API", status.url],
    ["Docs page", `${status.url}/swagger`],
    ["Health", `${status.url}/health`],
    ["Inbox of mails", `${status.url}/auth/ui/_inbox`],
    ["Publishable key", status.publishable_key],
    ["Secret key", `${status.secret_key}   (server side only)`],
    ["Database", status.database_url],
    ["Data folder", status.data_dir],
    ["Studio", "not in this version"],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
  return `\n${lines.join("\n")}\n\n  Try:\n${tryLines(status, table, fn).join("\n")}\n`;
}

function tryLines(status: ServerStatus, table: string | null, fn: string | null): string[] {
  const key = `-H 'apikey: ${status.publishable_key}'`;
  const lines = [
    `    curl ${status.url}/auth/v1/signup ${key} -H 'content-type: application/json' -d '{"email":"me@example.com","password":"correct horse"}'`,
  ];
  if (table !== null) lines.push(`    curl '${status.url}/data/v1/${table}?limit=5' ${key}`);
  if (fn !== null) lines.push(`    curl '${status.url}/fn/v1/${fn}' ${key}`);
  return lines;
}
