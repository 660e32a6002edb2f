/** `POST /auth/v1/orgs`: a person makes an organisation and is its first owner. */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { type OrgActor, userIdOf } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import { changeFrom } from "./in-org.ts";
import { createInvitationStore } from "./invitation-store.ts";
import { readMetadata, readName, requireSlug, slugFrom } from "./org-fields.ts";
import { presentOrg } from "./present-org.ts";
import { OWNER } from "./roles.ts";
import { createOrgStore, type OrgStore } from "./store.ts";

/**
 * Body: `name`, and if wanted `slug`, `metadata`; the secret key names the first owner by `owner_id`.
 * @throws validation_failed, org_slug_taken, orgs_disabled, org_limit_reached, user_not_found
 */
export async function createOrg(state: AuthState, actor: OrgActor, body: JsonObject) {
  const ownerId = readOwner(state, actor, body);
  const name = readName(body);
  const given = textOf(body, "slug");
  const slug = given === "" ? slugFrom(name, state.deps.ids.token(12)) : requireSlug(given);
  const metadata = readMetadata(body) ?? {};
  return inTransaction(state.sql(actor.caller.tenant), async (accounts, tx) => {
    const store = createOrgStore(tx);
    // Locked, so that many requests at once make no more organisations than are allowed.
    if (!(await accounts.lockUser(ownerId))) throw authErrors.user_not_found();
    if (actor.person) await requireRoom(state, store, ownerId);
    const now = state.now();
    const id = state.deps.ids.uuid();
    const times = { created_at: now, updated_at: now };
    const draft = { id, slug, name, metadata, created_by: ownerId, ...times };
    const org = await store.insertOrg(draft);
    if (!org) throw orgErrors.org_slug_taken();
    await store.insertMember(org.id, ownerId, OWNER, now);
    const view = { org, store, invitations: createInvitationStore(tx), role: OWNER, held: ["*"] };
    const change = changeFrom(state, actor, tx, { ...view, now });
    await change.outdate([ownerId]);
    await change.record("org_created", { slug, owner_id: ownerId });
    return presentOrg(org);
  });
}

function readOwner(state: AuthState, actor: OrgActor, body: JsonObject): string {
  const userId = userIdOf(actor);
  const given = textOf(body, "owner_id");
  if (userId !== null) {
    if (!state.config.orgs_self_service) throw orgErrors.orgs_disabled();
    if (actor.person?.user.is_anonymous) throw orgErrors.org_needs_account();
    if (given !== "" && given !== userId) throw authErrors.not_admin();
    return userId;
  }
  if (!isUuid(given)) throw authErrors.validation_failed("owner_id must be the UUID of a person");
  return given.toLowerCase();
}

async function requireRoom(state: AuthState, store: OrgStore, userId: string): Promise<void> {
  const limit = state.config.orgs_per_user_max;
  if ((await store.countOrgsMadeBy(userId)) >= limit) throw orgErrors.org_limit_reached(limit);
}
