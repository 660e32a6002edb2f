/** The routes of organisations: path, document and one call each. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { readJson } from "../http/read-json.ts";
import { respond } from "../http/respond.ts";
import { orgActor } from "./actor.ts";
import { answersTo } from "./answer.ts";
import { createOrg } from "./create-org.ts";
import {
  acceptInvitation,
  createInvitation,
  deleteInvitation,
  listInvitations,
} from "./manage-invitations.ts";
import {
  addMember,
  getMember,
  listMembers,
  removeMember,
  setMemberRole,
} from "./manage-members.ts";
import { deleteOrg, getOrg, listOrgs, setDefaultOrg, updateOrg } from "./manage-org.ts";
import { createRole, deleteRole, listRoles, putRole } from "./manage-roles.ts";
import {
  addToTeam,
  createTeam,
  deleteTeam,
  getTeam,
  listTeams,
  removeFromTeam,
  renameTeam,
} from "./manage-teams.ts";
import { orgDocs } from "./route-docs.ts";
import { showPermissions } from "./show-permissions.ts";

const raw = { parse: "none" } as const;
const ORG = "/auth/v1/orgs/:ref";

const queryOf = (request: Request) => new URL(request.url).searchParams;

export function orgRoutes(state: AuthState) {
  const { answer, create } = answersTo(state, orgActor);
  return new Elysia({ name: "auth.orgs" })
    .get(
      "/auth/v1/orgs",
      ({ request }) => answer(request, (actor) => listOrgs(state, actor, queryOf(request))),
      orgDocs.list,
    )
    .post(
      "/auth/v1/orgs",
      ({ request }) => create(request, (actor, body) => createOrg(state, actor, body)),
      { ...raw, ...orgDocs.create },
    )
    .get(
      ORG,
      ({ request, params }) => answer(request, (actor) => getOrg(state, actor, params["ref"])),
      orgDocs.get,
    )
    .patch(
      ORG,
      ({ request, params }) =>
        answer(request, async (actor) =>
          updateOrg(state, actor, params["ref"], await readJson(request)),
        ),
      { ...raw, ...orgDocs.update },
    )
    .delete(
      ORG,
      ({ request, params }) => answer(request, (actor) => deleteOrg(state, actor, params["ref"])),
      orgDocs.remove,
    )
    .put(
      "/auth/v1/user/default_org",
      ({ request }) =>
        answer(request, async (actor) => setDefaultOrg(state, actor, await readJson(request))),
      { ...raw, ...orgDocs.setDefault },
    )
    .get(
      "/auth/v1/permissions",
      ({ request }) => respond(request, async () => ({ body: await showPermissions(request) })),
      orgDocs.permissions,
    )
    .use(memberRoutes(state))
    .use(roleRoutes(state))
    .use(teamRoutes(state))
    .use(invitationRoutes(state));
}

function memberRoutes(state: AuthState) {
  const { answer, create } = answersTo(state, orgActor);
  return new Elysia({ name: "auth.orgs.members" })
    .get(
      `${ORG}/members`,
      ({ request, params }) =>
        answer(request, (actor) => listMembers(state, actor, params["ref"], queryOf(request))),
      orgDocs.members,
    )
    .post(
      `${ORG}/members`,
      ({ request, params }) =>
        create(request, (actor, body) => addMember(state, actor, params["ref"], body)),
      { ...raw, ...orgDocs.addMember },
    )
    .get(
      `${ORG}/members/:user`,
      ({ request, params }) =>
        answer(request, (actor) => getMember(state, actor, params["ref"], params["user"])),
      orgDocs.getMember,
    )
    .put(
      `${ORG}/members/:user/role`,
      ({ request, params }) =>
        answer(request, async (actor) =>
          setMemberRole(state, actor, params["ref"], params["user"], await readJson(request)),
        ),
      { ...raw, ...orgDocs.setRole },
    )
    .delete(
      `${ORG}/members/:user`,
      ({ request, params }) =>
        answer(request, (actor) => removeMember(state, actor, params["ref"], params["user"])),
      orgDocs.removeMember,
    );
}

function roleRoutes(state: AuthState) {
  const { answer, create } = answersTo(state, orgActor);
  return new Elysia({ name: "auth.orgs.roles" })
    .get(
      `${ORG}/roles`,
      ({ request, params }) => answer(request, (actor) => listRoles(state, actor, params["ref"])),
      orgDocs.roles,
    )
    .post(
      `${ORG}/roles`,
      ({ request, params }) =>
        create(request, (actor, body) => createRole(state, actor, params["ref"], body)),
      { ...raw, ...orgDocs.createRole },
    )
    .put(
      `${ORG}/roles/:role`,
      ({ request, params }) =>
        answer(request, async (actor) =>
          putRole(state, actor, params["ref"], params["role"], await readJson(request)),
        ),
      { ...raw, ...orgDocs.putRole },
    )
    .delete(
      `${ORG}/roles/:role`,
      ({ request, params }) =>
        answer(request, (actor) => deleteRole(state, actor, params["ref"], params["role"])),
      orgDocs.deleteRole,
    );
}

function teamRoutes(state: AuthState) {
  const { answer, create } = answersTo(state, orgActor);
  const team = `${ORG}/teams/:team` as const;
  return new Elysia({ name: "auth.orgs.teams" })
    .get(
      `${ORG}/teams`,
      ({ request, params }) => answer(request, (actor) => listTeams(state, actor, params["ref"])),
      orgDocs.teams,
    )
    .post(
      `${ORG}/teams`,
      ({ request, params }) =>
        create(request, (actor, body) => createTeam(state, actor, params["ref"], body)),
      { ...raw, ...orgDocs.createTeam },
    )
    .get(
      team,
      ({ request, params }) =>
        answer(request, (actor) => getTeam(state, actor, params["ref"], params["team"])),
      orgDocs.getTeam,
    )
    .patch(
      team,
      ({ request, params }) =>
        answer(request, async (actor) =>
          renameTeam(state, actor, params["ref"], params["team"], await readJson(request)),
        ),
      { ...raw, ...orgDocs.renameTeam },
    )
    .delete(
      team,
      ({ request, params }) =>
        answer(request, (actor) => deleteTeam(state, actor, params["ref"], params["team"])),
      orgDocs.deleteTeam,
    )
    .put(
      `${team}/members/:user`,
      ({ request, params: { ref, team: id, user } }) =>
        answer(request, (actor) => addToTeam(state, actor, ref, id, user)),
      orgDocs.teamMember,
    )
    .delete(
      `${team}/members/:user`,
      ({ request, params: { ref, team: id, user } }) =>
        answer(request, (actor) => removeFromTeam(state, actor, ref, id, user)),
      orgDocs.teamMember,
    );
}

function invitationRoutes(state: AuthState) {
  const { answer, create } = answersTo(state, orgActor);
  return new Elysia({ name: "auth.orgs.invitations" })
    .get(
      `${ORG}/invitations`,
      ({ request, params }) =>
        answer(request, (actor) => listInvitations(state, actor, params["ref"])),
      orgDocs.invitations,
    )
    .post(
      `${ORG}/invitations`,
      ({ request, params }) =>
        create(request, (actor, body) =>
          createInvitation(state, actor, params["ref"], body, request),
        ),
      { ...raw, ...orgDocs.invite },
    )
    .delete(
      `${ORG}/invitations/:id`,
      ({ request, params }) =>
        answer(request, (actor) => deleteInvitation(state, actor, params["ref"], params["id"])),
      orgDocs.deleteInvitation,
    )
    .post(
      "/auth/v1/invitations/accept",
      ({ request }) =>
        answer(request, async (actor) => acceptInvitation(state, actor, await readJson(request))),
      { ...raw, ...orgDocs.accept },
    );
}
