/** The routes of `/auth/v1/admin`: the secret key only. */
import { Elysia } from "elysia";
import { contextOf } from "../../../core/context.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { answerService } from "../http/answer-service.ts";
import { serviceCaller } from "../http/caller.ts";
import { readJson, readOptionalJson } from "../http/read-json.ts";
import { respond } from "../http/respond.ts";
import { docs } from "../http/route-docs.ts";
import type { JsonObject } from "../schema.ts";
import { adminCreateUser } from "./admin-create-user.ts";
import { adminDeleteUser } from "./admin-delete-user.ts";
import { adminGetUser } from "./admin-get-user.ts";
import { adminListAudit } from "./admin-list-audit.ts";
import { adminListUsers } from "./admin-list-users.ts";
import { adminUpdateUser } from "./admin-update-user.ts";
import { eraseUser } from "./erase-user.ts";
import { exportUser } from "./export-user.ts";
import { impersonateUser } from "./impersonate-user.ts";
import { IMPORT_BYTES_MAX, importUsers } from "./import-users.ts";
import { mergeUsers } from "./merge-users.ts";
import { adminDocs } from "./route-docs.ts";

const raw = { parse: "none" } as const;

const queryOf = (request: Request) => new URL(request.url).searchParams;

export function adminRoutes(state: AuthState) {
  return new Elysia({ name: "auth.admin" })
    .use(personRoutes(state))
    .post(
      "/auth/v1/admin/users",
      ({ request }) =>
        answerService(state, request, async (caller, body) => ({
          body: await adminCreateUser(state, caller, body),
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
    .put(
      "/auth/v1/admin/users/:id",
      ({ request, params }) =>
        respond(request, async () => {
          const caller = await serviceCaller(request);
          return { body: await adminUpdateUser(state, caller, params.id, await readJson(request)) };
        }),
      { ...raw, ...adminDocs.updateUser },
    )
    .get(
      "/auth/v1/admin/audit",
      ({ request }) =>
        respond(request, async () => {
          const url = `${contextOf(request).origin}/auth/v1/admin/audit`;
          return adminListAudit(state, await serviceCaller(request), queryOf(request), url);
        }),
      adminDocs.audit,
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

/** What is done with whole people. */
function personRoutes(state: AuthState) {
  const once = (request: Request, work: (caller: Caller, body: JsonObject) => Promise<unknown>) =>
    answerService(
      state,
      request,
      async (caller, body) => ({ body: await work(caller, body) }),
      readOptionalJson,
    );
  return new Elysia({ name: "auth.admin.people" })
    .post(
      "/auth/v1/admin/users/import",
      ({ request }) =>
        answerService(
          state,
          request,
          async (caller, body) => ({ body: await importUsers(state, caller, body) }),
          (sent) => readJson(sent, IMPORT_BYTES_MAX),
        ),
      { ...raw, ...adminDocs.importUsers },
    )
    .post(
      "/auth/v1/admin/users/:id/impersonate",
      ({ request, params }) =>
        once(request, (caller, body) => impersonateUser(state, caller, params.id, body)),
      { ...raw, ...adminDocs.impersonate },
    )
    .post(
      "/auth/v1/admin/users/:id/merge",
      ({ request, params }) =>
        once(request, (caller, body) => mergeUsers(state, caller, params.id, body)),
      { ...raw, ...adminDocs.merge },
    )
    .post(
      "/auth/v1/admin/users/:id/erase",
      ({ request, params }) =>
        once(request, (caller, body) => eraseUser(state, caller, params.id, body)),
      { ...raw, ...adminDocs.erase },
    )
    .get(
      "/auth/v1/admin/users/:id/export",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await exportUser(state, await serviceCaller(request), params.id),
        })),
      adminDocs.exportUser,
    );
}
