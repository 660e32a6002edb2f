/**
 * The long part of a rotation: every secret is sealed anew under the newest root key, a few in a
 * transaction, then the older roots go. Each secret opens at every moment, by exactly one root; what
 * is interrupted is gone on with by whoever opens the vault next, and two may do it at once.
 */
import type { Sql, TransactionSql } from "postgres";
import type { Logger } from "../../core/ports/log.ts";
import type { TenantCtx } from "../../core/tenant.ts";
import type { OpenRoots } from "./open-roots.ts";
import { dropOlder, putResealed, type SealedRow, takeOlder } from "./root-store.ts";

const BATCH = 100;
/** A server that has not heard of the rotation may write under an older root in between. */
const ROUNDS_MAX = 50;

/** How many secrets (and earlier versions of them) were sealed anew. */
export async function finishRotation(
  sql: Sql,
  tenant: TenantCtx,
  roots: OpenRoots,
  log: Logger,
): Promise<number> {
  let total = 0;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    for (;;) {
      const count = (await sql.begin((tx) => resealBatch(tx, tenant, roots, log))) as number;
      total += count;
      if (count === 0) break;
    }
    if (await dropOlder(sql, tenant, roots.newest)) return total;
  }
  throw new Error("other servers keep writing under an older root key");
}

async function resealBatch(
  tx: TransactionSql,
  tenant: TenantCtx,
  roots: OpenRoots,
  log: Logger,
): Promise<number> {
  const rows = await takeOlder(tx, tenant, roots.newest, BATCH);
  for (const row of rows) await putResealed(tx, tenant, resealed(tenant, row, roots, log));
  return rows.length;
}

function resealed(tenant: TenantCtx, row: SealedRow, roots: OpenRoots, log: Logger): SealedRow {
  const [from, to] = [roots.seals.get(row.root), roots.seals.get(roots.newest)];
  if (!from || !to) throw new Error(`root key ${row.root} cannot be opened`);
  const root = roots.newest;
  if (row.sealed === null) return { ...row, root };
  const { path, version } = row;
  try {
    return {
      ...row,
      root,
      sealed: to.takeOver(from, { tenantId: tenant.id, path, version }, row.sealed),
    };
  } catch (error) {
    // Damaged before, and no less afterwards: it must not keep the old root for ever.
    log.error("vault.secret_unreadable", { tenant: tenant.id, path, version, error });
    return { ...row, root };
  }
}
