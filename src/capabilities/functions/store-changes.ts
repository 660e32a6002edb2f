/** SQL of what changes a function: a deploy, a move of its pointer, a share, its removal. */
import type { Sql, TransactionSql } from "postgres";
import type { FunctionSettings } from "../../core/function-settings.ts";
import type { CodeReport } from "../../core/inspect-code.ts";
import { limitsOf, type ShareBy } from "./function-version.ts";
import type { DeploymentAction } from "./store.ts";

/** What a deploy writes. */
export interface NewDeploy {
  readonly name: string;
  readonly version: string;
  readonly codeSha256: string;
  readonly settings: FunctionSettings;
  /** Seals the environment, while no sweep may look at it; as the row holds it: null for what is sealed. */
  sealEnv(): Promise<Readonly<Record<string, string | null>>>;
  /** Null when the database has it already. */
  readonly code: Uint8Array | null;
  readonly sizeBytes: number;
  readonly report: CodeReport;
  /** False: the version is kept and gets no calls, unless it is the function's first. */
  readonly activate: boolean;
}

/** A part of the calls, as it is written. */
export interface NewShare {
  readonly version: string;
  readonly percent: number;
  readonly by: ShareBy;
}

/** Runs in the transaction of a change: appends its event. */
export type InTransaction = (tx: TransactionSql) => Promise<void>;

/** Saves code and version where new, and moves the pointer to it. One change of a name at a time. */
export async function saveDeploy(sql: Sql, deploy: NewDeploy, also: InTransaction): Promise<void> {
  await sql.begin(async (tx) => {
    await lockName(tx, deploy.name);
    if (deploy.code !== null) {
      await tx`
        insert into functions.code (sha256, bytes)
        values (${deploy.codeSha256}, ${Buffer.from(deploy.code)}) on conflict do nothing`;
    }
    const [before] = await tx<{ active_version: string }[]>`
      select active_version from functions.functions where name = ${deploy.name}`;
    const isMove = deploy.activate || before === undefined;
    await writeFunction(tx, deploy, isMove);
    await writeVersion(tx, deploy);
    const isSame = before?.active_version === deploy.version;
    const action = isSame ? "settings" : isMove ? "deploy" : "upload";
    await writeDeployment(tx, deploy.name, action, deploy.version);
    await also(tx);
  });
}

/** A deploy that moves the pointer ends a share: all calls go to what was deployed last. */
async function writeFunction(tx: TransactionSql, deploy: NewDeploy, isMove: boolean) {
  const { description, verify_jwt, forward_authorization } = deploy.settings;
  await tx`
    insert into functions.functions
      (name, description, active_version, verify_jwt, forward_authorization)
    values (${deploy.name}, ${description}, ${deploy.version}, ${verify_jwt}, ${forward_authorization})
    on conflict (name) do update set description = excluded.description,
      verify_jwt = excluded.verify_jwt, forward_authorization = excluded.forward_authorization,
      revision = nextval('functions.revision'), updated_at = now()`;
  if (!isMove) return;
  await tx`
    update functions.functions set active_version = ${deploy.version},
      share_version = null, share_percent = null, share_by = null
    where name = ${deploy.name}`;
}

async function writeVersion(tx: TransactionSql, deploy: NewDeploy): Promise<void> {
  const env = await deploy.sealEnv();
  const { runtime, entry, config } = deploy.settings;
  await tx`
    insert into functions.versions
      (name, version, runtime, code_sha256, size_bytes, entry, config, env, limits, report)
    values (${deploy.name}, ${deploy.version}, ${runtime}, ${deploy.codeSha256},
      ${deploy.sizeBytes}, ${entry}, ${tx.json(config)}, ${tx.json(env)},
      ${tx.json(limitsOf(deploy.settings))}, ${tx.json(deploy.report as never)})
    on conflict do nothing`;
}

/** Gives all calls to an existing version; false when the function or the version is gone. */
export async function savePointer(
  sql: Sql,
  name: string,
  version: string,
  action: "promote" | "rollback",
  also: InTransaction,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    await lockName(tx, name);
    const moved = await tx`
      update functions.functions f set active_version = ${version},
        share_version = null, share_percent = null, share_by = null,
        revision = nextval('functions.revision'), updated_at = now()
      where name = ${name} and exists (
        select from functions.versions v where v.name = f.name and v.version = ${version})`;
    if (moved.count === 0) return false;
    await writeDeployment(tx, name, action, version);
    await also(tx);
    return true;
  });
}

/** Gives a part of the calls to an existing version; false when either is gone or it is the active one. */
export async function saveShare(
  sql: Sql,
  name: string,
  { version, percent, by }: NewShare,
  also: InTransaction,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    await lockName(tx, name);
    const shared = await tx`
      update functions.functions f set share_version = ${version}, share_percent = ${percent},
        share_by = ${by}, revision = nextval('functions.revision'), updated_at = now()
      where name = ${name} and active_version <> ${version} and exists (
        select from functions.versions v where v.name = f.name and v.version = ${version})`;
    if (shared.count === 0) return false;
    await writeDeployment(tx, name, "share", version);
    await also(tx);
    return true;
  });
}

/** Ends a share: the active version gets all calls. The version that had a part, or null. */
export async function endShare(
  sql: Sql,
  name: string,
  also: InTransaction,
): Promise<string | null> {
  return sql.begin(async (tx) => {
    await lockName(tx, name);
    const [before] = await tx<{ share_version: string | null }[]>`
      select share_version from functions.functions where name = ${name}`;
    const version = before?.share_version ?? null;
    if (version === null) return null;
    await tx`
      update functions.functions set share_version = null, share_percent = null, share_by = null,
        revision = nextval('functions.revision'), updated_at = now()
      where name = ${name}`;
    await writeDeployment(tx, name, "unshare", version);
    await also(tx);
    return version;
  });
}

/** Runs `work` if there is no such version, and while none can be made. */
export async function whileWithout(
  sql: Sql,
  name: string,
  version: string,
  work: () => Promise<unknown>,
): Promise<void> {
  await sql.begin(async (tx) => {
    await lockName(tx, name);
    const found = await tx`
      select from functions.versions where name = ${name} and version = ${version}`;
    if (found.count === 0) await work();
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
