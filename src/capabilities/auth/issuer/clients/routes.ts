/** OAuth clients: registering oneself, and the operator's routes as GoTrue has them. */
import { Elysia } from "elysia";
import { contextOf } from "../../../../core/context.ts";
import type { AuthState } from "../../auth-state.ts";
import { answerService } from "../../http/answer-service.ts";
import { serviceCaller } from "../../http/caller.ts";
import { readJson, readOptionalJson } from "../../http/read-json.ts";
import { respond } from "../../http/respond.ts";
import { issuerAddress } from "../issuer-address.ts";
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
import { deleteOwnClient, readOwnClient, updateOwnClient } from "./own-client.ts";

const raw = { parse: "none" } as const;
const PATH = "/auth/v1/admin/oauth/clients";

const REGISTER = "/auth/v1/oauth/clients/register";
const BEARER = /^bearer +([A-Za-z0-9_-]{1,256})$/i;

export function clientRoutes(state: AuthState) {
  return new Elysia({ name: "auth.oauth_clients" })
    .use(ownClientRoutes(state))
    .use(adminClientRoutes(state));
}

function ownClientRoutes(state: AuthState) {
  const issuerOf = async (request: Request) => {
    const { tenant, origin } = contextOf(request);
    return issuerAddress(await state.deps.project(tenant), origin);
  };
  const ownOf = async (request: Request, id: string) => ({
    id,
    token: BEARER.exec(request.headers.get("authorization") ?? "")?.[1] ?? "",
    issuer: await issuerOf(request),
  });
  return new Elysia({ name: "auth.oauth_clients.own" })
    .post(
      REGISTER,
      ({ request }) =>
        respondOAuth(request, async () => {
          const caller = oauthCaller(state, request);
          const body = await readJson(request);
          return {
            status: 201,
            body: await registerClient(state, caller, await issuerOf(request), body),
          };
        }),
      { ...raw, ...oauthDocs.registerClient },
    )
    .get(
      `${REGISTER}/:client_id`,
      ({ request, params }) =>
        respondOAuth(request, async () => {
          const caller = oauthCaller(state, request);
          return {
            body: await readOwnClient(state, caller, await ownOf(request, params.client_id)),
          };
        }),
      oauthDocs.readOwnClient,
    )
    .put(
      `${REGISTER}/:client_id`,
      ({ request, params }) =>
        respondOAuth(request, async () => {
          const caller = oauthCaller(state, request);
          const own = await ownOf(request, params.client_id);
          return { body: await updateOwnClient(state, caller, own, await readJson(request)) };
        }),
      { ...raw, ...oauthDocs.updateOwnClient },
    )
    .delete(
      `${REGISTER}/:client_id`,
      ({ request, params }) =>
        respondOAuth(request, async () => {
          const caller = oauthCaller(state, request);
          await deleteOwnClient(state, caller, await ownOf(request, params.client_id));
          return { status: 204 };
        }),
      oauthDocs.deleteOwnClient,
    );
}

function adminClientRoutes(state: AuthState) {
  return new Elysia({ name: "auth.oauth_clients.admin" })
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
        answerService(state, request, async (caller, body) => ({
          status: 201,
          body: await adminCreateClient(state, caller, body),
        })),
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
        answerService(
          state,
          request,
          async (caller) => ({
            body: await adminRegenerateSecret(state, caller, params.client_id),
          }),
          readOptionalJson,
        ),
      { ...raw, ...oauthDocs.adminRegenerateSecret },
    );
}
