/** What `/openapi.json` says of the routes of organisations. */
import { Type } from "@sinclair/typebox";
import { doc } from "../http/route-docs.ts";

const time = Type.String({ format: "date-time" });
const id = Type.String({ format: "uuid" });
const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }));
const permissions = Type.Array(Type.String({ description: "area:resource:action" }));
const metadata = Type.Object({}, { additionalProperties: true });

const org = Type.Object(
  { id, slug: Type.String(), name: Type.String(), metadata, created_at: time, updated_at: time },
  { additionalProperties: true, title: "Organisation" },
);
const member = Type.Object(
  { user_id: id, email: Type.String(), role: Type.String(), created_at: time, updated_at: time },
  { title: "Member" },
);
const role = Type.Object(
  { name: Type.String(), description: Type.String(), permissions, built_in: Type.Boolean() },
  { additionalProperties: true, title: "Role" },
);
const team = Type.Object(
  { id, name: Type.String(), members: Type.Integer(), created_at: time, updated_at: time },
  { additionalProperties: true, title: "Team" },
);
const invitation = Type.Object(
  {
    id,
    email: Type.Union([Type.String(), Type.Null()]),
    role: Type.String(),
    expires_at: time,
    token: Type.Optional(Type.String({ description: "Only of one by link" })),
  },
  { additionalProperties: true, title: "Invitation" },
);
const next = Type.Union([Type.String(), Type.Null()], { description: "Send as after" });
const named = Type.Object({ name: Type.String({ maxLength: 100 }) });

export const orgDocs = {
  list: doc("List organisations", {
    description: "The caller's own, oldest membership first; with the secret key all, in pages.",
    answer: Type.Object({ orgs: Type.Array(org), next }),
  }),
  create: doc("Make an organisation", {
    description: "The caller becomes its owner. Takes an Idempotency-Key.",
    body: Type.Object({
      name: Type.String({ maxLength: 100 }),
      slug: text(48),
      metadata: Type.Optional(metadata),
      owner_id: Type.Optional(id),
    }),
    answer: org,
  }),
  get: doc("Get an organisation", {
    description: "With the caller's role and permissions in it. {ref} is an id or a slug.",
    answer: org,
  }),
  update: doc("Change an organisation", {
    description: "Needs auth:org:update.",
    body: Type.Object({ name: text(100), slug: text(48), metadata: Type.Optional(metadata) }),
    answer: org,
  }),
  remove: doc("Remove an organisation", {
    description: "With everything in it. Needs auth:org:delete.",
    answer: null,
  }),
  setDefault: doc("Choose the default organisation", {
    description: "In which requests act that do not say otherwise.",
    body: Type.Object({ org: Type.String() }),
    answer: null,
  }),
  permissions: doc("What the caller may do", {
    description:
      "Role and permissions in the organisation that X-Reactor-Org, or the token, names.",
    answer: Type.Object({}, { additionalProperties: true }),
  }),
  members: doc("List members", {
    description: "limit and after page through them.",
    answer: Type.Object({ members: Type.Array(member), next }),
  }),
  getMember: doc("Get a member", { description: "Of one's own organisation.", answer: member }),
  addMember: doc("Add a member", {
    description: "The secret key only; people are invited.",
    body: Type.Object({ user_id: id, role: text(48) }),
    answer: member,
  }),
  setRole: doc("Set a member's role", {
    description: "Needs auth:members:update, and all that either role allows.",
    body: Type.Object({ role: Type.String({ maxLength: 48 }) }),
    answer: member,
  }),
  removeMember: doc("Remove a member, or leave", {
    description: "Others need auth:members:remove. The last owner stays.",
    answer: null,
  }),
  roles: doc("List roles", {
    description: "Built-in ones first.",
    answer: Type.Object({ roles: Type.Array(role) }),
  }),
  createRole: doc("Make a role", {
    description: "Needs auth:roles:update, and all that the role allows. Takes an Idempotency-Key.",
    body: Type.Object({
      name: Type.String({ maxLength: 48 }),
      permissions,
      description: text(500),
    }),
    answer: role,
  }),
  putRole: doc("Make or change a role", {
    description: "Needs auth:roles:update, and all that the role allowed and will allow.",
    body: Type.Object({ permissions, description: text(500) }),
    answer: role,
  }),
  deleteRole: doc("Remove a role", {
    description: "Needs auth:roles:delete. Nobody may hold it any more.",
    answer: null,
  }),
  teams: doc("List teams", {
    description: "By name.",
    answer: Type.Object({ teams: Type.Array(team) }),
  }),
  getTeam: doc("Get a team", { description: "With the ids of its members.", answer: team }),
  createTeam: doc("Make a team", {
    description: "Needs auth:teams:create.",
    body: named,
    answer: team,
  }),
  renameTeam: doc("Rename a team", {
    description: "Needs auth:teams:update.",
    body: named,
    answer: team,
  }),
  deleteTeam: doc("Remove a team", { description: "Needs auth:teams:delete.", answer: null }),
  teamMember: doc("Change who is in a team", {
    description: "Needs auth:teams:update. Only members of the organisation.",
    answer: null,
  }),
  invitations: doc("List open invitations", {
    description: "Needs auth:members:invite.",
    answer: Type.Object({ invitations: Type.Array(invitation) }),
  }),
  invite: doc("Invite somebody", {
    description:
      "By mail with email; without it the answer holds a token for a link. Needs auth:members:invite, and all that the role allows. Takes an Idempotency-Key.",
    body: Type.Object({ email: text(255), role: text(48), redirect_to: text(2048) }),
    answer: invitation,
  }),
  deleteInvitation: doc("Withdraw an invitation", {
    description: "Needs auth:members:invite.",
    answer: null,
  }),
  accept: doc("Accept an invitation", {
    description: "One by mail: only in an account that has confirmed that address.",
    body: Type.Object({ token: Type.String() }),
    answer: org,
  }),
};
