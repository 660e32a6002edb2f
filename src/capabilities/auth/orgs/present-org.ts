/** Rows of organisations as JSON. */
import { permissionsOf } from "./roles.ts";
import type { InvitationRow, MemberRow, OrgRow, OwnOrgRow, RoleRow, TeamRow } from "./schema.ts";

export function presentOrg(org: OrgRow) {
  return {
    id: org.id,
    slug: org.slug,
    name: org.name,
    metadata: org.metadata,
    created_at: org.created_at.toISOString(),
    updated_at: org.updated_at.toISOString(),
  };
}

/** With the caller's own place in it; null for the secret key, which has none. */
export function presentOwnOrg(org: OwnOrgRow) {
  return {
    ...presentOrg(org),
    role: org.role,
    permissions: permissionsOf(org.role, org.permissions),
    is_default: org.is_default,
  };
}

export function presentMember(member: MemberRow) {
  return {
    user_id: member.user_id,
    email: member.email ?? "",
    role: member.role,
    created_at: member.created_at.toISOString(),
    updated_at: member.updated_at.toISOString(),
  };
}

export function presentRole(role: RoleRow) {
  return {
    name: role.name,
    description: role.description,
    permissions: role.permissions,
    built_in: false,
    created_at: role.created_at.toISOString(),
    updated_at: role.updated_at.toISOString(),
  };
}

export function presentTeam(team: TeamRow) {
  return {
    id: team.id,
    name: team.name,
    members: team.members,
    created_at: team.created_at.toISOString(),
    updated_at: team.updated_at.toISOString(),
  };
}

export function presentInvitation(invitation: InvitationRow) {
  return {
    id: invitation.id,
    email: invitation.email,
    role: invitation.role,
    invited_by: invitation.invited_by,
    created_at: invitation.created_at.toISOString(),
    expires_at: invitation.expires_at.toISOString(),
  };
}
