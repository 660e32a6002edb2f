/** Accounts that are removed, emptied or merged, and the organisations that they leave by that. */
import type { TransactionSql } from "postgres";
import type { AuthState } from "../auth-state.ts";
import { actorOf, record } from "../record.ts";
import type { OrgActor } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import { createInvitationStore } from "./invitation-store.ts";
import { createOrgStore } from "./store.ts";

/**
 * First in the transaction: organisations are locked before people wherever they are changed, and the
 * other order would deadlock.
 */
export async function lockOrgsOf(tx: TransactionSql, userId: string): Promise<void> {
  await createOrgStore(tx).lockOrgsOf(userId);
}

/** @throws last_owner, where others would be left without anybody to manage them */
export async function requireOwnersLeft(tx: TransactionSql, userId: string): Promise<void> {
  const slugs = await createOrgStore(tx).ownedAlone(userId);
  if (slugs.length > 0) throw orgErrors.last_owner(slugs);
}

/**
 * An account that is emptied or removed belongs nowhere any more; called before that, in its
 * transaction, with the person locked. @throws last_owner
 */
export async function leaveAllOrgs(
  state: AuthState,
  actor: OrgActor,
  tx: TransactionSql,
  userId: string,
): Promise<void> {
  const store = createOrgStore(tx);
  // Again: until the person was locked, they could still join one.
  await store.lockOrgsOf(userId);
  await requireOwnersLeft(tx, userId);
  const left = await store.leaveAll(userId);
  await createInvitationStore(tx).withdrawAllBy(userId);
  if (left.length === 0) return;
  const now = state.now();
  await store.noteChanges([userId], now);
  await state.orgs.tell(actor.caller.tenant, tx, [userId], now);
  const by = actorOf(actor.person?.user);
  const facts = { user_id: userId, org_ids: left };
  await record(state, tx, actor.caller, by, "org_memberships_removed", userId, facts);
}
