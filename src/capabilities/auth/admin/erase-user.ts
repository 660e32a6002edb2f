/**
 * `POST /auth/v1/admin/users/{id}/erase`: removes a person and what is kept of them (GDPR art. 17).
 * Rows that refer to them follow their foreign keys: `on delete cascade` goes, `set null` stays
 * without them, and where the key would refuse, the request says what to do. The log keeps that
 * things happened, not who it was.
 */
import type { TransactionSql } from "postgres";
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { flagOf, objectOf } from "../http/read-json.ts";
import { leaveAllOrgs, lockOrgsOf, requireOwnersLeft } from "../orgs/leave-orgs.ts";
import { audit, publish, SERVICE } from "../record.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { createReferencesStore, type Reference, tableName } from "./references-store.ts";

type Policy = "delete" | "set_null";

/** What becomes of the rows of one column. */
interface Affected {
  readonly table: string;
  readonly column: string;
  readonly rows: number;
  readonly action: Reference["onDelete"] | Policy;
}

interface Erased {
  readonly user_id: string;
  readonly dry_run: boolean;
  readonly tables: readonly Affected[];
}

/**
 * `dry_run` tells what would go. @throws user_not_found, erase_blocked (names the tables that need a
 * policy), last_owner (names the organisations), validation_failed
 */
export async function eraseUser(
  state: AuthState,
  caller: Caller,
  id: string,
  body: JsonObject,
): Promise<Erased> {
  if (!isUuid(id)) throw authErrors.user_id_invalid();
  const policies = readPolicies(objectOf(body, "references") ?? {});
  const isDry = flagOf(body, "dry_run");
  const work = inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const user = isDry ? await store.findUserById(id) : await lockWhole(store, tx, id);
    if (!user) throw authErrors.user_not_found();
    await requireOwnersLeft(tx, id);
    // Before anything goes, so that the answer has the sessions too.
    const affected = await planErase(tx, id, policies);
    if (!isDry) await erase(state, store, tx, caller, user, affected);
    return affected;
  });
  const affected = await work.catch(explainRefusal);
  const tables = affected.map(({ reference, rows, action }) => {
    return { table: tableName(reference), column: reference.column, rows, action };
  });
  return { user_id: id, dry_run: isDry, tables };
}

/** From here on nothing new refers to this person: what is counted is what goes. */
async function lockWhole(store: AuthStore, tx: TransactionSql, id: string) {
  await lockOrgsOf(tx, id);
  // Sessions before their person, as refreshing locks them: the other order would deadlock.
  await store.lockSessions(id);
  return store.lockUserToGo(id);
}

function readPolicies(sent: JsonObject): ReadonlyMap<string, Policy> {
  const policies = new Map<string, Policy>();
  for (const [table, policy] of Object.entries(sent)) {
    if (policy !== "delete" && policy !== "set_null") {
      throw authErrors.validation_failed("references maps schema.table to delete or set_null");
    }
    policies.set(table, policy);
  }
  return policies;
}

interface Planned {
  readonly reference: Reference;
  readonly rows: number;
  readonly action: Affected["action"];
}

async function planErase(
  tx: TransactionSql,
  id: string,
  policies: ReadonlyMap<string, Policy>,
): Promise<readonly Planned[]> {
  const store = createReferencesStore(tx);
  const planned: Planned[] = [];
  const blocked: string[] = [];
  for (const reference of await store.list()) {
    const rows = await store.count(reference, id);
    if (rows === 0) continue;
    const name = tableName(reference);
    const action = policies.get(name) ?? reference.onDelete;
    if (action === "restrict") blocked.push(name);
    planned.push({ reference, rows, action });
  }
  if (blocked.length > 0) throw authErrors.erase_blocked(blocked);
  return planned;
}

async function erase(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  user: UserRow,
  planned: readonly Planned[],
): Promise<void> {
  const references = createReferencesStore(tx);
  await store.deleteSessions(user.id, {});
  for (const { reference, action } of planned) {
    if (action === "delete") await references.deleteRows(reference, user.id);
    if (action === "set_null" && reference.onDelete !== "set_null") {
      await references.moveRows(reference, user.id, null);
    }
  }
  await leaveAllOrgs(state, { caller, person: null }, tx, user.id);
  await store.deleteUser(user.id);
  const names = [user.email, user.phone].filter((name) => name !== null && name !== "");
  await references.forget(user.id, names as string[], caller.tenant.id);
  const facts = { user_id: user.id, erased: true, soft: false };
  await audit(state, store, caller, SERVICE, "user_erased", facts);
  await publish(state, tx, caller, "auth.user_deleted", user.id, facts);
}

/** A key further away, or a column that may not be null, refuses only when it comes to it. */
function explainRefusal(error: unknown): never {
  const { code, schema_name: schema, table_name: table } = error as Record<string, unknown>;
  const isRefusal = code === "23503" || code === "23502" || code === "23001";
  if (isRefusal) throw authErrors.erase_blocked([`${schema}.${table}`]);
  throw error;
}
