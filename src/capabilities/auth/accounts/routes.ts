/** The routes of people's own accounts and sessions. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { anyCaller, openCaller, userCaller } from "../http/caller.ts";
import { idempotent } from "../http/idempotent.ts";
import { readJson } from "../http/read-json.ts";
import { respond } from "../http/respond.ts";
import { docs } from "../http/route-docs.ts";
import { redirectOf } from "../mailed/read-request.ts";
import { grantToken } from "../sessions/grant-token.ts";
import { logOut } from "../sessions/log-out.ts";
import { presentCurrentUser } from "./find-current-user.ts";
import { signUp } from "./sign-up.ts";
import { updateUser } from "./update-user.ts";

const raw = { parse: "none" } as const;

const queryOf = (request: Request) => new URL(request.url).searchParams;

export function accountRoutes(state: AuthState) {
  return new Elysia({ name: "auth.accounts" })
    .post(
      "/auth/v1/signup",
      ({ request }) =>
        respond(request, async () => {
          const caller = await anyCaller(request);
          const body = await readJson(request);
          const key = request.headers.get("idempotency-key");
          const once = { key, scope: "POST:/auth/v1/signup", body };
          return idempotent(state, caller, once, async () => ({
            body: await signUp(state, caller, body, redirectOf(state, request)),
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
            request,
          ),
        })),
      { ...raw, ...docs.token },
    )
    .get(
      "/auth/v1/user",
      ({ request }) =>
        respond(request, async () => ({
          body: await presentCurrentUser(state, ...(await userCaller(state, request, "delegated"))),
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
            redirectOf(state, request),
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
