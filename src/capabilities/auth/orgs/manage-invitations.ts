/**
 * `/auth/v1/orgs/{ref}/invitations` and `/auth/v1/invitations/accept`: by mail, to whoever has
 * confirmed that address, or by a link, to whoever holds it. A token works once and for seven days.
 */
import { isUuid } from "../accounts/find-current-user.ts";
import { requireEmail } from "../accounts/normalize-email.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject, UserRow } from "../schema.ts";
import { createStore, inTransaction } from "../store.ts";
import { type OrgActor, userIdOf } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import { changeFrom, changeOrg, heldBy, readOrg, requireNoMore } from "./in-org.ts";
import { createInvitationStore } from "./invitation-store.ts";
import { joinOrg, lockPerson, requireRole } from "./manage-members.ts";
import { presentInvitation, presentOrg } from "./present-org.ts";
import type { InvitationRow } from "./schema.ts";
import { invitationLink, sendInvitation } from "./send-invitation.ts";
import { createOrgStore } from "./store.ts";

const LIFETIME_MS = 7 * 24 * 3_600_000;
const OPEN_MAX = 1000;
const TOKEN = /^rin_[A-Za-z0-9_-]{43}$/;
const INVITE = "auth:members:invite";

export async function listInvitations(state: AuthState, actor: OrgActor, ref: string) {
  return readOrg(state, actor, ref, INVITE, async ({ org, invitations, now }) => ({
    invitations: (await invitations.invitationsOf(org.id, now)).map(presentInvitation),
  }));
}

/**
 * Body: `role` (default `member`), `email` for one by mail, `redirect_to`. The token is in the answer
 * only where there is no address: what was mailed proves the mailbox.
 * @throws org_escalation, org_role_not_found, org_full
 */
export async function createInvitation(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  body: JsonObject,
  request: Request,
) {
  const role = textOf(body, "role") || "member";
  const address = textOf(body, "email");
  const email = address === "" ? null : requireEmail(address);
  const redirectTo = textOf(body, "redirect_to");
  const { caller } = actor;
  if (email !== null) {
    const limit = state.config.rate_limit_org_invitations;
    await limitByIdentity(state, caller, "org_invitation_to", email, limit);
  }
  const token = `rin_${state.deps.ids.token(32)}`;
  const link = email === null ? null : invitationLink(state, actor, request, redirectTo, token);
  const shown = await changeOrg(state, actor, ref, INVITE, async (change) => {
    const { org, store, invitations, now, tx } = change;
    await requireRole(change, role);
    requireNoMore(change, await heldBy(store, org.id, role));
    if ((await invitations.countInvitations(org.id, now)) >= OPEN_MAX) {
      throw orgErrors.org_full("open invitations", OPEN_MAX);
    }
    const invitation = await invitations.putInvitation({
      ...{ id: state.deps.ids.uuid(), orgId: org.id, email, role, now },
      ...{ tokenHash: hashOf(token), invitedBy: userIdOf(actor) },
      expiresAt: new Date(now.getTime() + LIFETIME_MS),
    });
    await change.record("org_invitation_created", { invitation_id: invitation.id, role });
    if (email !== null) {
      await sendInvitation(state, actor, tx, { org, invitation, to: email, token, link });
    }
    return presentInvitation(invitation);
  });
  if (email === null) return { ...shown, token };
  state.outbox.wake(caller.tenant);
  return shown;
}

export async function deleteInvitation(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  id: string,
): Promise<void> {
  if (!isUuid(id)) throw orgErrors.invitation_not_found();
  await changeOrg(state, actor, ref, INVITE, async (change) => {
    if (!(await change.invitations.deleteInvitation(change.org.id, id.toLowerCase()))) {
      throw orgErrors.invitation_not_found();
    }
    await change.record("org_invitation_deleted", { invitation_id: id.toLowerCase() });
  });
}

/**
 * Body: `token`. Everything that is wrong with it answers alike: it is not this person's to accept.
 * @throws invitation_not_found, org_member_exists, org_full
 */
export async function acceptInvitation(state: AuthState, actor: OrgActor, body: JsonObject) {
  const { person, caller } = actor;
  if (!person) throw authErrors.not_a_user_token();
  const token = textOf(body, "token");
  if (!TOKEN.test(token)) throw orgErrors.invitation_not_found();
  return inTransaction(state.sql(caller.tenant), async (_store, tx) => {
    const store = createOrgStore(tx);
    const invitations = createInvitationStore(tx);
    const now = state.now();
    const found = await invitations.findByToken(hashOf(token), now);
    const org = found && (await store.lockOrg(found.org_id));
    // Again, under the lock: it may have been withdrawn or used in the meantime.
    const invitation = found && (await invitations.findByToken(hashOf(token), now));
    const user = await createStore(tx).findUserById(person.user.id);
    if (!org || !invitation || !user || !isFor(invitation, user)) {
      throw orgErrors.invitation_not_found();
    }
    const view = { org, store, invitations, role: null, held: [], now };
    const change = changeFrom(state, actor, tx, view);
    await joinOrg(change, user.id, invitation.role, (id) => lockPerson(change, id));
    await invitations.deleteInvitation(org.id, invitation.id);
    const { id, role } = invitation;
    await change.record("org_member_added", { user_id: user.id, role, invitation_id: id });
    return { ...presentOrg(org), role };
  });
}

/** One by mail is for who has proven to read that mailbox; one by link for any account that is not anonymous. */
function isFor({ email }: InvitationRow, user: UserRow): boolean {
  if (user.is_anonymous || user.deleted_at) return false;
  return email === null || (user.email === email && user.email_confirmed_at !== null);
}

function hashOf(token: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(token).digest();
}
