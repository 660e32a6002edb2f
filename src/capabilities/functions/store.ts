/** SQL of functions: what is deployed. Changes are in store-changes, records in store-records. */
import type { Sql } from "postgres";
import type { FunctionKind } from "../../core/function-settings.ts";
import type { CodeReport } from "../../core/inspect-code.ts";
import {
  type ActiveFunction,
  type FunctionVersion,
  NO_LIMITS,
  type ShareBy,
  type Variable,
  type VersionLimits,
  type VersionShare,
} from "./function-version.ts";
import { isoTime } from "./iso-time.ts";
import { readVariables } from "./store-variables.ts";

interface VersionRow {
  version: string;
  runtime: FunctionKind;
  code_sha256: string;
  size_bytes: string;
  entry: string | null;
  config: Record<string, string>;
  env: Record<string, string | null>;
  limits: Partial<VersionLimits>;
  report: Partial<CodeReport>;
  version_created_at: Date;
}

interface FunctionRow {
  name: string;
  active_version: string;
  share_version: string | null;
  share_percent: string | null;
  share_by: ShareBy | null;
  description: string;
  verify_jwt: boolean;
  forward_authorization: boolean;
  created_at: Date;
  updated_at: Date;
}

/** `upload`: a version that gets no calls yet. */
export type DeploymentAction =
  | "deploy"
  | "settings"
  | "upload"
  | "promote"
  | "share"
  | "unshare"
  | "rollback"
  | "remove";

export interface Deployment {
  readonly action: DeploymentAction;
  readonly version: string;
  readonly createdAt: string;
}

const NO_REPORT: CodeReport = { imports: [], hosts: [], warnings: [] };

function toVersion(row: VersionRow): FunctionVersion {
  return {
    version: row.version,
    runtime: row.runtime,
    codeSha256: row.code_sha256,
    sizeBytes: Number(row.size_bytes),
    entry: row.entry,
    config: row.config,
    env: row.env,
    limits: { ...NO_LIMITS, ...row.limits },
    report: { ...NO_REPORT, ...row.report },
    createdAt: isoTime(row.version_created_at),
  };
}

function toFunction(
  row: FunctionRow,
  versions: ReadonlyMap<string, FunctionVersion>,
  variables: readonly Variable[],
): ActiveFunction[] {
  const active = versions.get(`${row.name} ${row.active_version}`);
  // Removed between two reads of one snapshot cannot be; without its version it cannot run.
  if (!active) return [];
  const own = variables.filter(({ owner }) => owner === row.name);
  const shared = variables.filter(({ owner }) => owner === null);
  return [
    {
      name: row.name,
      description: row.description,
      verifyJwt: row.verify_jwt,
      forwardAuthorization: row.forward_authorization,
      createdAt: isoTime(row.created_at),
      updatedAt: isoTime(row.updated_at),
      active,
      share: toShare(row, versions),
      variables: [...own, ...shared],
    },
  ];
}

function toShare(
  { name, share_version, share_percent, share_by }: FunctionRow,
  versions: ReadonlyMap<string, FunctionVersion>,
): VersionShare | null {
  const version = share_version === null ? undefined : versions.get(`${name} ${share_version}`);
  if (!version || share_by === null) return null;
  return { version, percent: Number(share_percent), by: share_by };
}

/** All functions with the versions that get calls and their variables, in order of name. */
export async function readFunctions(sql: Sql): Promise<ActiveFunction[]> {
  return sql.begin("isolation level repeatable read read only", async (tx) => {
    const rows = await tx<FunctionRow[]>`
      select name, description, active_version, verify_jwt, forward_authorization, created_at,
        updated_at, share_version, share_percent, share_by
      from functions.functions order by name`;
    const used = await tx<(VersionRow & { name: string })[]>`
      select v.name, v.version, v.runtime, v.code_sha256, v.size_bytes, v.entry, v.config, v.env,
        v.limits, v.report, v.created_at as version_created_at
      from functions.functions f join functions.versions v
        on v.name = f.name and v.version in (f.active_version, f.share_version)`;
    const versions = new Map(used.map((row) => [`${row.name} ${row.version}`, toVersion(row)]));
    const variables = await readVariables(tx);
    return rows.flatMap((row) => toFunction(row, versions, variables));
  });
}

/** Differs whenever a function or a variable has changed: revisions only grow, so no sum stands still. */
export async function readChangeMark(sql: Sql): Promise<string> {
  const [row] = await sql<{ mark: string }[]>`
    select count(*) || ':' || coalesce(sum(revision), 0) as mark
    from (
      select revision from functions.functions union all select revision from functions.variables
    ) as changed`;
  return row?.mark ?? "";
}

export async function readCode(sql: Sql, sha256: string): Promise<Uint8Array | null> {
  const [row] = await sql<{ bytes: Uint8Array }[]>`
    select bytes from functions.code where sha256 = ${sha256}`;
  return row?.bytes ?? null;
}

/** `<name>/<version>` of every version. */
export async function readVersionKeys(sql: Sql): Promise<Set<string>> {
  const rows = await sql<{ key: string }[]>`
    select name || '/' || version as key from functions.versions`;
  return new Set(rows.map((row) => row.key));
}

/** Which of these are stored. */
export async function heldCode(sql: Sql, sha256: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ sha256: string }[]>`
    select sha256 from functions.code where sha256 = any(${[...sha256]}::text[])`;
  return new Set(rows.map((row) => row.sha256));
}

/** Newest first. */
export async function readVersions(sql: Sql, name: string): Promise<FunctionVersion[]> {
  const rows = await sql<VersionRow[]>`
    select version, runtime, code_sha256, size_bytes, entry, config, env, limits, report,
      created_at as version_created_at
    from functions.versions where name = ${name} order by created_at desc, version limit 1000`;
  return rows.map(toVersion);
}

/** The version that each was last deployed as, by whomever and with calls or without; none since a removal. */
export async function readLastDeployed(
  sql: Sql,
  names: readonly string[],
): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; action: DeploymentAction; version: string }[]>`
    select distinct on (name) name, action, version from functions.deployments
    where name = any(${[...names]}::text[])
      and action in ('deploy', 'settings', 'upload', 'remove')
    order by name, id desc`;
  const deployed = rows.filter(({ action }) => action !== "remove");
  return new Map(deployed.map(({ name, version }) => [name, version]));
}

/** Moves of the pointer, newest first, since the function was last removed. */
export async function readDeployments(sql: Sql, name: string): Promise<Deployment[]> {
  const rows = await sql<{ action: DeploymentAction; version: string; created_at: Date }[]>`
    select action, version, created_at from functions.deployments
    where name = ${name} and id > coalesce(
      (select max(id) from functions.deployments where name = ${name} and action = 'remove'), 0)
    order by id desc limit 1000`;
  return rows.map((r) => ({
    action: r.action,
    version: r.version,
    createdAt: isoTime(r.created_at),
  }));
}
