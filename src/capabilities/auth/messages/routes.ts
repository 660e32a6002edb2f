/** `/auth/ui/_inbox`: what this server would have sent, for whoever develops with it. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { respond } from "../http/respond.ts";
import { answerMessage, answerMessageHtml, listMessages, showInbox } from "./inbox.ts";

const hidden = { detail: { hide: true } } as const;
const JSON_TYPE = "application/json";

const wantsJson = (request: Request) => request.headers.get("accept")?.includes(JSON_TYPE) === true;

export function inboxRoutes(state: AuthState) {
  return new Elysia({ name: "auth.inbox" })
    .get(
      "/auth/ui/_inbox",
      ({ request }) =>
        wantsJson(request)
          ? respond(request, () => listMessages(state, request))
          : showInbox(state, request),
      hidden,
    )
    .get(
      "/auth/ui/_inbox/:id",
      ({ request, params }) => answerMessage(state, request, params.id),
      hidden,
    )
    .get(
      "/auth/ui/_inbox/:id/html",
      ({ request, params }) => answerMessageHtml(state, request, params.id),
      hidden,
    );
}
