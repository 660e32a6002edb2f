/**
 * `POST /auth/v1/token?grant_type=pkce`: exchanges the code of a finished flow for a session, for
 * who holds the verifier. A code works once: presenting it with a wrong verifier spends it too,
 * because then somebody else has seen it.
 */
import { isBanned } from "../accounts/is-banned.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import type { IdentityRow, JsonObject, UserRow } from "../schema.ts";
import { type IssuedSession, type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { answersChallenge } from "./code-challenge.ts";
import { hashFlowCode, isFlowCode, openTokens } from "./flow-code.ts";
import { createFlowStore, type FlowRow } from "./flow-store.ts";
import { signInByFlow } from "./sign-in-by-flow.ts";

/** With the provider's tokens, where a provider gave them: GoTrue hands them on once, and so do we. */
export type PkceAnswer = TokenAnswer & {
  readonly provider_token?: string;
  readonly provider_refresh_token?: string;
};

/** Returned, not thrown: the code stays spent. */
type Outcome =
  | { readonly refused: "flow_state_not_found" | "flow_state_expired" | "bad_code_verifier" }
  | { readonly refused: "user_banned" }
  | {
      readonly flow: FlowRow;
      readonly user: UserRow;
      readonly identities: readonly IdentityRow[];
      readonly issued: IssuedSession;
    };

/** @throws validation_failed, flow_state_not_found, flow_state_expired, bad_code_verifier, user_banned */
export async function grantPkce(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<PkceAnswer> {
  await limitByAddress(state, caller, "pkce", state.config.rate_limit_token_exchange);
  const code = textOf(body, "auth_code");
  const verifier = textOf(body, "code_verifier");
  if (code === "" || verifier === "") {
    throw authErrors.validation_failed(
      "invalid request: both auth code and code verifier should be non-empty",
    );
  }
  if (!isFlowCode(code)) throw authErrors.flow_state_not_found();
  const outcome = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const flow = await createFlowStore(tx).take(hashFlowCode(code));
    return exchange(state, store, caller, flow, verifier);
  });
  if ("refused" in outcome) throw authErrors[outcome.refused]();
  const { flow, user, identities, issued } = outcome;
  const answer = await tokenAnswer(state, caller, user, identities, issued);
  return { ...answer, ...(await providerTokens(code, flow)) };
}

async function exchange(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  flow: FlowRow | null,
  verifier: string,
): Promise<Outcome> {
  if (!flow?.user_id || !flow.auth_code_issued_at) return { refused: "flow_state_not_found" };
  const endsAt = flow.auth_code_issued_at.getTime() + state.config.flow_code_ttl_s * 1000;
  if (endsAt <= state.deps.clock.now()) return { refused: "flow_state_expired" };
  const challenge = { challenge: flow.code_challenge, method: flow.code_challenge_method };
  if (!answersChallenge(challenge, verifier)) return { refused: "bad_code_verifier" };
  const user = await store.lockUser(flow.user_id);
  if (!user || user.deleted_at) return { refused: "flow_state_not_found" };
  if (isBanned(user, state.now())) return { refused: "user_banned" };
  const way = { method: flow.authentication_method, provider: flow.provider_type };
  return { flow, ...(await signInByFlow(state, store, caller, user, way)) };
}

async function providerTokens(code: string, { provider_tokens: sealed }: FlowRow) {
  if (!sealed) return {};
  const { accessToken, refreshToken } = await openTokens(code, sealed);
  return {
    provider_token: accessToken,
    ...(refreshToken === null ? {} : { provider_refresh_token: refreshToken }),
  };
}
