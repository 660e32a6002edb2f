/** SQL of `/_admin/deploy`: uploaded parts and the record of each deploy. */
import { eq, sql as expression, inArray, lt } from "drizzle-orm";
import type { Sql } from "postgres";
import { coreErrors } from "../../core/errors.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import { drizzleOver } from "../../shared/drizzle.ts";
import { deployments, deployParts } from "./schema.ts";

export interface DeployStore {
  putPart(tenant: TenantCtx, sha256: string, bytes: Uint8Array): Promise<void>;
  /** Which of these are held. */
  heldParts(tenant: TenantCtx, sha256: readonly string[]): Promise<Set<string>>;
  readPart(tenant: TenantCtx, sha256: string): Promise<Uint8Array>;
  /** Records the outcome; after a complete deploy drops parts older than a day. */
  record(tenant: TenantCtx, id: string, status: string, report: object): Promise<void>;
}

export function createDeployStore(sqlFor: (tenant: TenantCtx) => Sql): DeployStore {
  const db = (tenant: TenantCtx) => drizzleOver(sqlFor(tenant));
  return {
    async putPart(tenant, sha256, bytes) {
      await db(tenant)
        .insert(deployParts)
        .values({ sha256, bytes })
        .onConflictDoUpdate({ target: deployParts.sha256, set: { createdAt: expression`now()` } });
    },
    async heldParts(tenant, sha256) {
      if (sha256.length === 0) return new Set();
      const rows = await db(tenant)
        .select({ sha256: deployParts.sha256 })
        .from(deployParts)
        .where(inArray(deployParts.sha256, [...sha256]));
      return new Set(rows.map((row) => row.sha256));
    },
    async readPart(tenant, sha256) {
      const [row] = await db(tenant)
        .select({ bytes: deployParts.bytes })
        .from(deployParts)
        .where(eq(deployParts.sha256, sha256));
      if (!row) throw coreErrors.bad_request(`The part ${sha256} was not uploaded`);
      return row.bytes;
    },
    async record(tenant, id, status, report) {
      await db(tenant).insert(deployments).values({ id, status, report });
      if (status !== "complete") return;
      await db(tenant)
        .delete(deployParts)
        .where(lt(deployParts.createdAt, expression`now() - interval '1 day'`));
    },
  };
}
