/** `/auth/v1/orgs/{ref}/roles`: the built-in roles and those that the organisation made. */
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { textOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import type { OrgActor } from "./actor.ts";
import { orgErrors } from "./errors.ts";
import { changeOrg, readOrg, requireNoMore } from "./in-org.ts";
import { presentRole } from "./present-org.ts";
import { BUILT_IN_ROLES, requirePermissions, requireRoleName } from "./roles.ts";

const ROLES_MAX = 100;
const DESCRIPTION_MAX = 500;

export async function listRoles(state: AuthState, actor: OrgActor, ref: string) {
  return readOrg(state, actor, ref, null, async ({ org, store }) => {
    const own = (await store.rolesOf(org.id)).map(presentRole);
    const builtIn = BUILT_IN_ROLES.map((role) => ({ ...role, description: "", built_in: true }));
    return { roles: [...builtIn, ...own] };
  });
}

/** `POST …/roles`, body `name` and as for `putRole`: never one that is there. @throws org_role_exists */
export async function createRole(state: AuthState, actor: OrgActor, ref: string, body: JsonObject) {
  return writeRole(state, actor, ref, textOf(body, "name"), body, true);
}

/**
 * `PUT …/roles/{name}`, body `permissions`, `description`: makes or changes one. Whoever does must
 * hold all that the role allowed and all that it will allow.
 * @throws org_role_built_in, org_escalation, org_full
 */
export async function putRole(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  given: string,
  body: JsonObject,
) {
  return writeRole(state, actor, ref, given, body, false);
}

async function writeRole(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  given: string,
  body: JsonObject,
  isNew: boolean,
) {
  const name = requireRoleName(given);
  const permissions = requirePermissions(body["permissions"]);
  const description = textOf(body, "description");
  if (description.length > DESCRIPTION_MAX) {
    throw authErrors.validation_failed(`description is limited to ${DESCRIPTION_MAX} characters`);
  }
  return changeOrg(state, actor, ref, "auth:roles:update", async (change) => {
    const { org, store, now } = change;
    const before = await store.findRole(org.id, name);
    if (before && isNew) throw orgErrors.org_role_exists();
    if (!before && (await store.rolesOf(org.id)).length >= ROLES_MAX) {
      throw orgErrors.org_full("roles", ROLES_MAX);
    }
    requireNoMore(change, [...(before?.permissions ?? []), ...permissions]);
    const role = await store.putRole(org.id, { name, permissions, description }, now);
    await change.outdate(await store.memberIds(org.id, name));
    await change.record("org_role_set", { role: name, permissions });
    return presentRole(role);
  });
}

/** @throws org_role_built_in, org_role_not_found, org_role_in_use, org_escalation */
export async function deleteRole(
  state: AuthState,
  actor: OrgActor,
  ref: string,
  given: string,
): Promise<void> {
  const name = requireRoleName(given);
  await changeOrg(state, actor, ref, "auth:roles:delete", async (change) => {
    const { org, store, invitations } = change;
    const role = await store.findRole(org.id, name);
    if (!role) throw orgErrors.org_role_not_found();
    requireNoMore(change, role.permissions);
    if ((await store.memberIds(org.id, name)).length > 0) throw orgErrors.org_role_in_use();
    await invitations.withdrawRole(org.id, name);
    await store.deleteRole(org.id, name);
    await change.record("org_role_deleted", { role: name });
  });
}
