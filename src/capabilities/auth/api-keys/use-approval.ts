/**
 * A key that waits for approval does one thing at a time: it asks for it by sending the request with
 * `X-Reactor-Approval: ask`, and sends it again with the id it was told once its owner has approved.
 */
import type { Sql } from "postgres";
import type { AskedAction } from "../../../core/ports/auth.ts";
import type { Events } from "../../../core/ports/events.ts";
import type { Ids } from "../../../core/ports/ids.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import { createActionStore } from "./action-store.ts";
import { keyErrors } from "./errors.ts";
import type { ApiKeyRow } from "./schema.ts";

export interface ApprovalParts {
  readonly ids: Ids;
  readonly events: Events;
}

/** For somebody to decide. */
const WAITS_MS = 24 * 3_600_000;
/** Of one key. */
const OPEN_MAX = 20;

/** Returns when the request may be done, once. @throws approval_* (403), too_many_approvals (429) */
export async function useApproval(
  { ids, events }: ApprovalParts,
  sql: Sql,
  tenant: TenantCtx,
  key: ApiKeyRow,
  action: AskedAction,
  now: Date,
): Promise<void> {
  const { approvalId, digest, method, target } = action;
  if (approvalId !== null) {
    const store = createActionStore(sql);
    if (await store.use(approvalId, key.id, digest, now)) return;
    const row = await store.find(approvalId);
    const isIts = row?.key_id === key.id && row.digest === digest && row.expires_at > now;
    if (isIts && row.status === "pending") throw keyErrors.approval_waiting();
    if (isIts && row.status === "denied") throw keyErrors.approval_denied();
    throw keyErrors.approval_invalid();
  }
  const until = new Date(now.getTime() + WAITS_MS);
  const id = ids.uuid();
  const row = await sql.begin(async (tx) => {
    const asked = await createActionStore(tx).ask(id, key.id, action, now, until, OPEN_MAX);
    if (asked?.id === id) {
      const data = { approval_id: id, key_id: key.id, user_id: key.user_id, org_id: key.org_id };
      const event = { type: "auth.api_action_requested", subject: key.id };
      await events.append(tenant, tx, [{ ...event, data: { ...data, method, target } }]);
    }
    return asked;
  });
  if (!row) throw keyErrors.too_many_approvals(OPEN_MAX);
  throw keyErrors.approval_required(row.id, row.expires_at);
}
