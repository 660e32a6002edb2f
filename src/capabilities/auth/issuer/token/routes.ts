/** What clients and resource servers ask: tokens, whether they stand, and whose they are. */
import { Elysia } from "elysia";
import { contextOf } from "../../../../core/context.ts";
import { ReactorError } from "../../../../core/errors.ts";
import type { AuthState } from "../../auth-state.ts";
import { serviceCaller, userCaller } from "../../http/caller.ts";
import { admitClient } from "../clients/admit-client.ts";
import { oauthErrors } from "../errors.ts";
import { oauthCaller } from "../oauth-caller.ts";
import { bodyParams, formParams } from "../read-form.ts";
import { respondOAuth } from "../respond-oauth.ts";
import { oauthDocs } from "../route-docs.ts";
import { grantOAuthToken } from "./grant-oauth-token.ts";
import { introspect } from "./introspect.ts";
import { revokeToken } from "./revoke.ts";
import { describeUser } from "./user-info.ts";

const raw = { parse: "none" } as const;

export function tokenRoutes(state: AuthState) {
  const userInfo = ({ request }: { request: Request }) =>
    respondOAuth(request, async () => {
      oauthCaller(state, request);
      return {
        body: describeUser((await asBearer(() => userCaller(state, request, "delegated")))[1]),
      };
    });
  return new Elysia({ name: "auth.oauth_token" })
    .post(
      "/auth/v1/oauth/token",
      ({ request }) =>
        respondOAuth(request, async () => {
          const caller = oauthCaller(state, request);
          const { origin } = contextOf(request);
          const params = await bodyParams(request);
          return { body: await grantOAuthToken(state, caller, request, params, origin) };
        }),
      { ...raw, ...oauthDocs.oauthToken },
    )
    .post(
      "/auth/v1/oauth/introspect",
      ({ request }) => respondOAuth(request, () => introspectFor(state, request)),
      { ...raw, ...oauthDocs.introspect },
    )
    .post(
      "/auth/v1/oauth/revoke",
      ({ request }) =>
        respondOAuth(request, async () => {
          const caller = oauthCaller(state, request);
          const params = await formParams(request);
          const client = await admitClient(state, caller, request, params);
          await revokeToken(state, caller, client, params);
          return { status: 200 };
        }),
      { ...raw, ...oauthDocs.revoke },
    )
    .get("/auth/v1/oauth/userinfo", userInfo, oauthDocs.userInfo)
    .post("/auth/v1/oauth/userinfo", userInfo, { ...raw, ...oauthDocs.userInfo });
}

/** The secret key may ask about any token, a confidential client about its own. */
async function introspectFor(state: AuthState, request: Request) {
  const caller = oauthCaller(state, request);
  const params = await formParams(request);
  const { headers } = request;
  const isBearer = /^bearer /i.test(headers.get("authorization") ?? "");
  if (isBearer || (headers.has("apikey") && params.get("client_id") === "")) {
    await asBearer(() => serviceCaller(request));
    return { body: await introspect(state, caller, null, params) };
  }
  const client = await admitClient(state, caller, request, params);
  if (client.client_type === "public") throw oauthErrors.invalid_client(false);
  return { body: await introspect(state, caller, client.id, params) };
}

/** What is wrong with a bearer token, in RFC 6750's words. */
async function asBearer<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isRefused = error instanceof ReactorError && [401, 403].includes(error.status);
    if (!isRefused || Object.hasOwn(oauthErrors, error.code)) throw error;
    throw oauthErrors.invalid_token("The access token is missing, expired, revoked or malformed");
  }
}
