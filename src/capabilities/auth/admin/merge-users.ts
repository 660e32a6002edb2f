/**
 * `POST /auth/v1/admin/users/{id}/merge`: two accounts turn out to be one person. The other one's
 * identities, its places in organisations and the rows of the app that refer to it become this one's;
 * its sessions and second factors end, and so does the account. Address, number and password are taken over where this
 * account has none.
 */
import type { TransactionSql } from "postgres";
import { isUuid } from "../accounts/find-current-user.ts";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import { createIdentityStore } from "../identities/identity-store.ts";
import { providersPatch } from "../identities/providers-of.ts";
import { leaveAllOrgs, lockOrgsOf } from "../orgs/leave-orgs.ts";
import { createOrgStore } from "../orgs/store.ts";
import { record, SERVICE } from "../record.ts";
import type { JsonObject, UserPatch, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { createReferencesStore, tableName } from "./references-store.ts";

interface Merged {
  readonly user: UserJson;
  /** What came over, by table. */
  readonly moved: Readonly<Record<string, number>>;
}

/** @throws user_not_found, merge_conflict (a row cannot be both accounts'), validation_failed */
export async function mergeUsers(
  state: AuthState,
  caller: Caller,
  id: string,
  body: JsonObject,
): Promise<Merged> {
  const from = textOf(body, "from").toLowerCase();
  const into = id.toLowerCase();
  if (!isUuid(into)) throw authErrors.user_id_invalid();
  if (!isUuid(from)) throw authErrors.validation_failed("from must be an UUID");
  if (from === into) throw authErrors.validation_failed("from must be another user");
  const work = inTransaction(state.sql(caller.tenant), (store, tx) =>
    merge(state, store, tx, caller, from, into),
  );
  return work.catch((error: unknown) => {
    const { code, schema_name: schema, table_name: table } = error as Record<string, unknown>;
    if (code === "23505" || code === "23P01") throw authErrors.merge_conflict(`${schema}.${table}`);
    throw error;
  });
}

async function merge(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  from: string,
  into: string,
): Promise<Merged> {
  const now = state.now();
  await lockOrgsOf(tx, from);
  // Sessions before their person, then people in one order: the other way would deadlock.
  await store.deleteSessions(from, {});
  const locked = new Map<string, UserRow | null>();
  for (const one of [from, into].sort()) {
    locked.set(one, await (one === from ? store.lockUserToGo(one) : store.lockUser(one)));
  }
  const [other, kept] = [locked.get(from), locked.get(into)];
  if (!other || !kept || kept.deleted_at) throw authErrors.user_not_found();
  const moved = await moveRows(tx, from, into);
  await moveMemberships(state, tx, caller, from, into);
  const identities = await createIdentityStore(tx).moveIdentities(from, into, now);
  const taken = takeOver(kept, other);
  // Address and number are unique: they leave the one account before they come to the other.
  await store.updateUser(from, { email: null, phone: null, updated_at: now });
  await store.deleteUser(from);
  const patched = (await store.updateUser(into, { ...taken, updated_at: now })) ?? kept;
  if (taken.email) {
    await store.putEmailIdentity(state.deps.ids.uuid(), into, taken.email, isProven(other), now);
  }
  const all = await store.identitiesOf([into]);
  const user = await store.updateUser(into, { ...providersPatch(patched, all), updated_at: now });
  const facts = {
    user_id: into,
    merged_user_id: from,
    moved: { ...moved, "auth.identities": identities },
  };
  await record(state, tx, caller, SERVICE, "user_merged", into, facts);
  return { user: presentUser(user ?? patched, all), moved: facts.moved };
}

/** Our own tables hold what proves who somebody is, which no merging may pass on. */
async function moveRows(tx: TransactionSql, from: string, into: string) {
  const store = createReferencesStore(tx);
  const moved: Record<string, number> = {};
  for (const reference of await store.list()) {
    if (reference.schema === "auth") continue;
    const count = await store.moveRows(reference, from, into);
    const name = tableName(reference);
    if (count > 0) moved[name] = (moved[name] ?? 0) + count;
  }
  return moved;
}

/** Who owned an organisation goes on owning it; a role that both have stays that of who is kept. */
async function moveMemberships(
  state: AuthState,
  tx: TransactionSql,
  caller: Caller,
  from: string,
  into: string,
): Promise<void> {
  const now = state.now();
  const orgs = createOrgStore(tx);
  await orgs.mergeMemberships(from, into, now);
  await leaveAllOrgs(state, { caller, person: null }, tx, from);
  await orgs.noteChanges([into], now);
  await state.orgs.tell(caller.tenant, tx, [into], now);
}

const isProven = ({ email, proven_email: proven }: UserRow) => email !== null && email === proven;

function takeOver(kept: UserRow, other: UserRow): Omit<UserPatch, "updated_at"> {
  const takesEmail = !kept.email && other.email !== null;
  const takesPhone = !kept.phone && other.phone !== null;
  return {
    ...(takesEmail
      ? {
          email: other.email,
          email_confirmed_at: other.email_confirmed_at,
          proven_email: other.proven_email,
        }
      : {}),
    ...(takesPhone ? { phone: other.phone, phone_confirmed_at: other.phone_confirmed_at } : {}),
    ...(takesEmail && !kept.encrypted_password
      ? { encrypted_password: other.encrypted_password }
      : {}),
    ...(kept.is_anonymous && !other.is_anonymous ? { is_anonymous: false } : {}),
  };
}
