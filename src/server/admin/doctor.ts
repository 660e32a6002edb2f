/** `GET /_admin/doctor`: looks at what usually goes wrong and says what to do about it. */
import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Sql } from "postgres";
import type { ReactorError } from "../../core/errors.ts";
import type { Finding, Health } from "../../core/health.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Project } from "../../core/project.ts";
import type { VaultStatus } from "../../shared/vault/vault-admin.ts";
import type { HealthReport } from "../health.ts";

export interface DoctorReport {
  readonly status: Finding["status"];
  readonly checks: readonly Finding[];
}

/** What the doctor looks at. */
export interface DoctorSubject {
  readonly version: string;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly urls: readonly string[];
  readonly sql: Sql;
  project(): Promise<Project>;
  /** Null where the vault holds nothing. */
  vault(): Promise<VaultStatus | null>;
  /** Asks the mail server; null where there is none. */
  readonly mail: { readonly server: string; probe(): Promise<void> } | null;
  /** Without one, mails hold codes and no links. */
  readonly publicUrl: string;
  /** How many servers on this database have told of themselves within the last minute. */
  servers(): Promise<number>;
  health(): Promise<HealthReport>;
  /** What the capabilities look at themselves, by their names. */
  readonly parts: Readonly<Record<string, () => Promise<readonly Finding[]>>>;
}

type Check = (subject: DoctorSubject) => Promise<Finding>;

const MIB = 1024 * 1024;
const DISK_WARNING_BYTES = 1024 * MIB;
const DISK_FAILED_BYTES = 128 * MIB;
const SKEW_WARNING_MS = 5_000;
const OLDEST_POSTGRES = 15;

function finding(
  name: string,
  status: Finding["status"],
  message: string,
  hint: string | null = null,
): Finding {
  return { name, status, message, hint };
}

const checkDatabase: Check = async ({ sql }) => {
  const [row] = await sql<{ version: string; number: number }[]>`
    select current_setting('server_version') as version,
           current_setting('server_version_num')::int as number`;
  if (!row) return finding("database", "failed", "PostgreSQL did not tell its version");
  if (row.number < OLDEST_POSTGRES * 10_000) {
    return finding(
      "database",
      "failed",
      `PostgreSQL ${row.version} is too old`,
      `Use PostgreSQL ${OLDEST_POSTGRES} or newer`,
    );
  }
  return finding("database", "ok", `PostgreSQL ${row.version} answers`);
};

const checkDurability: Check = async ({ sql }) => {
  const rows = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')`;
  const off = rows.filter((row) => row.setting === "off").map((row) => row.name);
  if (off.length === 0) return finding("durability", "ok", "An acknowledged write is on disk");
  return finding(
    "durability",
    "failed",
    `${off.join(", ")} is off: acknowledged writes can be lost`,
    `Turn ${off.join(", ")} on in the database's configuration`,
  );
};

const checkClock: Check = async ({ sql, clock }) => {
  const before = clock.now();
  const [row] = await sql<{ ms: number }[]>`
    select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`;
  const skew = Math.abs((row?.ms ?? 0) - (before + clock.now()) / 2);
  if (skew < SKEW_WARNING_MS) return finding("clock", "ok", "The clock agrees with the database's");
  return finding(
    "clock",
    "warning",
    `The clock is ${Math.round(skew / 1000)} s off the database's`,
    "Tokens may be refused; run an NTP client on both machines",
  );
};

const checkServers: Check = async ({ servers }) => {
  const count = await servers();
  const text = count > 1 ? `${count} servers share this database` : "No other server is on it";
  return finding("servers", "ok", text);
};

const checkDisk: Check = async ({ dataDir }) => {
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  const text = `${Math.round(free / MIB)} MiB free in ${dataDir}`;
  if (free > DISK_WARNING_BYTES) return finding("disk", "ok", text);
  const status = free > DISK_FAILED_BYTES ? "warning" : "failed";
  return finding("disk", status, text, "Free space, or move the data folder to a larger disk");
};

const checkKeys: Check = async ({ project, dataDir }) => {
  const { signingKeys } = await project();
  if (signingKeys.length === 0) {
    return finding("keys", "failed", "There is no signing key", "Restore a backup of the vault");
  }
  const open = await readableByOthers(join(dataDir, "admin.token"), join(dataDir, "vault.key"));
  if (open.length === 0) {
    return finding("keys", "ok", `${signingKeys.length} signing key(s); secrets are private`);
  }
  return finding(
    "keys",
    "failed",
    `Readable by others: ${open.join(", ")}`,
    `chmod 600 ${open.join(" ")}`,
  );
};

