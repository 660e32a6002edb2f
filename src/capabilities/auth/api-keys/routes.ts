/** The routes of API keys: path, document and one call each. */
import { Elysia } from "elysia";
import type { AuthState } from "../auth-state.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { readJson, readOptionalJson } from "../http/read-json.ts";
import { type OrgActor, orgActor, userIdOf } from "../orgs/actor.ts";
import { answersTo } from "../orgs/answer.ts";
import { createKey } from "./create-key.ts";
import { decideAction, listActions } from "./manage-actions.ts";
import {
  approveKey,
  getKey,
  listKeys,
  requireKeys,
  revokeKey,
  rotateKey,
  updateKey,
} from "./manage-keys.ts";
import { keyDocs } from "./route-docs.ts";

const raw = { parse: "none" } as const;
const KEY = "/auth/v1/api-keys/:id";

async function keyActor(state: AuthState, request: Request): Promise<OrgActor> {
  requireKeys(state);
  const actor = await orgActor(state, request);
  const userId = userIdOf(actor);
  if (userId !== null) {
    const limit = state.config.rate_limit_api_keys;
    await limitByIdentity(state, actor.caller, "api_keys", userId, limit);
  }
  return actor;
}

export function apiKeyRoutes(state: AuthState) {
  const { answer, create } = answersTo(state, keyActor);
  return new Elysia({ name: "auth.api_keys" })
    .get(
      "/auth/v1/api-keys",
      ({ request }) =>
        answer(request, (actor) => listKeys(state, actor, new URL(request.url).searchParams)),
      keyDocs.list,
    )
    .post(
      "/auth/v1/api-keys",
      ({ request }) => create(request, (actor, body) => createKey(state, actor, body)),
      { ...raw, ...keyDocs.create },
    )
    .get(
      KEY,
      ({ request, params }) => answer(request, (actor) => getKey(state, actor, params["id"])),
      keyDocs.get,
    )
    .patch(
      KEY,
      ({ request, params }) =>
        answer(request, async (actor) =>
          updateKey(state, actor, params["id"], await readJson(request)),
        ),
      { ...raw, ...keyDocs.update },
    )
    .delete(
      KEY,
      ({ request, params }) => answer(request, (actor) => revokeKey(state, actor, params["id"])),
      keyDocs.revoke,
    )
    .post(
      `${KEY}/rotate`,
      ({ request, params }) =>
        answer(request, async (actor) =>
          rotateKey(state, actor, params["id"], await readOptionalJson(request)),
        ),
      { ...raw, ...keyDocs.rotate },
    )
    .post(
      `${KEY}/approve`,
      ({ request, params }) => answer(request, (actor) => approveKey(state, actor, params["id"])),
      { ...raw, ...keyDocs.approve },
    )
    .get(
      "/auth/v1/approvals",
      ({ request }) =>
        answer(request, (actor) => listActions(state, actor, new URL(request.url).searchParams)),
      keyDocs.approvals,
    )
    .post(
      "/auth/v1/approvals/:id/approve",
      ({ request, params }) =>
        answer(request, (actor) => decideAction(state, actor, params.id, "approved")),
      { ...raw, ...keyDocs.approveAction },
    )
    .post(
      "/auth/v1/approvals/:id/deny",
      ({ request, params }) =>
        answer(request, (actor) => decideAction(state, actor, params.id, "denied")),
      { ...raw, ...keyDocs.denyAction },
    );
}
