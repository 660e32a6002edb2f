/**
 * Removes entries of the audit log that are older than `auth.audit_keep_days`, by whole days of UTC:
 * what is left begins with a day, and that something was removed is an entry itself, once a day.
 */
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { audit, SERVICE } from "../record.ts";
import { createStore } from "../store.ts";
import { trimAuditEntries } from "./audit-store.ts";

const DAY_MS = 24 * 3_600_000;
const BATCH = 1000;

/** Fewer, and somebody with the configuration could hide what was done a moment ago. */
export const AUDIT_KEEP_DAYS_MIN = 30;

/** The count of what went. */
export async function trimAuditLog(state: AuthState, tenant: TenantCtx): Promise<number> {
  const { audit_keep_days: days } = state.config;
  if (days === 0) return 0;
  const today = Math.floor(state.now().getTime() / DAY_MS);
  const before = new Date((today - days) * DAY_MS);
  const sql = state.sql(tenant);
  let total = 0;
  for (;;) {
    const count = await trimAuditEntries(sql, before, days, BATCH);
    total += count;
    if (count < BATCH) break;
  }
  if (total > 0) {
    const traits = { count: total, before: before.toISOString() };
    await audit(state, createStore(sql), { address: "" }, SERVICE, "audit_trimmed", traits);
  }
  return total;
}
