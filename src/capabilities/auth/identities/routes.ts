/** The routes of a person's own identities. */
import { Elysia } from "elysia";
import { presentCurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState } from "../auth-state.ts";
import { userCaller } from "../http/caller.ts";
import { respond } from "../http/respond.ts";
import { providerDocs as docs } from "../providers/route-docs.ts";
import { unlinkIdentity } from "./unlink-identity.ts";

export function identityRoutes(state: AuthState) {
  return new Elysia({ name: "auth.identities" })
    .get(
      "/auth/v1/user/identities",
      ({ request }) =>
        respond(request, async () => {
          const user = await presentCurrentUser(state, ...(await userCaller(state, request)));
          return { body: { identities: user["identities"] } };
        }),
      docs.identities,
    )
    .delete(
      "/auth/v1/user/identities/:id",
      ({ request, params }) =>
        respond(request, async () => {
          await unlinkIdentity(state, ...(await userCaller(state, request)), params.id);
          return { body: {} };
        }),
      docs.unlink,
    );
}
