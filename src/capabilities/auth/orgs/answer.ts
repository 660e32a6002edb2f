/** Routes whose caller is an `OrgActor`: who asks, then the work, then an answer. */
import type { AuthState } from "../auth-state.ts";
import { idempotent } from "../http/idempotent.ts";
import { readJson } from "../http/read-json.ts";
import { respond } from "../http/respond.ts";
import type { JsonObject } from "../schema.ts";
import { type OrgActor, userIdOf } from "./actor.ts";

/** @param admit proves the actor of a request, or throws */
export function answersTo(
  state: AuthState,
  admit: (state: AuthState, request: Request) => Promise<OrgActor>,
) {
  return {
    /** Answers what `work` returns; nothing is 204. */
    answer: (request: Request, work: (actor: OrgActor) => Promise<unknown>) =>
      respond(request, async () => {
        const body = await work(await admit(state, request));
        return body === undefined ? {} : { body };
      }),
    /** With the body, and once for an Idempotency-Key. Answers 201. */
    create: (request: Request, work: (actor: OrgActor, body: JsonObject) => Promise<unknown>) =>
      respond(request, async () => {
        const actor = await admit(state, request);
        const body = await readJson(request);
        const key = request.headers.get("idempotency-key");
        const scope = `POST:${new URL(request.url).pathname}:${userIdOf(actor) ?? ""}`;
        return idempotent(state, actor.caller, { key, scope, body }, async () => ({
          status: 201,
          body: await work(actor, body),
        }));
      }),
  };
}
