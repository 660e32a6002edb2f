/** POSTs of the project's own server: proven, read, and done once for an `Idempotency-Key`. */
import type { AuthState, Caller } from "../auth-state.ts";
import type { JsonObject } from "../schema.ts";
import { serviceCaller } from "./caller.ts";
import { idempotent } from "./idempotent.ts";
import { readJson } from "./read-json.ts";
import { type Reply, respond } from "./respond.ts";

/**
 * Answers the secret key's holder with what `work` returns.
 * @param read of the body. Default: JSON that must be there.
 */
export function answerService(
  state: AuthState,
  request: Request,
  work: (caller: Caller, body: JsonObject) => Promise<Reply>,
  read: (request: Request) => Promise<JsonObject> = readJson,
): Promise<Response> | Response {
  return respond(request, async () => {
    const caller = await serviceCaller(request);
    const body = await read(request);
    const { pathname, search } = new URL(request.url);
    const key = request.headers.get("idempotency-key");
    // Where a link leads is asked for in the query.
    const once = { key, scope: `POST:${pathname}`, body: { search, body } };
    return idempotent(state, caller, once, () => work(caller, body));
  });
}
