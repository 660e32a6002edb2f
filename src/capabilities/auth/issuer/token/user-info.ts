/** `/oauth/userinfo` (OpenID Connect Core §5.3): the person of an access token, as far as its scopes go. */
import type { CurrentUser } from "../../accounts/find-current-user.ts";
import type { JsonObject } from "../../schema.ts";
import { oauthErrors } from "../errors.ts";
import { parseScopes } from "../scopes.ts";
import { personClaims } from "./scoped-claims.ts";

const EVERYTHING = "email phone profile";

/** A person's own token says everything; a client's needs `openid`. @throws insufficient_scope */
export function describeUser({ user, delegated }: CurrentUser): JsonObject {
  if (delegated && !parseScopes(delegated.scope).includes("openid")) {
    throw oauthErrors.insufficient_scope("openid");
  }
  return { sub: user.id, ...personClaims(user, delegated?.scope ?? EVERYTHING) };
}
