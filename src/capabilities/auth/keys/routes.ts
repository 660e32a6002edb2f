/** The routes of the signing keys, for holders of the secret key. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { answerService } from "../http/answer-service.ts";
import { serviceCaller } from "../http/caller.ts";
import { respond } from "../http/respond.ts";
import { listSigningKeys, removeSigningKey, rotateSigningKey } from "./rotate-keys.ts";
import { keyDocs } from "./route-docs.ts";

const raw = { parse: "none" } as const;

export function keyRoutes(state: AuthState) {
  return new Elysia({ name: "auth.keys" })
    .get(
      "/auth/v1/admin/keys",
      ({ request }) =>
        respond(request, async () => ({
          body: await listSigningKeys(state, await serviceCaller(request)),
        })),
      keyDocs.list,
    )
    .post(
      "/auth/v1/admin/keys/rotate",
      ({ request }) =>
        answerService(state, request, async (caller, body) => ({
          body: await rotateSigningKey(state, caller, body["force"] === true),
        })),
      { ...raw, ...keyDocs.rotate },
    )
    .delete(
      "/auth/v1/admin/keys/:kid",
      ({ request, params }) =>
        respond(request, async () => ({
          body: await removeSigningKey(state, await serviceCaller(request), params.kid),
        })),
      { ...raw, ...keyDocs.remove },
    );
}