const checkVault: Check = async ({ vault }) => {
  const status = await vault();
  if (!status) return finding("vault", "ok", "No secrets are kept here");
  if (status.pending) {
    return finding(
      "vault",
      "warning",
      "The vault opens with two master keys, since none has been used since the rotation",
      "Start the server with the new one, or run `reactor vault rotate` again",
    );
  }
  const code = status.recovery_code ? "and a recovery code" : "and no recovery code";
  const hint = status.recovery_code ? null : "reactor vault recovery-code makes one";
  const text = `Opened by ${SOURCES[status.source]}, ${code}`;
  return finding("vault", "ok", text, hint);
};

const SOURCES = {
  file: "the master key in its file",
  configuration: "the configured master key",
  passphrase: "the passphrase",
} as const;

async function readableByOthers(...paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const info = await stat(path).catch(() => null);
    if (info && (info.mode & 0o077) !== 0) found.push(path);
  }
  return found;
}

const checkPorts: Check = ({ urls }) => {
  const open = urls.filter((url) => !/:\/\/(127\.|localhost|\[::1\])/.test(url));
  const plain = open.filter((url) => url.startsWith("http://"));
  const text = `Listening on ${urls.join(", ")}`;
  if (plain.length === 0) return Promise.resolve(finding("ports", "ok", text));
  return Promise.resolve(
    finding(
      "ports",
      "warning",
      `${text}: reachable from other machines without TLS`,
      "Put a TLS proxy in front, or set [server.tls] cert and key",
    ),
  );
};

const checkParts: Check = async ({ health }) => {
  const { parts } = await health();
  const bad = Object.entries(parts).filter(([, part]) => part.status !== "ok");
  if (bad.length === 0) {
    return finding("parts", "ok", `All parts work: ${Object.keys(parts).join(", ")}`);
  }
  return finding(
    "parts",
    bad.some(([, part]) => part.status === "failed") ? "failed" : "warning",
    bad.map(([name, part]) => `${name} is ${part.status}${whyOf(part)}`).join(", "),
    "The log tells more: reactor logs --level warn",
  );
};

/** Where the reason is known to be the project's own. */
function whyOf({ details }: Health): string {
  const count = details?.["not_deployed"];
  return count === undefined ? "" : ` (not deployed of the project: ${String(count)})`;
}

const checkJail: Check = async ({ health }) => {
  const { parts } = await health();
  const { jail: level, programs_refused: refused } = parts["functions"]?.details ?? {};
  if (level === undefined) return finding("jail", "ok", "No functions are served here");
  const programs = refused
    ? `; programs of their own (bootstrap) are not run: ${String(refused)}`
    : ", and so do programs of their own (bootstrap)";
  const message = `Functions run in the jail '${String(level)}'${programs}`;
  if (level === "weak") {
    const hint = "The kernel has no Landlock: functions can read what the server's user can read";
    return finding("jail", "warning", message, hint);
  }
  if (level !== "none") return finding("jail", "ok", message);
  return finding(
    "jail",
    "warning",
    "Functions run in child processes without a jail",
    "Deploy only code that you trust",
  );
};

const checkMail: Check = async ({ mail, publicUrl }) => {
  if (mail === null) {
    const hint = "Set [mail] smtp_host and from; until then messages are at /auth/ui/_inbox";
    return finding("mail", "ok", "No mail server: messages go nowhere", hint);
  }
  try {
    await mail.probe();
  } catch (error) {
    const { message, details } = error as ReactorError;
    const hint = "Check the [mail] settings";
    return finding("mail", "failed", `${mail.server}: ${details ?? message}`, hint);
  }
  if (publicUrl !== "") return finding("mail", "ok", `${mail.server} takes mails`);
  const hint = "Set [server] public_url to the address by which people reach this server";
  return finding("mail", "warning", `${mail.server} takes mails, which will have no links`, hint);
};

const CHECKS: Readonly<Record<string, Check>> = {
  database: checkDatabase,
  durability: checkDurability,
  servers: checkServers,
  clock: checkClock,
  disk: checkDisk,
  keys: checkKeys,
  vault: checkVault,
  ports: checkPorts,
  jail: checkJail,
  mail: checkMail,
  parts: checkParts,
};

/** Runs every check; one that throws is itself a finding. */
export async function examine(subject: DoctorSubject): Promise<DoctorReport> {
  const version = finding("version", "ok", `Reactor ${subject.version}, Bun ${Bun.version}`);
  const failed = (name: string, error: unknown) =>
    finding(name, "failed", `The check failed: ${(error as Error).message}`, "See the log");
  const rest = await Promise.all([
    ...Object.entries(CHECKS).map(([name, check]) =>
      check(subject).catch((error: unknown) => failed(name, error)),
    ),
    ...Object.entries(subject.parts).map(([name, findings]) =>
      findings().catch((error: unknown) => [failed(name, error)]),
    ),
  ]);
  const checks = [version, ...rest.flat()];
  const worst = ["failed", "warning", "ok"] as const;
  const status = worst.find((s) => checks.some((c) => c.status === s)) ?? "ok";
  return { status, checks };
}
