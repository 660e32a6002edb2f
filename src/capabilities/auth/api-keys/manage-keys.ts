/** `/auth/v1/api-keys` and `/auth/v1/api-keys/{id}`: list, read, change, approve, rotate, revoke. */

import { coversAll } from "../../../core/permissions.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { type OrgActor, requireStrong, userIdOf } from "../orgs/actor.ts";
import { readOrg } from "../orgs/in-org.ts";
import type { JsonObject } from "../schema.ts";
import { budgetPeriod } from "./budget-period.ts";
import { keyErrors } from "./errors.ts";
import { findKey, withKey } from "./key-access.ts";
import {
  readBudget,
  readCount,
  readExpiry,
  readKeyName,
  readRateLimit,
  readScopes,
} from "./key-fields.ts";
import { hashSecret, keyText } from "./key-text.ts";
import { presentKey } from "./present-key.ts";
import type { ApiKeyRow, KeyOwner } from "./schema.ts";
import { createApiKeyStore } from "./store.ts";

const LISTED_MAX = 1000;
const OVERLAP_S = 3600;
const OVERLAP_S_MAX = 30 * 24 * 3600;
/** Of one key: each request with it looks at all of them. */
const SECRETS_MAX = 10;

/** The caller's own with their agents', those of `?org=`, or for the secret key the project's. */
export async function listKeys(state: AuthState, actor: OrgActor, query: URLSearchParams) {
  const org = query.get("org");
  const list = async (owner: KeyOwner) => {
    const store = createApiKeyStore(state.sql(actor.caller.tenant));
    return { api_keys: (await store.keysOf(owner, LISTED_MAX)).map(presentKey) };
  };
  if (org === null) return list({ userId: userIdOf(actor), orgId: null });
  return readOrg(state, actor, org, "auth:keys:read", ({ org: { id } }) =>
    list({ userId: null, orgId: id }),
  );
}

/** With what was spent of the budget in its period, as far as servers have drawn it. */
export async function getKey(state: AuthState, actor: OrgActor, id: string) {
  const key = await findKey(state, actor, id);
  if (key.budget_period === null) return presentKey(key);
  const { name } = budgetPeriod(key.budget_period, state.deps.clock.now());
  const store = createApiKeyStore(state.sql(actor.caller.tenant));
  return { ...presentKey(key), budget_drawn: await store.budgetDrawn(key.id, name) };
}

/**
 * Body: `name`, `scopes`, `expires_at` or `expires_in`, `rate_limit`, `budget`; what is absent
 * stays, null takes a limit away. A key that needed approval needs it again for more scopes, and for
 * a longer life or wider limits. Whoever changes more than the name must hold what the key does. @throws org_escalation
 */
export async function updateKey(state: AuthState, actor: OrgActor, id: string, body: JsonObject) {
  requireStrong(state, actor);
  const changes = readChanges(body, state.now());
  return withKey(state, actor, id, "update", async (access, key) => {
    requireNotRevoked(key);
    const scopes = changes.scopes ?? key.scopes;
    const isRenamed = Object.keys(changes).every((name) => name === "name");
    if (!isRenamed) access.requireScopes([...key.scopes, ...scopes]);
    const grows =
      key.requires_approval && (!coversAll(key.scopes, scopes) || loosens(key, changes));
    const row = await access.keys.updateKey(key.id, {
      ...changes,
      ...(grows ? { status: "pending", approved_by: null, approved_at: null } : {}),
      updated_at: access.now,
    });
    const changed = Object.keys(changes);
    await access.record("api_key_updated", row, { changed, scopes: [...row.scopes] });
    return presentKey(row);
  });
}

function loosens(key: ApiKeyRow, changes: ReturnType<typeof readChanges>): boolean {
  const { expires_at, rate_limit, budget_limit, budget_period } = changes;
  const isMore = (before: number | null, after: number | null | undefined) =>
    after !== undefined && before !== null && (after === null || after > before);
  return (
    isMore(key.expires_at?.getTime() ?? null, expires_at === null ? null : expires_at?.getTime()) ||
    isMore(key.rate_limit, rate_limit) ||
    isMore(key.budget_limit === null ? null : Number(key.budget_limit), budget_limit) ||
    (budget_period != null && key.budget_period !== null && budget_period !== key.budget_period)
  );
}

function readChanges(body: JsonObject, now: Date) {
  const has = (name: string) => Object.hasOwn(body, name);
  const expires = has("expires_at") || has("expires_in");
  return {
    ...(has("name") ? { name: readKeyName(body) } : {}),
    ...(has("scopes") ? { scopes: readScopes(body) } : {}),
    ...(expires ? { expires_at: readExpiry(body, now) } : {}),
    ...(has("rate_limit") ? { rate_limit: readRateLimit(body) } : {}),
    ...(has("budget") ? readBudget(body) : {}),
  };
}

/** `POST …/approve`. Whoever does must hold what the key will. @throws api_key_not_pending */
export async function approveKey(state: AuthState, actor: OrgActor, id: string) {
  requireStrong(state, actor);
  return withKey(state, actor, id, "approve", async (access, key) => {
    if (key.status !== "pending") throw keyErrors.api_key_not_pending();
    access.requireScopes(key.scopes);
    const row = await access.keys.updateKey(key.id, {
      status: "active",
      approved_by: userIdOf(actor),
      approved_at: access.now,
      updated_at: access.now,
    });
    await access.record("api_key_approved", row, { scopes: [...row.scopes] });
    return presentKey(row);
  });
}

/**
 * `POST …/rotate`, body `overlap_s` (default an hour, 0 = at once): a new secret; those before go on
 * for so long. Whoever rotates reads the key, so must hold what it does. @throws org_escalation
 */
export async function rotateKey(state: AuthState, actor: OrgActor, id: string, body: JsonObject) {
  requireStrong(state, actor);
  const overlapS =
    body["overlap_s"] === 0 ? 0 : (readCount(body, "overlap_s", OVERLAP_S_MAX) ?? OVERLAP_S);
  return withKey(state, actor, id, "rotate", async (access, key) => {
    requireNotRevoked(key);
    access.requireScopes(key.scopes);
    const { keys, now } = access;
    const endsAt = new Date(now.getTime() + overlapS * 1000);
    if (overlapS === 0) await keys.deleteSecrets(key.id);
    else await keys.endSecrets(key.id, endsAt, now, SECRETS_MAX - 1);
    const secret = state.deps.ids.token(32);
    await keys.insertSecret(key.id, hashSecret(secret), now);
    const row = await keys.updateKey(key.id, { updated_at: now });
    await access.record("api_key_rotated", row, { overlap_s: overlapS });
    const old = { previous_expires_at: endsAt.toISOString() };
    return { ...presentKey(row), ...old, key: keyText({ id: key.id, secret }) };
  });
}

/** `DELETE`: ends the key for good; it stays in the list. */
export async function revokeKey(state: AuthState, actor: OrgActor, id: string): Promise<void> {
  await withKey(state, actor, id, "delete", async (access, key) => {
    if (key.status === "revoked") return;
    const { keys, now } = access;
    const row = await keys.updateKey(key.id, {
      status: "revoked",
      revoked_at: now,
      updated_at: now,
    });
    await access.record("api_key_revoked", row);
  });
}

function requireNotRevoked(key: ApiKeyRow): void {
  if (key.status === "revoked") throw keyErrors.api_key_is_revoked();
}

/** @throws not_admin where keys are switched off */
export function requireKeys(state: AuthState): void {
  if (!state.config.api_keys) throw authErrors.not_admin();
}
