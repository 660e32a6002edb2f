/** API keys as JSON: everything but the secret. */
import { keyHint } from "./key-text.ts";
import type { ApiKeyRow } from "./schema.ts";

const time = (at: Date | null) => at?.toISOString() ?? null;

export function presentKey(key: ApiKeyRow) {
  const { budget_limit: limit, budget_period: period } = key;
  return {
    id: key.id,
    kind: key.kind,
    name: key.name,
    prefix: keyHint(key.id),
    user_id: key.user_id,
    org_id: key.org_id,
    role: key.role,
    scopes: key.scopes,
    status: key.status,
    requires_approval: key.requires_approval,
    approved_by: key.approved_by,
    approved_at: time(key.approved_at),
    created_by: key.created_by,
    expires_at: time(key.expires_at),
    rate_limit: key.rate_limit,
    budget: limit === null ? null : { limit: Number(limit), period },
    last_used_at: time(key.last_used_at),
    revoked_at: time(key.revoked_at),
    created_at: key.created_at.toISOString(),
    updated_at: key.updated_at.toISOString(),
  };
}
