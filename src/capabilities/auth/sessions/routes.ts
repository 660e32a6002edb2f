/** The routes of sessions, a person's own and those the project's server looks after. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { serviceCaller, userCaller } from "../http/caller.ts";
import { respond } from "../http/respond.ts";
import {
  adminEndSessions,
  adminListSessions,
  endSession,
  listSessions,
} from "./manage-sessions.ts";
import { sessionDocs } from "./route-docs.ts";

const raw = { parse: "none" } as const;

export function sessionRoutes(state: AuthState) {
  const endFor = (request: Request, userId: string, id: string | null) =>
    respond(request, async () => {
      await adminEndSessions(state, await serviceCaller(request), userId, id);
      return {};
    });
  return new Elysia({ name: "auth.sessions" })
    .get(
      "/auth/v1/user/sessions",
      ({ request }) =>
        respond(request, async () => ({
          body: await listSessions(state, ...(await userCaller(state, request))),
        })),
      sessionDocs.list,
    )
    .delete(
      "/auth/v1/user/sessions/:session",
      ({ request, params }) =>
        respond(request, async () => {
          await endSession(state, ...(await userCaller(state, request)), params.session);
          return {};
        }),
      { ...raw, ...sessionDocs.end },
    )
    .get(
      "/auth/v1/admin/users/:id/sessions",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await adminListSessions(state, await serviceCaller(request), params.id),
        })),
      sessionDocs.adminList,
    )
    .delete(
      "/auth/v1/admin/users/:id/sessions",
      ({ request, params }) => endFor(request, params.id, null),
      { ...raw, ...sessionDocs.adminEndAll },
    )
    .delete(
      "/auth/v1/admin/users/:id/sessions/:session",
      ({ request, params }) => endFor(request, params.id, params.session),
      { ...raw, ...sessionDocs.adminEnd },
    );
}
