/** `/auth/v1/orgs/{ref}/teams`: groups of members. Policies read them with `auth.team_ids()`. */
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import type { JsonObject } from "../schema.ts";
import type { OrgActor } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import { changeOrg, type OrgView, readOrg } from "./in-org.ts";
import { requireMember, requireUserId } from "./manage-members.ts";
import { readName } from "./org-fields.ts";
import { presentTeam } from "./present-org.ts";
import type { TeamRow } from "./schema.ts";

const TEAMS_MAX = 500;

export async function listTeams(state: AuthState, actor: OrgActor, ref: string) {
  return readOrg(state, actor, ref, null, async ({ org, store }) => ({
    teams: (await store.teamsOf(org.id)).map(presentTeam),
  }));
}

/** With the ids of its members. */
export async function getTeam(state: AuthState, actor: OrgActor, ref: string, id: string) {
  return readOrg(state, actor, ref, null, async (view) => {
    const team = await requireTeam(view, id);
    return { ...presentTeam(team), member_ids: await view.store.teamMemberIds(team.id) };
  });
}

/** Body: `name`. @throws team_name_taken, org_full */
export async function createTeam(state: AuthState, actor: OrgActor, ref: string, body: JsonObject) {
  const name = readName(body);
  return changeOrg(state, actor, ref, "auth:teams:create", async (change) => {
    const { org, store, now } = change;
    if ((await store.teamsOf(org.id)).length >= TEAMS_MAX) {
      throw orgErrors.org_full("teams", TEAMS_MAX);
    }
    const id = state.deps.ids.uuid();
    if (!(await store.insertTeam(org.id, id, name, now))) throw orgErrors.team_name_taken();
    await change.record("org_team_created", { team_id: id });
    return presentTeam(await requireTeam(change, id));
  });
}

/** Body: `name`. @throws team_name_taken */
export async function renameTeam(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  id: string,
  body: JsonObject,
) {
  const name = readName(body);
  return changeOrg(state, actor, ref, "auth:teams:update", async (change) => {
    const { org, store, now } = change;
    const team = await requireTeam(change, id);
    if (!(await store.renameTeam(org.id, team.id, name, now))) throw orgErrors.team_name_taken();
    await change.record("org_team_renamed", { team_id: team.id });
    return presentTeam(await requireTeam(change, id));
  });
}

export async function deleteTeam(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  id: string,
): Promise<void> {
  await changeOrg(state, actor, ref, "auth:teams:delete", async (change) => {
    const { org, store } = change;
    const team = await requireTeam(change, id);
    await change.outdate(await store.teamMemberIds(team.id));
    await store.deleteTeam(org.id, team.id);
    await change.record("org_team_deleted", { team_id: team.id });
  });
}

/** `PUT …/teams/{team}/members/{user}`: of members of the organisation only. */
export async function addToTeam(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  id: string,
  user: string,
): Promise<void> {
  const userId = requireUserId(user);
  await changeOrg(state, actor, ref, "auth:teams:update", async (change) => {
    const { org, store, now } = change;
    const team = await requireTeam(change, id);
    await requireMember(change, userId);
    if (!(await store.addToTeam(org.id, team.id, userId, now))) return;
    await change.outdate([userId]);
    await change.record("org_team_member_added", { team_id: team.id, user_id: userId });
  });
}

export async function removeFromTeam(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  id: string,
  user: string,
): Promise<void> {
  const userId = requireUserId(user);
  await changeOrg(state, actor, ref, "auth:teams:update", async (change) => {
    const team = await requireTeam(change, id);
    if (!(await change.store.removeFromTeam(team.id, userId))) {
      throw orgErrors.org_member_not_found();
    }
    await change.outdate([userId]);
    await change.record("org_team_member_removed", { team_id: team.id, user_id: userId });
  });
}

async function requireTeam({ org, store }: OrgView, id: string): Promise<TeamRow> {
  const team = isUuid(id) ? await store.findTeam(org.id, id.toLowerCase()) : null;
  if (!team) throw orgErrors.team_not_found();
  return team;
}
