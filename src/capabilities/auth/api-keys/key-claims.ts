/**
 * As whom a key acts. A person's key, and a person's agent's, has the person's claims, in the person's
 * organisations; one of an organisation has the organisation and no person; one of the project has
 * neither. `scopes` stand in the claims of all of them, so that policies can ask too.
 */

import { orgClaims } from "../orgs/org-claims.ts";
import type { OrgFacts } from "../orgs/schema.ts";
import type { JsonObject } from "../schema.ts";
import type { KeyWithOwner } from "./schema.ts";

/** @param facts of the owner, where that is a person */
export function keyClaims(key: KeyWithOwner, facts: readonly OrgFacts[]): JsonObject {
  return { ...ownerClaims(key, facts), ...ownClaims(key) };
}

function ownerClaims(key: KeyWithOwner, facts: readonly OrgFacts[]): JsonObject {
  if (key.user_id !== null) return { ...personClaims(key, key.user_id), ...orgClaims(facts, null) };
  const permissions = [...key.scopes];
  if (key.org_id === null) return { role: key.role, permissions };
  return {
    role: key.role,
    org_id: key.org_id,
    ...(key.org_slug === null ? {} : { org_slug: key.org_slug }),
    permissions,
    orgs: [key.org_id],
  };
}

/** As in the person's own token, but without a session: a key has not seen a second factor. */
function personClaims(key: KeyWithOwner, userId: string): JsonObject {
  return {
    sub: userId,
    aud: "authenticated",
    role: key.owner_role ?? key.role,
    email: key.owner_email ?? "",
    phone: key.owner_phone ?? "",
    app_metadata: key.owner_app_metadata ?? {},
    user_metadata: key.owner_user_metadata ?? {},
    aal: "aal1",
    amr: [{ method: "api_key" }],
    is_anonymous: key.owner_is_anonymous ?? false,
  };
}

/** An agent is named as the one who acts (RFC 8693 §4.1), its owner as the one for whom. */
function ownClaims(key: KeyWithOwner): JsonObject {
  const agent = { act: { sub: `agent:${key.id}`, name: key.name } };
  return {
    key_id: key.id,
    key_kind: key.kind,
    scopes: [...key.scopes],
    ...(key.kind === "agent" ? agent : {}),
  };
}
