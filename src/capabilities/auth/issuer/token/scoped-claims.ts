/**
 * What a client learns of a person by the scopes it was granted (OpenID Connect Core §5.4): in ID
 * tokens and userinfo, and by leaving out in access tokens, which clients can read too.
 */
import { isEmailProven } from "../../identities/prove-email.ts";
import type { JsonObject, UserRow } from "../../schema.ts";
import { audienceOf } from "../resources.ts";
import { parseScopes } from "../scopes.ts";
import type { ClientSession } from "./session-grant.ts";

const OPERATOR = "service_role";
/** This program's own client: `0009_oauth_server.sql`. */
const COMMAND_LINE = "5ea0c70a-c11e-7000-8000-000000000001";

/**
 * Standard claims that have a value. `email_verified` means that the person was seen to hold the
 * address, not that `auth.autoconfirm` took it as confirmed: other apps link accounts by it.
 */
export function personClaims(user: UserRow, scope: string): JsonObject {
  const scopes = new Set(parseScopes(scope));
  return {
    ...(scopes.has("email") && user.email
      ? { email: user.email, email_verified: isEmailProven(user) }
      : {}),
    ...(scopes.has("phone") && user.phone
      ? {
          phone_number: `+${user.phone.replace(/^\+/, "")}`,
          phone_number_verified: user.phone_confirmed_at !== null,
        }
      : {}),
    ...(scopes.has("profile") ? profileClaims(user) : {}),
  };
}

/** From the names that sign-in providers and apps use in `user_metadata`. */
function profileClaims(user: UserRow): JsonObject {
  const data = user.raw_user_meta_data ?? {};
  const first = (...names: string[]) =>
    names.map((name) => data[name]).find((value) => typeof value === "string" && value !== "");
  const found: Record<string, unknown> = {
    name: first("name", "full_name"),
    given_name: first("given_name"),
    family_name: first("family_name"),
    preferred_username: first("preferred_username", "user_name", "username"),
    picture: first("picture", "avatar_url"),
    locale: first("locale"),
    updated_at: user.updated_at ? Math.floor(user.updated_at.getTime() / 1000) : undefined,
  };
  return Object.fromEntries(
    Object.entries(found).filter(([, value]) => value !== undefined),
  ) as JsonObject;
}

/**
 * Claims that an access token of a client has beside a person's own, or instead of them: whose it
 * is, for what, and nothing of the person that the scopes do not cover (RFC 9068 §2.2).
 */
export function clientClaims({ request, isLimited }: ClientSession): JsonObject {
  const scopes = new Set(parseScopes(request.scope));
  return {
    // The command line is a person's own, and not limited by what it was not asked for.
    ...(isLimited && request.client_id !== COMMAND_LINE ? { scoped: true } : {}),
    client_id: request.client_id,
    scope: request.scope,
    aud: audienceOf(request.resource, request.issuer),
    ...(scopes.has("email") ? {} : { email: "" }),
    ...(scopes.has("phone") ? {} : { phone: "" }),
    ...(scopes.has("profile") ? {} : { user_metadata: {} }),
  };
}

/**
 * Nobody hands the rights of the secret key to an app by agreeing to its scopes, whether they have
 * them by their account or by the project's hook.
 */
export function withoutOperator(claims: JsonObject, { request }: ClientSession): JsonObject {
  const isOperator = claims["role"] === OPERATOR && request.client_id !== COMMAND_LINE;
  return isOperator ? { ...claims, role: "authenticated" } : claims;
}
