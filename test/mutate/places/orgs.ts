/** Organisations: who belongs, who may what. */
import type { Mutation } from "../mutation.ts";

const ORGS = { tests: ["test/auth/orgs.test.ts"] };
const MEMBERS = { ...ORGS, file: "src/capabilities/auth/orgs/manage-members.ts" };
const INVITATIONS = { ...ORGS, file: "src/capabilities/auth/orgs/manage-invitations.ts" };

export const orgs: readonly Mutation[] = [
  {
    ...ORGS,
    name: "orgs: strangers are let in",
    file: "src/capabilities/auth/orgs/in-org.ts",
    find: "if (userId !== null && !member) throw orgErrors.org_not_found();",
    replace: "",
    only: "in another organisation|changed and removed",
    why: "anybody manages anybody's organisation",
  },
  {
    ...ORGS,
    name: "orgs: a role is not asked what it allows",
    file: "src/capabilities/auth/orgs/in-org.ts",
    find: "if (needed !== null && !covers(held, needed)) throw",
    replace: "if (needed === held[0]) throw",
    only: "changed and removed|removed by who may",
    why: "members do what owners do",
  },
  {
    ...ORGS,
    name: "orgs: power grows",
    file: "src/capabilities/auth/orgs/in-org.ts",
    find: "if (!coversAll(held, wanted)) throw orgErrors.org_escalation();",
    replace: "",
    only: "nobody gains more",
    why: "an admin makes themselves owner",
  },
  {
    ...MEMBERS,
    name: "orgs: the last owner goes",
    find: "if ((await store.countMembers(org.id, OWNER)) <= 1) throw orgErrors.last_owner();",
    replace: "",
    only: "an owner",
    why: "an organisation that nobody can manage any more",
  },
  {
    ...ORGS,
    name: "orgs: changes race",
    file: "src/capabilities/auth/orgs/store.ts",
    find: " for update`;",
    replace: "`;",
    only: "at the same moment",
    why: "two owners leave at once and none is left",
  },
  {
    ...MEMBERS,
    name: "orgs: a removed member comes back by their own invitation",
    find: `    await store.deleteMember(org.id, userId);
    await invitations.withdrawBy(org.id, userId);`,
    replace: "    await store.deleteMember(org.id, userId);",
    only: "by an invitation",
    why: "whoever is removed keeps a way back in",
  },
  {
    ...INVITATIONS,
    name: "orgs: an invitation by mail is anybody's",
    find: "return email === null || (user.email === email && user.email_confirmed_at !== null);",
    replace: "return true;",
    only: "by mail",
    why: "a forwarded mail lets strangers in",
  },
  {
    ...INVITATIONS,
    name: "orgs: an invitation works again and again",
    find: "    await invitations.deleteInvitation(org.id, invitation.id);\n",
    replace: "",
    only: "once, and never",
    why: "one link lets everybody in",
  },
  {
    ...ORGS,
    name: "orgs: older tokens are believed",
    file: "src/capabilities/auth/orgs/changed-people.ts",
    find: 'return typeof iat !== "number" || iat * 1000 <= changedAt;',
    replace: "return iat === null;",
    only: "as the role stands now",
    why: "a removed member acts on until the token expires",
  },
  {
    ...ORGS,
    name: "orgs: the header names any organisation",
    file: "src/capabilities/auth/orgs/org-directory.ts",
    find: "if (!found) throw coreErrors.org_forbidden();\n  return found;",
    replace: "return found as OrgFacts;",
    only: "never in a stranger's",
    why: "a wrong name silently means another organisation",
  },
  {
    ...ORGS,
    name: "orgs: what was looked up is kept",
    file: "src/capabilities/auth/orgs/org-directory.ts",
    find: "if (known && clock.monotonic() < known.at + KEPT_MS) return known.facts;",
    replace: "if (known) return known.facts;",
    only: "within a second of the change",
    why: "a removed member acts on for as long as the server runs",
  },
  {
    ...ORGS,
    name: "permissions: asking for a pattern",
    file: "migrations/system/0006_org_claims.sql",
    find: "and split_part(one, ':', 2) in ('*', split_part(wanted, ':', 2))",
    replace:
      "and (split_part(one, ':', 2) in ('*', split_part(wanted, ':', 2)) or split_part(wanted, ':', 2) = '*')",
    only: "as in the program",
    why: "a policy that asks for everything is content with a little",
  },
  {
    name: "permissions: asking for a pattern, in the program",
    file: "src/core/permissions.ts",
    find: 'if (segment === "*" || segment === want[index]) return true;',
    replace: 'if (segment === "*" || segment === want[index] || want[index] === "*") return true;',
    tests: ["src/core/permissions.test.ts"],
    why: "one small permission passes for all of them",
  },
];
