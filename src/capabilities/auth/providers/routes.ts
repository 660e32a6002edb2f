/** The routes of sign-in through others. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { answerService } from "../http/answer-service.ts";
import { anyCaller, openCaller, serviceCaller, userCaller } from "../http/caller.ts";
import { readJson } from "../http/read-json.ts";
import { type Reply, respond } from "../http/respond.ts";
import {
  createCustomProvider,
  deleteCustomProvider,
  getCustomProvider,
  listCustomProviders,
  updateCustomProvider,
} from "./admin-custom-providers.ts";
import { authorize, authorizeLink, type Departure } from "./authorize.ts";
import { callback } from "./callback.ts";
import { readCallbackForm } from "./read-callback-form.ts";
import { providerDocs as docs } from "./route-docs.ts";

const raw = { parse: "none" } as const;

const queryOf = (request: Request) => new URL(request.url).searchParams;

/** Neither the page it came from nor one after it learns of codes in addresses. */
const PRIVATE = { "Referrer-Policy": "no-referrer" } as const;

function redirect({ location, cookie }: Departure, status = 302): Reply {
  const withCookie = cookie === null ? {} : { "Set-Cookie": cookie };
  return { status, headers: { Location: location, ...withCookie, ...PRIVATE } };
}

export function providerRoutes(state: AuthState) {
  const answerCallback = (request: Request, query: URLSearchParams, named: string | null) =>
    respond(request, async () => {
      const caller = await anyCaller(request);
      const location = await callback(state, caller, request, query, named);
      return redirect({ location, cookie: null });
    });
  // A form sent by another site brings no cookies: the browser comes again by itself, and then does.
  const bounce = (request: Request) =>
    respond(request, async () => {
      const query = await readCallbackForm(request);
      const { pathname } = new URL(request.url);
      return redirect({ location: `${pathname}?${query.toString()}`, cookie: null }, 303);
    });
  return new Elysia({ name: "auth.providers" })
    .get(
      "/auth/v1/authorize",
      ({ request }) =>
        respond(request, async () =>
          redirect(await authorize(state, await openCaller(state, request), request)),
        ),
      docs.authorize,
    )
    .get(
      "/auth/v1/callback",
      ({ request }) => answerCallback(request, queryOf(request), null),
      docs.callback,
    )
    .get(
      "/auth/v1/callback/:provider",
      ({ request, params }) => answerCallback(request, queryOf(request), params.provider),
      docs.callback,
    )
    .post("/auth/v1/callback", ({ request }) => bounce(request), { ...raw, ...docs.callback })
    .post("/auth/v1/callback/:provider", ({ request }) => bounce(request), {
      ...raw,
      ...docs.callback,
    })
    .get(
      "/auth/v1/user/identities/authorize",
      ({ request }) =>
        respond(request, async () => {
          const [caller, current] = await userCaller(state, request);
          const departure = await authorizeLink(state, caller, current, request);
          const isAsked = queryOf(request).get("skip_http_redirect") === "true";
          return isAsked ? { body: { url: departure.location } } : redirect(departure);
        }),
      docs.linkAuthorize,
    )
    .use(customProviderRoutes(state));
}

function customProviderRoutes(state: AuthState) {
  return new Elysia({ name: "auth.providers.custom" })
    .get(
      "/auth/v1/admin/custom-providers",
      ({ request }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          return { body: await listCustomProviders(state, caller, queryOf(request).get("type")) };
        }),
      docs.listCustom,
    )
    .post(
      "/auth/v1/admin/custom-providers",
      ({ request }) =>
        answerService(state, request, async (caller, body) => ({
          status: 201,
          body: await createCustomProvider(state, caller, body),
        })),
      { ...raw, ...docs.createCustom },
    )
    .get(
      "/auth/v1/admin/custom-providers/:identifier",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await getCustomProvider(state, await serviceCaller(request), params.identifier),
        })),
      docs.getCustom,
    )
    .put(
      "/auth/v1/admin/custom-providers/:identifier",
      ({ request, params: { identifier } }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          const body = await readJson(request);
          return { body: await updateCustomProvider(state, caller, identifier, body) };
        }),
      { ...raw, ...docs.updateCustom },
    )
    .delete(
      "/auth/v1/admin/custom-providers/:identifier",
      ({ request, params }) =>
        respond(request, async () => {
          await deleteCustomProvider(state, await serviceCaller(request), params.identifier);
          return {};
        }),
      docs.deleteCustom,
    );
}
