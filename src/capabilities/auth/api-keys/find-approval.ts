/**
 * A key that waits for approval does one thing at a time: it asks for it by sending the request with
 * `X-Reactor-Approval: ask`, and sends it again with the id it was told once its owner has approved.
 */
import type { Sql } from "postgres";
import type { ReactorError } from "../../../core/errors.ts";
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

/**
 * How the approval that the request names is used up: once, by whoever is first. Asking for one, and
 * naming one that is not good, throws. @throws approval_* (403), too_many_approvals (429)
 */
export async function findApproval(
  parts: ApprovalParts,
  sql: Sql,
  tenant: TenantCtx,
  key: ApiKeyRow,
  action: AskedAction,
  now: Date,
): Promise<() => Promise<void>> {
  const { approvalId, digest } = action;
  if (approvalId === null) throw await ask(parts, sql, tenant, key, action, now);
  const store = createActionStore(sql);
  const row = await store.find(approvalId);
  const isIts = row?.key_id === key.id && row.digest === digest && row.expires_at > now;
  if (!isIts) throw keyErrors.approval_invalid();
  if (row.status === "pending") throw keyErrors.approval_waiting();
  if (row.status === "denied") throw keyErrors.approval_denied();
  return async () => {
    if (!(await store.use(approvalId, now))) throw keyErrors.approval_invalid();
  };
}

/** What to tell who asks. */
async function ask(
  { ids, events }: ApprovalParts,
  sql: Sql,
  tenant: TenantCtx,
  key: ApiKeyRow,
  action: AskedAction,
  now: Date,
): Promise<ReactorError> {
  const until = new Date(now.getTime() + WAITS_MS);
  const id = ids.uuid();
  const row = await sql.begin(async (tx) => {
    const asked = await createActionStore(tx).ask(id, key.id, action, now, until, OPEN_MAX);
    if (asked?.id === id) {
      const { method, target } = action;
      const data = { approval_id: id, key_id: key.id, user_id: key.user_id, org_id: key.org_id };
      const event = { type: "auth.api_action_requested", subject: key.id };
      await events.append(tenant, tx, [{ ...event, data: { ...data, method, target } }]);
    }
    return asked;
  });
  return row
    ? keyErrors.approval_required(row.id, row.expires_at)
    : keyErrors.too_many_approvals(OPEN_MAX);
}
