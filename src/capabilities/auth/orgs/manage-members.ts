/**
 * `/auth/v1/orgs/{ref}/members`: who belongs to it, in what role. Two rules hold throughout: nobody
 * gives away, or takes from somebody, more than they may do themselves; and an organisation is never
 * left without an owner.
 */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import { createStore } from "../store.ts";
import { type OrgActor, requireStrong, userIdOf } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import {
  changeOrg,
  heldBy,
  type OrgChange,
  type OrgView,
  readOrg,
  requireNoMore,
} from "./in-org.ts";
import { readPage } from "./page.ts";
import { presentMember } from "./present-org.ts";
import { isBuiltIn, OWNER } from "./roles.ts";
import type { MemberRow } from "./schema.ts";

const MEMBERS_MAX = 10_000;

export async function listMembers(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  query: URLSearchParams,
) {
  const { after, limit } = readPage(query);
  if (after !== null && !isUuid(after)) throw authErrors.validation_failed("after must be an UUID");
  return readOrg(state, actor, ref, null, async ({ org, store }) => {
    const rows = await store.membersOf(org.id, after, limit);
    const next = rows.length < limit ? null : rows.at(-1)?.user_id;
    return { members: rows.map(presentMember), next };
  });
}

export async function getMember(state: AuthState, actor: OrgActor, ref: string, user: string) {
  const userId = requireUserId(user);
  return readOrg(state, actor, ref, null, async (view) =>
    presentMember(await requireMember(view, userId)),
  );
}

/** `POST`, the secret key alone: people are invited, not put into organisations. Body: `user_id`, `role`. */
export async function addMember(state: AuthState, actor: OrgActor, ref: string, body: JsonObject) {
  if (actor.person) throw authErrors.not_admin();
  const userId = requireUserId(textOf(body, "user_id"));
  const role = textOf(body, "role") || "member";
  return changeOrg(state, actor, ref, null, async (change) => {
    await joinOrg(change, userId, role, (id) => lockPerson(change, id));
    await change.record("org_member_added", { user_id: userId, role });
    return presentMember(await requireMember(change, userId));
  });
}

/** Adds a person in the change's transaction. @throws org_role_not_found, org_full, user_not_found, org_member_exists */
export async function joinOrg(
  change: OrgChange,
  userId: string,
  role: string,
  lock: (userId: string) => Promise<boolean>,
): Promise<void> {
  const { org, store, now } = change;
  await requireRole(change, role);
  if ((await store.countMembers(org.id, null)) >= MEMBERS_MAX) {
    throw orgErrors.org_full("members", MEMBERS_MAX);
  }
  // Locked: two first memberships at once would each be the default one.
  if (!(await lock(userId))) throw authErrors.user_not_found();
  if (!(await store.insertMember(org.id, userId, role, now))) throw orgErrors.org_member_exists();
  await change.outdate([userId]);
}

/** False when the account is gone. */
export async function lockPerson(change: OrgChange, userId: string): Promise<boolean> {
  const user = await createStore(change.tx).lockUser(userId);
  return user !== null && user.deleted_at === null;
}

/** `PUT …/members/{user}/role`, body `role`. @throws org_escalation, last_owner, insufficient_aal */
export async function setMemberRole(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  user: string,
  body: JsonObject,
) {
  requireStrong(state, actor);
  const userId = requireUserId(user);
  const role = textOf(body, "role");
  return changeOrg(state, actor, ref, "auth:members:update", async (change) => {
    const { org, store, invitations, now } = change;
    await requireRole(change, role);
    const member = await requireMember(change, userId);
    requireNoMore(change, await heldBy(store, org.id, role));
    await requireMayTouch(change, member, role);
    await store.setRole(org.id, userId, role, now);
    // What they invited others to may be more than they can give from now on.
    await invitations.withdrawBy(org.id, userId);
    await change.outdate([userId]);
    await change.record("org_member_role_set", { user_id: userId, from: member.role, role });
    return presentMember(await requireMember(change, userId));
  });
}

/** `DELETE …/members/{user}`: removes somebody, or leaves. @throws org_escalation, last_owner */
export async function removeMember(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  user: string,
): Promise<void> {
  const userId = requireUserId(user);
  const isLeaving = userId === userIdOf(actor);
  const needed = isLeaving ? null : "auth:members:remove";
  await changeOrg(state, actor, ref, needed, async (change) => {
    const { org, store, invitations } = change;
    const member = await requireMember(change, userId);
    await requireMayTouch(change, member, null);
    await store.deleteMember(org.id, userId);
    await invitations.withdrawBy(org.id, userId);
    await change.outdate([userId]);
    await change.record("org_member_removed", { user_id: userId, role: member.role });
  });
}

/** @param next the role afterwards; null = none */
async function requireMayTouch(
  change: OrgChange,
  member: MemberRow,
  next: string | null,
): Promise<void> {
  const { org, store } = change;
  requireNoMore(change, await heldBy(store, org.id, member.role));
  if (member.role !== OWNER || next === OWNER) return;
  if ((await store.countMembers(org.id, OWNER)) <= 1) throw orgErrors.last_owner();
}

/** @throws org_role_not_found */
export async function requireRole({ org, store }: OrgChange, role: string): Promise<void> {
  if (isBuiltIn(role) || (await store.findRole(org.id, role))) return;
  throw orgErrors.org_role_not_found();
}

export async function requireMember({ org, store }: OrgView, userId: string): Promise<MemberRow> {
  const member = await store.findMember(org.id, userId);
  if (!member) throw orgErrors.org_member_not_found();
  return member;
}

export function requireUserId(text: string): string {
  if (!isUuid(text)) throw authErrors.user_id_invalid();
  return text.toLowerCase();
}
