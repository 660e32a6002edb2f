/**
 * `grant_type=client_credentials` (RFC 6749 §4.4): a token for the client itself, which is nobody's.
 * Its `sub` is the client's id (RFC 9068 §2.2), so that `auth.uid()` in a policy names it. There is
 * no session and no refresh token.
 */
import type { AuthState, Caller } from "../../auth-state.ts";
import { audit } from "../../record.ts";
import { amrEntry, signClaims } from "../../sessions/issue-session.ts";
import { inTransaction } from "../../store.ts";
import { clientStore } from "../clients/client-store.ts";
import { oauthErrors } from "../errors.ts";
import type { Params } from "../read-form.ts";
import { audienceOf, readResource } from "../resources.ts";
import type { ClientRow } from "../schema.ts";
import { isLimited, isWithin, parseScopes } from "../scopes.ts";
import type { OAuthAnswer } from "./oauth-answer.ts";

const METHOD = "client_credentials";

/** @param issuer of the OAuth server. @throws invalid_scope, invalid_target, unauthorized_client */
export async function grantClientCredentials(
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  params: Params,
  issuer: string,
): Promise<OAuthAnswer> {
  if (client.client_type === "public") {
    throw oauthErrors.unauthorized_client("A public client has no credentials");
  }
  const scope = ownScope(state, client, params.get("scope"));
  const resource = readResource(state.config, issuer, params.get("resource"));
  const now = state.now();
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    await clientStore(tx).markUsed(client.id, now);
    await audit(
      state,
      store,
      caller,
      { id: client.id, name: client.client_name },
      "oauth_client_token_issued",
      { client_id: client.id, scope },
    );
  });
  const ttlS = state.config.access_token_ttl_s;
  const claims = await claimsOf(state, caller, client, now, ttlS);
  const aud = audienceOf(resource, issuer);
  const limits = isLimited(state.config, client, scope) ? { scoped: true } : {};
  return {
    access_token: await signClaims(state, caller, { ...claims, ...limits, aud, scope }),
    token_type: "bearer",
    expires_in: ttlS,
    scope,
  };
}

/** Scopes of the app alone: those of OpenID Connect are about a person. @throws invalid_scope */
function ownScope({ config }: AuthState, client: ClientRow, requested: string): string {
  const known = config.oauth_server.scopes;
  const ceiling = client.scope === null ? known : parseScopes(client.scope);
  const wanted = requested === "" ? known : parseScopes(requested);
  const granted = wanted.filter((scope) => isWithin(scope, known) && isWithin(scope, ceiling));
  if (granted.length === 0 && requested !== "") {
    throw oauthErrors.invalid_scope("None of the scopes can be granted to this client");
  }
  return granted.join(" ");
}

async function claimsOf(
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  now: Date,
  ttlS: number,
) {
  const { issuer } = await state.deps.project(caller.tenant);
  const issuedAt = Math.floor(now.getTime() / 1000);
  return {
    iss: issuer,
    sub: client.id,
    exp: issuedAt + ttlS,
    iat: issuedAt,
    email: "",
    phone: "",
    app_metadata: {},
    user_metadata: {},
    role: "authenticated",
    aal: "aal1",
    amr: [amrEntry(METHOD, now)],
    is_anonymous: false,
    client_id: client.id,
  };
}
