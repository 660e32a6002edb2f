/** OAuth clients: registering oneself, and the operator's routes as GoTrue has them. */
import { Elysia } from "elysia";
import { contextOf } from "../../../../core/context.ts";
import type { AuthState } from "../../auth-state.ts";
import { serviceCaller } from "../../http/caller.ts";
import { readJson } from "../../http/read-json.ts";
import { respond } from "../../http/respond.ts";
import { oauthCaller } from "../oauth-caller.ts";
import { respondOAuth } from "../respond-oauth.ts";
import { oauthDocs } from "../route-docs.ts";
import {
  adminDeleteClient,
  adminGetClient,
  adminListClients,
  adminRegenerateSecret,
  adminUpdateClient,
} from "./admin-clients.ts";
import { adminCreateClient, registerClient } from "./create-client.ts";

const raw = { parse: "none" } as const;
const PATH = "/auth/v1/admin/oauth/clients";

export function clientRoutes(state: AuthState) {
  return new Elysia({ name: "auth.oauth_clients" })
    .post(
      "/auth/v1/oauth/clients/register",
      ({ request }) =>
        respondOAuth(request, async () => ({
          status: 201,
          body: await registerClient(state, oauthCaller(state, request), await readJson(request)),
        })),
      { ...raw, ...oauthDocs.registerClient },
    )
    .get(
      PATH,
      ({ request }) =>
        respond(request, async () => {
          const url = `${contextOf(request).origin}${PATH}`;
          const query = new URL(request.url).searchParams;
          return adminListClients(state, await serviceCaller(request), query, url);
        }),
      oauthDocs.adminListClients,
    )
    .post(
      PATH,
      ({ request }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          return {
            status: 201,
            body: await adminCreateClient(state, caller, await readJson(request)),
          };
        }),
      { ...raw, ...oauthDocs.adminCreateClient },
    )
    .get(
      `${PATH}/:client_id`,
      ({ request, params }) =>
        respond(request, async () => ({
          body: await adminGetClient(state, await serviceCaller(request), params.client_id),
        })),
      oauthDocs.adminGetClient,
    )
    .put(
      `${PATH}/:client_id`,
      ({ request, params }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          const body = await readJson(request);
          return { body: await adminUpdateClient(state, caller, params.client_id, body) };
        }),
      { ...raw, ...oauthDocs.adminUpdateClient },
    )
    .delete(
      `${PATH}/:client_id`,
      ({ request, params }) =>
        respond(request, async () => {
          await adminDeleteClient(state, await serviceCaller(request), params.client_id);
          return {};
        }),
      oauthDocs.adminDeleteClient,
    )
    .post(
      `${PATH}/:client_id/regenerate_secret`,
      ({ request, params }) =>
        respond(request, async () => ({
          body: await adminRegenerateSecret(state, await serviceCaller(request), params.client_id),
        })),
      { ...raw, ...oauthDocs.adminRegenerateSecret },
    );
}
