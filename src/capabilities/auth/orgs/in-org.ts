/**
 * The frame of every operation on an organisation: who asks, whether they belong to it, what their
 * role lets them do, and for changes one transaction under the organisation's lock that also holds
 * the audit entry, the event, and the note that older tokens are out of date.
 */
import type { TransactionSql } from "postgres";
import { covers, coversAll } from "../../../core/permissions.ts";
import type { AuthState } from "../auth-state.ts";
import { actorOf, record } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { type OrgActor, userIdOf } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import { createInvitationStore, type InvitationStore } from "./invitation-store.ts";
import { permissionsOf } from "./roles.ts";
import type { OrgRow } from "./schema.ts";
import { createOrgStore, type OrgStore } from "./store.ts";

export interface OrgView {
  readonly org: OrgRow;
  readonly store: OrgStore;
  readonly invitations: InvitationStore;
  /** The actor's role; null for the secret key. */
  readonly role: string | null;
  /** What the actor may do here. */
  readonly held: readonly string[];
  readonly now: Date;
}

export interface OrgChange extends OrgView {
  readonly tx: TransactionSql;
  /** Writes an audit entry and the event `auth.<action>`. No secrets. */
  record(action: string, data: JsonObject): Promise<void>;
  /** From now on older tokens of these people are not believed about organisations. */
  outdate(userIds: readonly string[]): Promise<void>;
}

const EVERYTHING = ["*"];

/**
 * Reads as the actor.
 * @param ref id or slug
 * @param needed what the actor's role must hold; null = any member
 * @throws org_not_found (also for who is not a member), org_permission_denied
 */
export async function readOrg<T>(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  needed: string | null,
  work: (view: OrgView) => Promise<T>,
): Promise<T> {
  const sql = state.sql(actor.caller.tenant);
  const store = createOrgStore(sql);
  const org = await store.findOrg(ref.toLowerCase());
  const view = await admit(state, store, createInvitationStore(sql), actor, org, needed);
  return work(view);
}

/** Changes as the actor, alone in this organisation. Throws as `readOrg` does. */
export async function changeOrg<T>(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  needed: string | null,
  work: (change: OrgChange) => Promise<T>,
): Promise<T> {
  return inTransaction(state.sql(actor.caller.tenant), async (_store, tx) => {
    const store = createOrgStore(tx);
    const org = await store.lockOrg(ref.toLowerCase());
    const view = await admit(state, store, createInvitationStore(tx), actor, org, needed);
    return work(changeFrom(state, actor, tx, view));
  });
}

async function admit(
  state: AuthState,
  store: OrgStore,
  invitations: InvitationStore,
  actor: OrgActor,
  org: OrgRow | null,
  needed: string | null,
): Promise<OrgView> {
  if (!org) throw orgErrors.org_not_found();
  const userId = userIdOf(actor);
  const member = userId === null ? null : await store.findMember(org.id, userId);
  if (userId !== null && !member) throw orgErrors.org_not_found();
  const held = member ? await heldBy(store, org.id, member.role) : EVERYTHING;
  if (needed !== null && !covers(held, needed)) throw orgErrors.org_permission_denied(needed);
  return { org, store, invitations, role: member?.role ?? null, held, now: state.now() };
}

/** The permissions of a role in an organisation. */
export async function heldBy(
  store: OrgStore,
  orgId: string,
  role: string,
): Promise<readonly string[]> {
  return permissionsOf(role, (await store.findRole(orgId, role))?.permissions);
}

/** @throws org_escalation when `wanted` allows anything that the actor may not do */
export function requireNoMore({ held }: Pick<OrgView, "held">, wanted: readonly string[]): void {
  if (!coversAll(held, wanted)) throw orgErrors.org_escalation();
}

/** For what begins outside any organisation: making one, joining one, leaving all. */
export function changeFrom(
  state: AuthState,
  actor: OrgActor,
  tx: TransactionSql,
  view: OrgView,
): OrgChange {
  const { tenant } = actor.caller;
  return {
    ...view,
    tx,
    record(action, data) {
      const { id } = view.org;
      const facts = { org_id: id, ...data };
      return record(state, tx, actor.caller, actorOf(actor.person?.user), action, id, facts);
    },
    async outdate(userIds) {
      if (userIds.length === 0) return;
      await view.store.noteChanges(userIds, view.now);
      await state.orgs.tell(tenant, tx, userIds, view.now);
    },
  };
}
