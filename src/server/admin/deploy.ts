/**
 * `POST /_admin/deploy`: migrations, then each capability's section in the fixed order. There is no
 * rollback across sections: what was done stays done, is reported as it is, and the same deploy
 * sent again goes on where it stopped.
 */

import { coreErrors, defineErrors, type ErrorBody, ReactorError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { DeployChange, Deployer, DeployItem } from "../../core/ports/deployer.ts";
import type { Ids } from "../../core/ports/ids.ts";
import type { Lease, Leases } from "../../core/ports/leases.ts";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { DeployStore } from "./deploy-store.ts";

export const deployErrors = defineErrors({
  deploy_in_progress: () => ({
    status: 409,
    message: "Another deploy is running",
    hint: "Wait for it to end and try again",
    headers: { "Retry-After": "2" },
  }),
  deploy_section_unknown: (section: string, known: readonly string[]) => ({
    status: 422,
    message: `Nothing here deploys '${section}'`,
    details: `This server deploys: ${known.join(", ") || "nothing"}`,
  }),
  deploy_part_mismatch: (sha256: string) => ({
    status: 422,
    message: "The uploaded part does not have the announced sha256",
    details: sha256,
    hint: "Send it again; the transfer was damaged",
  }),
});

/** A migration as announced; its part is the SQL text. */
export interface DeployMigration {
  readonly name: string;
  readonly sha256: string;
  readonly size_bytes: number;
}

export interface DeployRequest {
  readonly dry_run: boolean;
  /** The sections are all of a project: what it no longer has may be removed. */
  readonly whole: boolean;
  readonly migrations: readonly DeployMigration[];
  readonly sections: Readonly<Record<string, readonly DeployItem[]>>;
}

export interface DeployPhase {
  readonly section: string;
  readonly status: "planned" | "complete" | "failed" | "skipped";
  readonly changes: readonly DeployChange[];
  readonly error: ErrorBody | null;
}

export interface DeployReport {
  readonly deploy_id: string;
  readonly status: "planned" | "needs_parts" | "complete" | "partial";
  /** Parts to upload before the deploy can run. */
  readonly missing: readonly string[];
  readonly phases: readonly DeployPhase[];
}

/** What applies the project's migrations; the migrator behind a small face. */
export interface ProjectMigrations {
  /** Which of these are pending; throws `migration_drift` for a changed one. */
  plan(tenant: TenantCtx, announced: readonly DeployMigration[]): Promise<DeployChange[]>;
  apply(
    tenant: TenantCtx,
    files: readonly { name: string; sql: string }[],
  ): Promise<DeployChange[]>;
}

export interface DeployOptions {
  readonly store: DeployStore;
  readonly migrations: ProjectMigrations;
  /** In the order in which sections are applied. */
  readonly deployers: readonly Deployer[];
  readonly leases: Leases;
  readonly ids: Ids;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A server that dies while it deploys keeps others from it for this long. */
const LEASE_TTL_MS = 30_000;

export async function deploy(
  options: DeployOptions,
  tenant: TenantCtx,
  request: DeployRequest,
): Promise<DeployReport> {
  checkSections(options, request);
  const planned = await planAll(options, tenant, request);
  const missing = await missingParts(options, tenant, request, planned);
  const deploy_id = options.ids.uuid();
  if (request.dry_run) return { deploy_id, status: "planned", missing, phases: planned };
  if (missing.length > 0) return { deploy_id, status: "needs_parts", missing, phases: planned };
  // Held by the deploy, not by the server: two deploys at one server exclude each other too.
  const lease = await options.leases.acquire(tenant, "deploy", deploy_id, LEASE_TTL_MS);
  if (!lease) throw deployErrors.deploy_in_progress();
  const stopRenewing = keepRenewing(options, lease);
  try {
    return await applyAll(options, tenant, request, deploy_id);
  } finally {
    stopRenewing();
    await lease.release();
  }
}

function keepRenewing({ clock, log }: DeployOptions, lease: Lease): () => void {
  const renew = async () => {
    if (!(await lease.renew())) log.warn("deploy.lease_lost", { epoch: String(lease.epoch) });
  };
  return clock.every(LEASE_TTL_MS / 3, () => {
    renew().catch((error: unknown) => log.warn("deploy.lease_not_renewed", { error }));
  });
}

/** Keeps one part. @throws deploy_part_mismatch */
export async function storePart(
  store: DeployStore,
  tenant: TenantCtx,
  sha256: string,
  bytes: Uint8Array,
): Promise<void> {
  const actual = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  if (actual !== sha256) throw deployErrors.deploy_part_mismatch(sha256);
  await store.putPart(tenant, sha256, bytes);
}

function checkSections(options: DeployOptions, request: DeployRequest): void {
  const known = options.deployers.map((d) => d.section);
  for (const section of Object.keys(request.sections)) {
    if (!known.includes(section)) throw deployErrors.deploy_section_unknown(section, known);
  }
}

async function planAll(
  options: DeployOptions,
  tenant: TenantCtx,
  request: DeployRequest,
): Promise<DeployPhase[]> {
  const phases = [
    plannedPhase("migrations", await options.migrations.plan(tenant, request.migrations)),
  ];
  for (const deployer of options.deployers) {
    const items = request.sections[deployer.section];
    if (items) phases.push(plannedPhase(deployer.section, await deployer.plan(tenant, items)));
  }
  return phases;
}

function plannedPhase(section: string, changes: readonly DeployChange[]): DeployPhase {
  return { section, status: "planned", changes, error: null };
}

async function missingParts(
  options: DeployOptions,
  tenant: TenantCtx,
  request: DeployRequest,
  planned: readonly DeployPhase[],
): Promise<string[]> {
  const wanted = new Set<string>();
  for (const { section, changes } of planned) {
    const items = section === "migrations" ? request.migrations : (request.sections[section] ?? []);
    const idle = new Set(changes.filter((c) => c.action === "unchanged").map((c) => c.name));
    for (const item of items) if (!idle.has(item.name)) wanted.add(item.sha256);
  }
  for (const deployer of options.deployers) {
    for (const sha256 of await heldBy(deployer, tenant, [...wanted])) wanted.delete(sha256);
  }
  const held = await options.store.heldParts(tenant, [...wanted]);
  return [...wanted].filter((sha256) => !held.has(sha256));
}

async function heldBy(deployer: Deployer, tenant: TenantCtx, sha256: readonly string[]) {
  return (await deployer.holds?.(tenant, sha256)) ?? new Set<string>();
}

async function applyAll(
  options: DeployOptions,
  tenant: TenantCtx,
  request: DeployRequest,
  deploy_id: string,
): Promise<DeployReport> {
  // Planned again under the lease: another deploy may have ended since.
  const planned = await planAll(options, tenant, request);
  const phases: DeployPhase[] = [];
  for (const plan of planned) {
    const failed = phases.some((p) => p.status === "failed");
    phases.push(
      failed ? { ...plan, status: "skipped" } : await applyPhase(options, tenant, request, plan),
    );
  }
  const status = phases.every((p) => p.status === "complete") ? "complete" : "partial";
  const report: DeployReport = { deploy_id, status, missing: [], phases };
  await options.store.record(tenant, deploy_id, status, report);
  options.log.info("deploy.ended", { deploy_id, status, tenant: tenant.id });
  return report;
}

async function applyPhase(
  options: DeployOptions,
  tenant: TenantCtx,
  request: DeployRequest,
  plan: DeployPhase,
): Promise<DeployPhase> {
  const changes: DeployChange[] = [];
  try {
    if (plan.section === "migrations") {
      changes.push(...(await applyMigrations(options, tenant, request, plan)));
    } else {
      await applySection(options, tenant, request, plan, changes);
    }
    return { ...plan, status: "complete", changes };
  } catch (error) {
    options.log.error("deploy.phase_failed", { section: plan.section, error });
    return { ...plan, status: "failed", changes, error: bodyOf(error) };
  }
}

async function applyMigrations(
  options: DeployOptions,
  tenant: TenantCtx,
  request: DeployRequest,
  plan: DeployPhase,
): Promise<DeployChange[]> {
  const pending = new Set(plan.changes.filter((c) => c.action === "create").map((c) => c.name));
  const files: { name: string; sql: string }[] = [];
  for (const { name, sha256 } of request.migrations) {
    if (!pending.has(name)) continue;
    const bytes = await options.store.readPart(tenant, sha256);
    files.push({ name, sql: new TextDecoder("utf-8", { fatal: true }).decode(bytes) });
  }
  return files.length === 0 ? [...plan.changes] : options.migrations.apply(tenant, files);
}

/** Applies item by item into `changes`, so that a failure still tells what was done before it. */
async function applySection(
  options: DeployOptions,
  tenant: TenantCtx,
  request: DeployRequest,
  plan: DeployPhase,
  changes: DeployChange[],
): Promise<void> {
  const deployer = options.deployers.find((d) => d.section === plan.section);
  if (!deployer) throw coreErrors.internal_error(`no deployer for ${plan.section}`);
  const idle = new Map(
    plan.changes.filter((c) => c.action === "unchanged").map((c) => [c.name, c] as const),
  );
  const items = request.sections[plan.section] ?? [];
  const sums = items.map(({ sha256 }) => sha256);
  const held = await heldBy(deployer, tenant, sums);
  for (const item of items) {
    const same = idle.get(item.name);
    if (same) {
      changes.push(same);
      continue;
    }
    const { sha256 } = item;
    const part = held.has(sha256) ? null : await options.store.readPart(tenant, sha256);
    changes.push(await deployer.apply(tenant, item, part));
  }
  if (!request.whole || !deployer.prune) return;
  const kept = items.map((item) => item.name);
  changes.push(...(await deployer.prune(tenant, kept)));
}

function bodyOf(error: unknown): ErrorBody {
  const known = error instanceof ReactorError ? error : coreErrors.internal_error(error);
  const { code, message, details, hint } = known;
  return { code, message, details, hint };
}
