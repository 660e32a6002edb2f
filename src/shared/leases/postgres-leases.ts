/**
 * Leases in `reactor.leases`, by the database's clock alone: servers with wrong clocks cannot steal.
 * Renewal and release name holder and epoch, so a holder that slept past its time changes nothing.
 */
import type { Lease, Leases } from "../../core/ports/leases.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { TenantDatabases } from "../tenant-database.ts";
import { checkTtl } from "./lease-rules.ts";

export function createPostgresLeases(databases: TenantDatabases): Leases {
  return {
    async acquire(tenant, name, holder, ttlMs) {
      checkTtl(ttlMs);
      const sql = databases.for(tenant).system;
      const until = sql`clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond'`;
      const [row] = await sql<{ epoch: string }[]>`
        insert into reactor.leases as l (tenant, name, holder, epoch, expires_at)
        values (${tenant.id}, ${name}, ${holder}, 1, ${until})
        on conflict (tenant, name) do update set
          epoch = l.epoch + case
            when l.holder = excluded.holder and l.expires_at > clock_timestamp() then 0 else 1 end,
          holder = excluded.holder,
          expires_at = excluded.expires_at
        where l.holder is null or l.holder = excluded.holder or l.expires_at <= clock_timestamp()
        returning epoch::text`;
      return row ? leaseOn(databases, tenant, { name, holder, ttlMs, epoch: row.epoch }) : null;
    },
    async holder(tenant, name) {
      const [row] = await databases.for(tenant).system<{ holder: string; epoch: string }[]>`
        select holder, epoch::text from reactor.leases
        where tenant = ${tenant.id} and name = ${name}
          and holder is not null and expires_at > clock_timestamp()`;
      return row ? { holder: row.holder, epoch: BigInt(row.epoch) } : null;
    },
  };
}

interface Terms {
  readonly name: string;
  readonly holder: string;
  readonly ttlMs: number;
  readonly epoch: string;
}

function leaseOn(databases: TenantDatabases, tenant: TenantCtx, terms: Terms): Lease {
  const { name, holder, ttlMs, epoch } = terms;
  return {
    name,
    epoch: BigInt(epoch),
    async renew() {
      const { count } = await databases.for(tenant).system`
        update reactor.leases
        set expires_at = clock_timestamp() + ${ttlMs}::float8 * interval '1 millisecond'
        where tenant = ${tenant.id} and name = ${name} and holder = ${holder}
          and epoch = ${epoch} and expires_at > clock_timestamp()`;
      return count === 1;
    },
    async release() {
      await databases.for(tenant).system`
        update reactor.leases set holder = null, expires_at = clock_timestamp()
        where tenant = ${tenant.id} and name = ${name} and holder = ${holder}
          and epoch = ${epoch}`;
    },
  };
}
