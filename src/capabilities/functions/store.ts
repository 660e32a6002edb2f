/** SQL of functions: what is deployed, and the moves of the pointer. Records are in store-records. */
import type { Sql, TransactionSql } from "postgres";
import type { FunctionKind, FunctionSettings } from "../../core/function-settings.ts";
import {
  type ActiveFunction,
  type FunctionVersion,
  limitsOf,
  type VersionLimits,
} from "./function-version.ts";

interface VersionRow {
  version: string;
  runtime: FunctionKind;
  code_sha256: string;
  size_bytes: string;
  entry: string | null;
  config: Record<string, string>;
  env: Record<string, string>;
  limits: Partial<VersionLimits>;
  version_created_at: Date;
}

interface FunctionRow extends VersionRow {
  name: string;
  description: string;
  verify_jwt: boolean;
  forward_authorization: boolean;
  created_at: Date;
  updated_at: Date;
}

export type DeploymentAction = "deploy" | "settings" | "rollback" | "remove";

export interface Deployment {
  readonly action: DeploymentAction;
  readonly version: string;
  readonly createdAt: string;
}

/** What a deploy writes. */
export interface NewDeploy {
  readonly name: string;
  readonly version: string;
  readonly codeSha256: string;
  readonly settings: FunctionSettings;
  readonly code: Uint8Array;
}

/** Runs in the transaction of a change: appends its event. */
export type InTransaction = (tx: TransactionSql) => Promise<void>;

const NO_LIMITS: VersionLimits = {
  deadline_ms: null,
  memory_mb: null,
  body_in_mb: null,
  concurrency: null,
  egress: null,
  isolation: null,
  service: null,
  min_instances: null,
  max_instances: null,
};

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
    createdAt: isoTime(row.version_created_at),
  };
}

function toFunction(row: FunctionRow): ActiveFunction {
  return {
    name: row.name,
    description: row.description,
    verifyJwt: row.verify_jwt,
    forwardAuthorization: row.forward_authorization,
    createdAt: isoTime(row.created_at),
    updatedAt: isoTime(row.updated_at),
    active: toVersion(row),
  };
}

export function isoTime(value: Date | string): string {
  return new Date(value).toISOString();
}

/** All functions with their active version, in order of name. */
export async function readFunctions(sql: Sql): Promise<ActiveFunction[]> {
  const rows = await sql<FunctionRow[]>`
    select f.name, f.description, f.verify_jwt, f.forward_authorization, f.created_at,
      f.updated_at, v.version, v.runtime, v.code_sha256, v.size_bytes, v.entry, v.config, v.env,
      v.limits, v.created_at as version_created_at
    from functions.functions f
    join functions.versions v on v.name = f.name and v.version = f.active_version
    order by f.name`;
  return rows.map(toFunction);
}

/** Differs whenever any function has changed: revisions only grow, so their sum cannot stand still. */
export async function readChangeMark(sql: Sql): Promise<string> {
  const [row] = await sql<{ mark: string }[]>`
    select count(*) || ':' || coalesce(sum(revision), 0) as mark from functions.functions`;
  return row?.mark ?? "";
}

export async function readCode(sql: Sql, sha256: string): Promise<Uint8Array | null> {
  const [row] = await sql<{ bytes: Uint8Array }[]>`
    select bytes from functions.code where sha256 = ${sha256}`;
  return row?.bytes ?? null;
}

/** Newest first. */
export async function readVersions(sql: Sql, name: string): Promise<FunctionVersion[]> {
  const rows = await sql<VersionRow[]>`
    select version, runtime, code_sha256, size_bytes, entry, config, env, limits,
      created_at as version_created_at
    from functions.versions where name = ${name} order by created_at desc, version limit 1000`;
  return rows.map(toVersion);
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

/** Saves code and version where new, and moves the pointer to it. One change of a name at a time. */
export async function saveDeploy(sql: Sql, deploy: NewDeploy, also: InTransaction): Promise<void> {
  await sql.begin(async (tx) => {
    await lockName(tx, deploy.name);
    await tx`
      insert into functions.code (sha256, bytes)
      values (${deploy.codeSha256}, ${Buffer.from(deploy.code)}) on conflict do nothing`;
    const [before] = await tx<{ active_version: string }[]>`
      select active_version from functions.functions where name = ${deploy.name}`;
    await writePointer(tx, deploy);
    await writeVersion(tx, deploy);
    const action = before?.active_version === deploy.version ? "settings" : "deploy";
    await writeDeployment(tx, deploy.name, action, deploy.version);
    await also(tx);
  });
}

async function writePointer(tx: TransactionSql, deploy: NewDeploy): Promise<void> {
  const { description, verify_jwt, forward_authorization } = deploy.settings;
  await tx`
    insert into functions.functions
      (name, description, active_version, verify_jwt, forward_authorization)
    values (${deploy.name}, ${description}, ${deploy.version}, ${verify_jwt}, ${forward_authorization})
    on conflict (name) do update set description = excluded.description,
      active_version = excluded.active_version, verify_jwt = excluded.verify_jwt,
      forward_authorization = excluded.forward_authorization,
      revision = nextval('functions.revision'), updated_at = now()`;
}

async function writeVersion(tx: TransactionSql, deploy: NewDeploy): Promise<void> {
  const { runtime, entry, config, env } = deploy.settings;
  await tx`
    insert into functions.versions
      (name, version, runtime, code_sha256, size_bytes, entry, config, env, limits)
    values (${deploy.name}, ${deploy.version}, ${runtime}, ${deploy.codeSha256},
      ${deploy.code.byteLength}, ${entry}, ${tx.json(config)}, ${tx.json(env)},
      ${tx.json(limitsOf(deploy.settings))})
    on conflict do nothing`;
}

/** Points an existing version; false when the function or the version is gone. */
export async function savePointer(
  sql: Sql,
  name: string,
  version: string,
  also: InTransaction,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    await lockName(tx, name);
    const moved = await tx`
      update functions.functions f set active_version = ${version},
        revision = nextval('functions.revision'), updated_at = now()
      where name = ${name} and exists (
        select from functions.versions v where v.name = f.name and v.version = ${version})`;
    if (moved.count === 0) return false;
    await writeDeployment(tx, name, "rollback", version);
    await also(tx);
    return true;
  });
}

/** Removes a function, its versions, log and invocations; the version it had, or null when unknown. */
export async function saveRemoval(
  sql: Sql,
  name: string,
  also: InTransaction,
): Promise<string | null> {
  return sql.begin(async (tx) => {
    await lockName(tx, name);
    const [gone] = await tx<{ active_version: string }[]>`
      delete from functions.functions where name = ${name} returning active_version`;
    if (!gone) return null;
    await tx`delete from functions.log_lines where name = ${name}`;
    await tx`delete from functions.invocations where name = ${name}`;
    await writeDeployment(tx, name, "remove", gone.active_version);
    await also(tx);
    return gone.active_version;
  });
}

async function lockName(tx: TransactionSql, name: string): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended('functions:' || ${name}::text, 0))`;
}

async function writeDeployment(
  tx: TransactionSql,
  name: string,
  action: DeploymentAction,
  version: string,
): Promise<void> {
  await tx`
    insert into functions.deployments (name, action, version) values (${name}, ${action}, ${version})`;
}
