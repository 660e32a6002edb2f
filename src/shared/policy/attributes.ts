/**
 * What policies may ask about. A name that is not here is a fault when the policies are read: a
 * misspelt one would otherwise be a condition that silently never holds, or always does.
 */
import type { Principal } from "../../core/ports/auth.ts";
import type { PolicyRequest } from "../../core/ports/policies.ts";
import type { Value } from "./expression.ts";

type Table = Readonly<Record<string, string>>;

/** Roots, their members and what those are. */
export const ATTRIBUTES: Readonly<Record<string, Table>> = {
  principal: {
    kind: "anonymous, person, key or project (the project's own secret key)",
    role: "database role: anon, authenticated, service_role or one of your own",
    id: "the person's id, or null",
    email: "the person's address, or an empty text",
    is_anonymous: "signed in without an account of their own",
    aal: "aal1, aal2, or null without a session",
    org_id: "the organisation this request acts in, or null",
    org_slug: "its slug, or null",
    org_role: "the role in it, or null",
    permissions: "what that role allows, a list",
    teams: "ids of the person's teams in it, a list",
    orgs: "ids of the person's organisations, a list",
    key_id: "the API key's id, or null",
    key_kind: "user, org, service or agent, or null",
    scopes: "the API key's scopes, or null without one",
    app_metadata: "what the secret key wrote about the person",
    claims: "all claims of the credential",
  },
  action: {
    name: "area:resource:action, as in functions:hello:invoke",
    area: "functions",
    resource: "hello",
    verb: "invoke",
  },
  request: {
    method: "HTTP method, or null",
    address: "the client's address, or null",
  },
};

/** Whose members are the application's own. */
const OPEN = new Set(["app_metadata", "claims"]);

export const isOpen = (member: string) => OPEN.has(member);

export interface Attributes {
  readonly principal: Readonly<Record<string, Value>>;
  readonly action: Readonly<Record<string, Value>>;
  readonly request: Readonly<Record<string, Value>>;
}

export function attributesOf({ principal, action, request }: PolicyRequest): Attributes {
  const [area = "", resource = "", verb = ""] = action.split(":");
  return {
    principal: principalAttributes(principal),
    action: { name: action, area, resource, verb },
    request: { method: request?.method ?? null, address: request?.address ?? null },
  };
}

/** A principal is the same object for as long as its token is remembered. */
const known = new WeakMap<Principal, Attributes["principal"]>();

function principalAttributes(principal: Principal): Attributes["principal"] {
  const found = known.get(principal);
  if (found) return found;
  const made = readPrincipal(principal);
  known.set(principal, made);
  return made;
}

function readPrincipal(principal: Principal): Attributes["principal"] {
  const { role, userId, keyId, scopes } = principal;
  const claims = JSON.parse(principal.claims) as Readonly<Record<string, Value>>;
  const text = (name: string) => (typeof claims[name] === "string" ? claims[name] : null);
  const list = (name: string) => (Array.isArray(claims[name]) ? claims[name] : []);
  return {
    kind: kindOf(principal),
    role,
    id: userId,
    email: text("email") ?? "",
    is_anonymous: claims["is_anonymous"] === true,
    aal: text("aal"),
    org_id: text("org_id"),
    org_slug: text("org_slug"),
    org_role: text("org_role"),
    permissions: list("permissions"),
    teams: list("teams"),
    orgs: list("orgs"),
    key_id: keyId ?? null,
    key_kind: keyId === undefined ? null : text("key_kind"),
    scopes: scopes ?? null,
    app_metadata: claims["app_metadata"] ?? {},
    claims,
  };
}

function kindOf({ userId, keyId, role }: Principal): string {
  if (keyId !== undefined) return "key";
  if (userId !== null) return "person";
  return role === "service_role" ? "project" : "anonymous";
}
