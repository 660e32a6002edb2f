/** The routes of `/auth/v1`: path, document and one call each. Bodies are read by the operations. */
import { Elysia } from "elysia";
import { contextOf } from "../../core/context.ts";
import { base } from "../../core/http.ts";
import { adminCreateUser } from "./admin-create-user.ts";
import { adminDeleteUser } from "./admin-delete-user.ts";
import { adminGetUser } from "./admin-get-user.ts";
import { adminListUsers } from "./admin-list-users.ts";
import type { AuthState } from "./auth-state.ts";
import { anyCaller, openCaller, serviceCaller, userCaller } from "./caller.ts";
import { describeIssuer, describeKeys, describeSettings } from "./describe-issuer.ts";
import { presentCurrentUser } from "./find-current-user.ts";
import { grantToken } from "./grant-token.ts";
import { idempotent } from "./idempotent.ts";
import { logOut } from "./log-out.ts";
import { readJson, readOptionalJson } from "./read-json.ts";
import { respond } from "./respond.ts";
import { docs } from "./route-docs.ts";
import { signUp } from "./sign-up.ts";
import { updateUser } from "./update-user.ts";
import { verifyCaller } from "./verify-caller.ts";

const raw = { parse: "none" } as const;
const PUBLIC = { "Cache-Control": "public, max-age=300" } as const;

export function authRoutes(state: AuthState) {
  return new Elysia({ name: "auth" })
    .use(base())
    .use(personRoutes(state))
    .use(issuerRoutes(state))
    .use(adminRoutes(state));
}

function personRoutes(state: AuthState) {
  return new Elysia({ name: "auth.person" })
    .post(
      "/auth/v1/signup",
      ({ request }) =>
        respond(request, async () => {
          const caller = await anyCaller(request);
          const body = await readJson(request);
          const key = request.headers.get("idempotency-key");
          const once = { key, scope: "POST:/auth/v1/signup", body };
          return idempotent(state, caller, once, async () => ({
            body: await signUp(state, caller, body),
          }));
        }),
      { ...raw, ...docs.signUp },
    )
    .post(
      "/auth/v1/token",
      ({ request }) =>
        respond(request, async () => ({
          body: await grantToken(
            state,
            await openCaller(state, request),
            queryOf(request).get("grant_type"),
            await readJson(request),
          ),
        })),
      { ...raw, ...docs.token },
    )
    .get(
      "/auth/v1/user",
      ({ request }) =>
        respond(request, async () => ({
          body: await presentCurrentUser(state, ...(await userCaller(state, request))),
        })),
      docs.getUser,
    )
    .put(
      "/auth/v1/user",
      ({ request }) =>
        respond(request, async () => ({
          body: await updateUser(
            state,
            ...(await userCaller(state, request)),
            await readJson(request),
          ),
        })),
      { ...raw, ...docs.updateUser },
    )
    .post(
      "/auth/v1/logout",
      ({ request }) =>
        respond(request, async () => {
          const scope = queryOf(request).get("scope");
          await logOut(state, ...(await userCaller(state, request)), scope);
          return {};
        }),
      { ...raw, ...docs.logOut },
    );
}

function issuerRoutes(state: AuthState) {
  const { config, deps } = state;
  return new Elysia({ name: "auth.issuer" })
    .get(
      "/auth/v1/.well-known/jwks.json",
      ({ request }) =>
        respond(request, async () => ({
          body: describeKeys(await deps.project(tenantOf(request))),
          headers: PUBLIC,
        })),
      docs.keys,
    )
    .get(
      "/auth/v1/.well-known/openid-configuration",
      ({ request }) =>
        respond(request, async () => ({
          body: describeIssuer(await deps.project(tenantOf(request)), contextOf(request).origin),
          headers: PUBLIC,
        })),
      docs.issuer,
    )
    .get(
      "/auth/v1/settings",
      ({ request }) => respond(request, () => ({ body: describeSettings(config) })),
      docs.settings,
    )
    .get(
      "/auth/v1/health",
      ({ request }) =>
        respond(request, () => ({
          body: { name: "Reactor", description: "Identity" },
        })),
      docs.health,
    )
    .post(
      "/auth/v1/_verify",
      ({ request }) => respond(request, async () => ({ body: await verifyCaller(request) })),
      { ...raw, ...docs.verify },
    );
}

function adminRoutes(state: AuthState) {
  return new Elysia({ name: "auth.admin" })
    .post(
      "/auth/v1/admin/users",
      ({ request }) =>
        respond(request, async () => ({
          body: await adminCreateUser(state, await serviceCaller(request), await readJson(request)),
        })),
      { ...raw, ...docs.adminCreateUser },
    )
    .get(
      "/auth/v1/admin/users",
      ({ request }) =>
        respond(request, async () => {
          const url = `${contextOf(request).origin}/auth/v1/admin/users`;
          return adminListUsers(state, await serviceCaller(request), queryOf(request), url);
        }),
      docs.adminListUsers,
    )
    .get(
      "/auth/v1/admin/users/:id",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await adminGetUser(state, await serviceCaller(request), params.id),
        })),
      docs.adminGetUser,
    )
    .delete(
      "/auth/v1/admin/users/:id",
      ({ request, params }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          await adminDeleteUser(state, caller, params.id, await readOptionalJson(request));
          return { body: {} };
        }),
      { ...raw, ...docs.adminDeleteUser },
    );
}

const queryOf = (request: Request) => new URL(request.url).searchParams;

const tenantOf = (request: Request) => contextOf(request).tenant;
