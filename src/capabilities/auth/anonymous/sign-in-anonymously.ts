/**
 * `POST /auth/v1/signup` without any credential: an account that only this session leads into, until
 * its person adds an address, a number or a provider (`PUT /user`, `/user/identities/authorize`).
 */
import { createUser } from "../accounts/create-user.ts";
import { firstSession } from "../accounts/first-session.ts";
import { checkMetadata } from "../accounts/metadata.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { beforeUserCreated } from "../hooks/before-user-created.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { objectOf } from "../http/read-json.ts";
import type { JsonObject } from "../schema.ts";
import { type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { inTransaction } from "../store.ts";

/** @throws anonymous_provider_disabled, over_request_rate_limit, what the hook answers */
export async function signInAnonymously(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<TokenAnswer> {
  const { config, deps } = state;
  if (!config.anonymous_sign_ins) throw authErrors.anonymous_provider_disabled();
  await limitByAddress(state, caller, "anonymous", config.rate_limit_anonymous);
  const id = deps.ids.uuid();
  const userMetadata = checkMetadata("user_metadata", objectOf(body, "data") ?? {});
  const coming = { id, email: null, userMetadata, appMetadata: {} };
  await beforeUserCreated(state, caller, { ...coming, isAnonymous: true });
  const done = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const draft = {
      ...coming,
      passwordHash: null,
      role: "authenticated",
      confirmed: false,
      bannedUntil: null,
      isAnonymous: true,
    };
    const created = await createUser(state, store, tx, caller, draft);
    if (!created) throw new Error("a new id was taken");
    return firstSession(state, store, caller, created, "anonymous");
  });
  return tokenAnswer(state, caller, done.user, done.identities, done.issued);
}
