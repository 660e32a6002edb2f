/**
 * Who may manage which keys: people their own and their agents', members of an organisation its keys
 * as far as their role goes, the secret key all. Everything happens in one transaction, for keys of
 * organisations under the organisation's lock.
 */
import type { TransactionSql } from "postgres";
import { ReactorError } from "../../../core/errors.ts";
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { type OrgActor, userIdOf } from "../orgs/actor.ts";
import { changeOrg, readOrg, requireNoMore } from "../orgs/in-org.ts";
import { actorOf, record } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { keyErrors } from "./errors.ts";
import type { ApiKeyRow, KeyOwner } from "./schema.ts";
import { type ApiKeyStore, createApiKeyStore } from "./store.ts";

export interface KeyWork {
  readonly tx: TransactionSql;
  readonly keys: ApiKeyStore;
  readonly owner: KeyOwner;
  readonly now: Date;
  /** What the actor may give to a key of this owner. @throws org_escalation */
  requireScopes(scopes: readonly string[]): void;
  /** Audit entry and event `auth.<action>`. No secrets. */
  record(action: string, key: ApiKeyRow, more?: JsonObject): Promise<void>;
}

/**
 * Works on the keys of an owner.
 * @param needed `create`, `update` …: of `auth:keys:<needed>` in an organisation
 * @throws org_not_found, org_permission_denied, not_admin
 */
export async function withOwner<T>(
  state: AuthState,
  actor: OrgActor,
  owner: KeyOwner,
  needed: string,
  work: (access: KeyWork) => Promise<T>,
): Promise<T> {
  const { tenant } = actor.caller;
  if (owner.orgId !== null) {
    const { orgId } = owner;
    return changeOrg(state, actor, orgId, `auth:keys:${needed}`, (change) =>
      work({
        ...workIn(state, actor, change.tx, owner),
        requireScopes: (scopes) => requireNoMore(change, scopes),
      }),
    );
  }
  requireOwn(actor, owner);
  return inTransaction(state.sql(tenant), (_store, tx) => work(workIn(state, actor, tx, owner)));
}

/** The same for one key, locked. What is not the actor's to know of does not exist. */
export async function withKey<T>(
  state: AuthState,
  actor: OrgActor,
  id: string,
  needed: string,
  work: (access: KeyWork, key: ApiKeyRow) => Promise<T>,
): Promise<T> {
  const found = await findKey(state, actor, id);
  const owner = { userId: found.user_id, orgId: found.org_id };
  return withOwner(state, actor, owner, needed, async (access) => {
    const key = await access.keys.lockKey(found.id);
    if (!key) throw keyErrors.api_key_not_found();
    return work(access, key);
  });
}

/** A key that the actor may see. @throws api_key_not_found */
export async function findKey(state: AuthState, actor: OrgActor, id: string): Promise<ApiKeyRow> {
  const store = createApiKeyStore(state.sql(actor.caller.tenant));
  const key = isUuid(id) ? await store.findKey(id.toLowerCase()) : null;
  if (!key) throw keyErrors.api_key_not_found();
  const userId = userIdOf(actor);
  if (userId === null || key.user_id === userId) return key;
  if (key.org_id === null) throw keyErrors.api_key_not_found();
  return readOrg(state, actor, key.org_id, "auth:keys:read", async () => key).catch((error) => {
    throw error instanceof ReactorError ? keyErrors.api_key_not_found() : error;
  });
}

/** People work on their own, the secret key on the project's and everybody's. @throws not_admin */
export function requireOwn(actor: OrgActor, { userId }: KeyOwner): void {
  const own = userIdOf(actor);
  if (own !== null && own !== userId) throw authErrors.not_admin();
}

function workIn(
  state: AuthState,
  { caller, person }: OrgActor,
  tx: TransactionSql,
  owner: KeyOwner,
): KeyWork {
  const now = state.now();
  return {
    tx,
    keys: createApiKeyStore(tx),
    owner,
    now,
    requireScopes: () => undefined,
    async record(action, key, more = {}) {
      const { id, kind, user_id, org_id } = key;
      const traits = { key_id: id, kind, user_id, org_id, ...more };
      await record(state, tx, caller, actorOf(person?.user), action, id, traits);
    },
  };
}
