/** The routes of SAML: signing in, what identity providers need, and their administration. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { answerService } from "../http/answer-service.ts";
import { anyCaller, openCaller, serviceCaller } from "../http/caller.ts";
import { flagOf, readJson } from "../http/read-json.ts";
import { type Reply, respond } from "../http/respond.ts";
import { readCallbackForm } from "../providers/read-callback-form.ts";
import { finishResponse, receiveResponse } from "./acs.ts";
import {
  createSsoProvider,
  deleteSsoProvider,
  getSsoProvider,
  listSsoProviders,
  updateSsoProvider,
} from "./admin-sso-providers.ts";
import { beginSso } from "./begin-sso.ts";
import { samlDocs as docs } from "./route-docs.ts";
import { describeServiceProvider, spNames } from "./service-provider.ts";

const raw = { parse: "none" } as const;
/** Metadata as text in JSON. */
const METADATA_BYTES_MAX = 512 * 1024;
/** Responses with many groups and an encrypted assertion. */
const RESPONSE_BYTES_MAX = 256 * 1024;

const queryOf = (request: Request) => new URL(request.url).searchParams;

const go = (location: string): Reply => ({
  status: 303,
  headers: { Location: location, "Referrer-Policy": "no-referrer" },
});

export function samlRoutes(state: AuthState) {
  return new Elysia({ name: "auth.saml" })
    .post(
      "/auth/v1/sso",
      ({ request }) =>
        respond(request, async () => {
          const caller = await openCaller(state, request);
          const body = await readJson(request);
          const url = await beginSso(state, caller, request, body);
          return flagOf(body, "skip_http_redirect") ? { body: { url } } : go(url);
        }),
      { ...raw, ...docs.begin },
    )
    .post(
      "/auth/v1/sso/saml/acs",
      ({ request }) =>
        respond(request, async () => {
          const form = await readCallbackForm(request, RESPONSE_BYTES_MAX);
          return go(await receiveResponse(state, await anyCaller(request), request, form));
        }),
      { ...raw, ...docs.acs },
    )
    .get(
      "/auth/v1/sso/saml/acs",
      ({ request }) =>
        respond(request, async () =>
          go(await finishResponse(state, await anyCaller(request), request, queryOf(request))),
        ),
      docs.acs,
    )
    .get(
      "/auth/v1/sso/saml/metadata",
      ({ request }) =>
        respond(request, async () => {
          if (!state.config.saml.enabled) throw authErrors.saml_provider_disabled();
          const { tenant } = await anyCaller(request);
          const xml = await describeServiceProvider(state, tenant, spNames(state, request));
          const isFile = queryOf(request).get("download") === "true";
          return {
            text: xml,
            headers: {
              "Content-Type": "application/samlmetadata+xml; charset=utf-8",
              ...(isFile ? { "Content-Disposition": 'attachment; filename="metadata.xml"' } : {}),
            },
          };
        }),
      docs.metadata,
    )
    .use(ssoAdminRoutes(state));
}

function ssoAdminRoutes(state: AuthState) {
  return new Elysia({ name: "auth.saml.admin" })
    .get(
      "/auth/v1/admin/sso/providers",
      ({ request }) =>
        respond(request, async () => ({
          body: await listSsoProviders(state, await serviceCaller(request)),
        })),
      docs.list,
    )
    .post(
      "/auth/v1/admin/sso/providers",
      ({ request }) =>
        answerService(
          state,
          request,
          async (caller, body) => ({
            status: 201,
            body: await createSsoProvider(state, caller, body),
          }),
          (sent) => readJson(sent, METADATA_BYTES_MAX),
        ),
      { ...raw, ...docs.create },
    )
    .get(
      "/auth/v1/admin/sso/providers/:id",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await getSsoProvider(state, await serviceCaller(request), params.id),
        })),
      docs.get,
    )
    .put(
      "/auth/v1/admin/sso/providers/:id",
      ({ request, params }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          return {
            body: await updateSsoProvider(
              state,
              caller,
              params.id,
              await readJson(request, METADATA_BYTES_MAX),
            ),
          };
        }),
      { ...raw, ...docs.update },
    )
    .delete(
      "/auth/v1/admin/sso/providers/:id",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await deleteSsoProvider(state, await serviceCaller(request), params.id),
        })),
      docs.remove,
    );
}
