/** `/auth/v1/orgs` and `/auth/v1/orgs/{ref}`: list, read, change, remove, and which is the default. */
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import { inTransaction } from "../store.ts";
import { type OrgActor, requireStrong, userIdOf } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import { changeFrom, changeOrg, readOrg } from "./in-org.ts";
import { createInvitationStore } from "./invitation-store.ts";
import { readMetadata, requireName, requireSlug } from "./org-fields.ts";
import { readPage } from "./page.ts";
import { presentOrg, presentOwnOrg } from "./present-org.ts";
import { createOrgStore } from "./store.ts";

/** More than anybody has; who has more is shown the oldest. */
const OWN_MAX = 1000;
const UPDATE = "auth:org:update";

/** A person's own, or for the secret key all, by slug, in pages. */
export async function listOrgs(state: AuthState, actor: OrgActor, query: URLSearchParams) {
  const store = createOrgStore(state.sql(actor.caller.tenant));
  const userId = userIdOf(actor);
  if (userId !== null) {
    return { orgs: (await store.orgsOf(userId, OWN_MAX)).map(presentOwnOrg), next: null };
  }
  const { after, limit } = readPage(query);
  const rows = await store.allOrgs(after ?? "", limit);
  return { orgs: rows.map(presentOrg), next: rows.length < limit ? null : rows.at(-1)?.slug };
}

export async function getOrg(state: AuthState, actor: OrgActor, ref: string) {
  return readOrg(state, actor, ref, null, async ({ org, role, held }) => ({
    ...presentOrg(org),
    role,
    permissions: held,
  }));
}

/** Body: `name`, `slug`, `metadata`; what is absent stays. @throws org_slug_taken */
export async function updateOrg(state: AuthState, actor: OrgActor, ref: string, body: JsonObject) {
  const name = textOf(body, "name");
  const slug = textOf(body, "slug");
  const changes = {
    ...(name === "" ? {} : { name: requireName(name) }),
    ...(slug === "" ? {} : { slug: requireSlug(slug) }),
  };
  const metadata = readMetadata(body);
  return changeOrg(state, actor, ref, UPDATE, async ({ org, store, now, record }) => {
    const next = { ...org, ...changes, ...(metadata ? { metadata } : {}) };
    const row = await store.updateOrg(org.id, next, now);
    if (!row) throw orgErrors.org_slug_taken();
    await record("org_updated", { slug: row.slug });
    return presentOrg(row);
  });
}

/** With its roles, teams, invitations and API keys. @throws insufficient_aal */
export async function deleteOrg(state: AuthState, actor: OrgActor, ref: string): Promise<void> {
  requireStrong(state, actor);
  await changeOrg(state, actor, ref, "auth:org:delete", async (change) => {
    const { org, store } = change;
    await change.outdate(await store.memberIds(org.id, null));
    await change.record("org_deleted", { slug: org.slug });
    await store.deleteOrg(org.id);
  });
}

/** `PUT /auth/v1/user/default_org`, body `org`: id or slug. Takes effect in the next token. */
export async function setDefaultOrg(state: AuthState, actor: OrgActor, body: JsonObject) {
  const userId = userIdOf(actor);
  if (userId === null) throw authErrors.not_a_user_token();
  await inTransaction(state.sql(actor.caller.tenant), async (accounts, tx) => {
    const store = createOrgStore(tx);
    // Two at once would each make theirs the default one.
    await accounts.lockUser(userId);
    const org = await store.findOrg(textOf(body, "org").toLowerCase());
    const now = state.now();
    if (!org || !(await store.setDefault(org.id, userId, now))) throw orgErrors.org_not_found();
    const view = { org, store, invitations: createInvitationStore(tx), role: null, held: [] };
    const change = changeFrom(state, actor, tx, { ...view, now });
    await change.outdate([userId]);
    await change.record("org_default_set", { user_id: userId });
  });
}
