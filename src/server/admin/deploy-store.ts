/** SQL of `/_admin/deploy`: uploaded parts and the record of each deploy. */
import type { Sql } from "postgres";
import { coreErrors } from "../../core/errors.ts";
import type { TenantCtx } from "../../core/tenant.ts";

export interface DeployStore {
  putPart(tenant: TenantCtx, sha256: string, bytes: Uint8Array): Promise<void>;
  /** Which of these are held. */
  heldParts(tenant: TenantCtx, sha256: readonly string[]): Promise<Set<string>>;
  readPart(tenant: TenantCtx, sha256: string): Promise<Uint8Array>;
  /** Records the outcome; after a complete deploy drops parts older than a day. */
  record(tenant: TenantCtx, id: string, status: string, report: object): Promise<void>;
}

export function createDeployStore(sqlFor: (tenant: TenantCtx) => Sql): DeployStore {
  return {
    async putPart(tenant, sha256, bytes) {
      await sqlFor(tenant)`
        insert into reactor.deploy_parts (sha256, bytes) values (${sha256}, ${bytes as Buffer})
        on conflict (sha256) do update set created_at = now()`;
    },
    async heldParts(tenant, sha256) {
      const rows = await sqlFor(tenant)<{ sha256: string }[]>`
        select sha256 from reactor.deploy_parts where sha256 = any(${[...sha256]})`;
      return new Set(rows.map((row) => row.sha256));
    },
    async readPart(tenant, sha256) {
      const [row] = await sqlFor(tenant)<{ bytes: Uint8Array }[]>`
        select bytes from reactor.deploy_parts where sha256 = ${sha256}`;
      if (!row) throw coreErrors.bad_request(`The part ${sha256} was not uploaded`);
      return row.bytes;
    },
    async record(tenant, id, status, report) {
      const sql = sqlFor(tenant);
      await sql`
        insert into reactor.deployments (id, status, report)
        values (${id}, ${status}, ${sql.json(report as never)})`;
      if (status !== "complete") return;
      await sql`delete from reactor.deploy_parts where created_at < now() - interval '1 day'`;
    },
  };
}
