/** Where a client sends a person, and where that person decides. */
import { Elysia } from "elysia";
import { contextOf } from "../../../../core/context.ts";
import type { AuthState } from "../../auth-state.ts";
import { authErrors } from "../../errors.ts";
import { userCaller } from "../../http/caller.ts";
import { readJson } from "../../http/read-json.ts";
import { respond } from "../../http/respond.ts";
import { browserUser } from "../../ui/browser-session.ts";
import {
  approveAuthorization,
  denyAuthorization,
  describeAuthorization,
} from "../authorizations.ts";
import { oauthCaller, requireOAuthServer } from "../oauth-caller.ts";
import { formParams, type Params, queryParams } from "../read-form.ts";
import { oauthDocs } from "../route-docs.ts";
import { beginAuthorization } from "./begin-authorization.ts";
import { listGrants, revokeGrant } from "./grants.ts";
import { readDecision } from "./read-decision.ts";

const raw = { parse: "none" } as const;

/** The address holds a code or a request's id: kept from caches, frames and the next site's logs. */
const REDIRECT = {
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
} as const;

const LOGOUT_PARAMS = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

function logoutPage(params: Params): string {
  const known = LOGOUT_PARAMS.map((name) => [name, params.get(name)]);
  return `/auth/ui/logout?${new URLSearchParams(known.filter(([, value]) => value !== ""))}`;
}

export function authorizeRoutes(state: AuthState) {
  const authorize = (request: Request, read: () => Promise<Params> | Params) =>
    respond(request, async () => {
      const caller = oauthCaller(state, request);
      const { origin } = contextOf(request);
      const params = await read();
      const findUser = () => browserUser(state, request);
      const location = await beginAuthorization(state, caller, params, origin, findUser);
      return {
        status: request.method === "POST" ? 303 : 302,
        headers: { ...REDIRECT, Location: location },
      };
    });
  // Also by a form of the client's page, which brings no cookies: the browser comes again by itself.
  const logout = (request: Request, read: () => Promise<Params> | Params) =>
    respond(request, async () => {
      requireOAuthServer(state);
      if (!state.config.ui.enabled) throw authErrors.feature_disabled("The sign-out page");
      const location = logoutPage(await read());
      return { status: 303, headers: { ...REDIRECT, Location: location } };
    });
  return new Elysia({ name: "auth.oauth_authorize" })
    .get(
      "/auth/v1/oauth/logout",
      ({ request }) => logout(request, () => queryParams(request)),
      oauthDocs.logout,
    )
    .post("/auth/v1/oauth/logout", ({ request }) => logout(request, () => formParams(request)), {
      ...raw,
      ...oauthDocs.logout,
    })
    .get(
      "/auth/v1/oauth/authorize",
      ({ request }) => authorize(request, () => queryParams(request)),
      oauthDocs.authorize,
    )
    .post(
      "/auth/v1/oauth/authorize",
      ({ request }) => authorize(request, () => formParams(request)),
      { ...raw, ...oauthDocs.authorize },
    )
    .get(
      "/auth/v1/oauth/authorizations/:authorization_id",
      ({ request, params }) =>
        respond(request, async () => {
          requireOAuthServer(state);
          const who = await userCaller(state, request);
          return { body: await describeAuthorization(state, ...who, params.authorization_id) };
        }),
      oauthDocs.describeAuthorization,
    )
    .post(
      "/auth/v1/oauth/authorizations/:authorization_id/consent",
      ({ request, params }) =>
        respond(request, async () => {
          requireOAuthServer(state);
          const who = await userCaller(state, request);
          const action = readDecision(await readJson(request));
          const decide = action === "approve" ? approveAuthorization : denyAuthorization;
          return { body: await decide(state, ...who, params.authorization_id) };
        }),
      { ...raw, ...oauthDocs.decideAuthorization },
    )
    .get(
      "/auth/v1/user/oauth/grants",
      ({ request }) =>
        respond(request, async () => ({
          body: await listGrants(state, ...(await userCaller(state, request))),
        })),
      oauthDocs.listGrants,
    )
    .delete(
      "/auth/v1/user/oauth/grants",
      ({ request }) =>
        respond(request, async () => {
          const clientId = new URL(request.url).searchParams.get("client_id") ?? "";
          await revokeGrant(state, ...(await userCaller(state, request)), clientId);
          return {};
        }),
      oauthDocs.revokeGrant,
    );
}
