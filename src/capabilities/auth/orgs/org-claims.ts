/**
 * What a token says of organisations: the one it acts in with role, permissions and teams, and the
 * ids of all. It has to fit beside full metadata into the 8 KiB that verifiers and proxies take, so
 * lists are cut and marked; `auth.org_ids()` then reads the table instead.
 */
import type { AuthState, Caller } from "../auth-state.ts";
import type { JsonObject } from "../schema.ts";
import type { ClaimSubject } from "../sessions/claim-contributors.ts";
import { permissionsOf } from "./roles.ts";
import type { OrgFacts } from "./schema.ts";
import { createOrgStore } from "./store.ts";

/** Ids in both lists together, 390 bytes; the permissions have their own bound (`roles.ts`). */
const IDS_MAX = 10;
/** Memberships that are looked at; a selection beyond them is found by itself. */
export const FACTS_MAX = 1000;

/** Claims that are about organisations; the rest of a token is none of our business. */
export const ORG_CLAIMS = [
  ...["org_id", "org_slug", "org_role", "permissions"],
  ...["default_org", "orgs", "orgs_more", "teams", "teams_more"],
];

/**
 * @param facts of one person, the default first
 * @param active the one to act in; null = the default, none where there is none
 */
export function orgClaims(facts: readonly OrgFacts[], active: OrgFacts | null): JsonObject {
  if (facts.length === 0) return {};
  const preferred = facts.find((one) => one.is_default) ?? null;
  const acting = active ?? preferred;
  const forTeams = Math.min(acting?.teams.length ?? 0, IDS_MAX / 2);
  const orgs = facts.map((one) => one.org_id).slice(0, IDS_MAX - forTeams);
  const teams = (acting?.teams ?? []).slice(0, IDS_MAX - orgs.length);
  return {
    ...(acting ? actingClaims(acting) : {}),
    ...(preferred ? { default_org: preferred.org_id } : {}),
    orgs,
    ...(orgs.length < facts.length ? { orgs_more: true } : {}),
    ...(teams.length > 0 ? { teams } : {}),
    ...(teams.length < (acting?.teams.length ?? 0) ? { teams_more: true } : {}),
  };
}

function actingClaims(facts: OrgFacts): JsonObject {
  const { org_id, slug, role } = facts;
  const permissions = [...permissionsOf(role, facts.permissions)];
  return { org_id, org_slug: slug, org_role: role, permissions };
}

/** For every token of a person. */
export async function contributeOrgClaims(
  state: AuthState,
  { tenant }: Caller,
  { user }: ClaimSubject,
): Promise<JsonObject> {
  const facts = await createOrgStore(state.sql(tenant)).factsOf(user.id, FACTS_MAX);
  return orgClaims(facts, null);
}

/** The claims with another view of organisations in the place of their own. */
export function withOrgClaims(claims: string, replaced: JsonObject): string {
  const kept = JSON.parse(claims) as JsonObject;
  for (const name of ORG_CLAIMS) delete kept[name];
  return JSON.stringify({ ...kept, ...replaced });
}
