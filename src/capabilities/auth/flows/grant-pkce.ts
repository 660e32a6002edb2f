/**
 * `POST /auth/v1/token?grant_type=pkce`: exchanges the code of a finished flow for a session, for
 * who holds the verifier. A code works once: presenting it with a wrong verifier spends it too,
 * because then somebody else has seen it.
 */
import type { TransactionSql } from "postgres";
import { isBanned } from "../accounts/is-banned.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { hasVerifiedFactor } from "../factors/aal.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { linkIdentity, tellOfLink } from "../identities/link-identity.ts";
import type { IdentityRow, JsonObject, UserRow } from "../schema.ts";
import { type IssuedSession, type TokenAnswer, tokenAnswer } from "../sessions/issue-session.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { answersChallenge } from "./code-challenge.ts";
import { hashFlowCode, isFlowCode, type ProviderTokens } from "./flow-code.ts";
import type { FlowLoad } from "./flow-state.ts";
import { createFlowStore } from "./flow-store.ts";
import { openBy } from "./seal-by.ts";
import { signInByFlow } from "./sign-in-by-flow.ts";

/** With the provider's tokens, where a provider gave them: GoTrue hands them on once, and so do we. */
export type PkceAnswer = TokenAnswer & {
  readonly provider_token?: string;
  readonly provider_refresh_token?: string;
};

interface Exchanged {
  readonly load: FlowLoad;
  readonly user: UserRow;
  readonly identities: readonly IdentityRow[];
  readonly issued: IssuedSession;
}

/** Returned, not thrown: the code stays spent. */
interface Refused {
  readonly refused:
    | "flow_state_not_found"
    | "flow_state_expired"
    | "bad_code_verifier"
    | "user_banned";
}

interface Presented {
  readonly code: string;
  readonly verifier: string;
}

/**
 * @throws validation_failed, flow_state_not_found, flow_state_expired, bad_code_verifier, user_banned,
 * identity_already_exists
 */
export async function grantPkce(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<PkceAnswer> {
  await limitByAddress(state, caller, "pkce", state.config.rate_limit_token_exchange);
  const presented = readBody(body);
  const outcome = await inTransaction(state.sql(caller.tenant), (store, tx) =>
    exchange(state, store, tx, caller, presented),
  );
  if ("refused" in outcome) throw authErrors[outcome.refused]();
  const { load, user, identities, issued } = outcome;
  if (load.link) state.outbox.wake(caller.tenant);
  const answer = await tokenAnswer(state, caller, user, identities, issued);
  return { ...answer, ...providerTokens(load.tokens) };
}

function readBody(body: JsonObject): Presented {
  const code = textOf(body, "auth_code");
  const verifier = textOf(body, "code_verifier");
  if (code === "" || verifier === "") {
    throw authErrors.validation_failed(
      "invalid request: both auth code and code verifier should be non-empty",
    );
  }
  if (!isFlowCode(code)) throw authErrors.flow_state_not_found();
  return { code, verifier };
}

async function exchange(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  { code, verifier }: Presented,
): Promise<Exchanged | Refused> {
  const flow = await createFlowStore(tx).take(hashFlowCode(code));
  if (!flow?.user_id || !flow.auth_code_issued_at) return { refused: "flow_state_not_found" };
  const endsAt = flow.auth_code_issued_at.getTime() + state.config.flow_code_ttl_s * 1000;
  if (endsAt <= state.deps.clock.now()) return { refused: "flow_state_expired" };
  const challenge = { challenge: flow.code_challenge, method: flow.code_challenge_method };
  if (!answersChallenge(challenge, verifier)) return { refused: "bad_code_verifier" };
  const found = await store.lockUser(flow.user_id);
  if (!found || found.deleted_at) return { refused: "flow_state_not_found" };
  if (isBanned(found, state.now())) return { refused: "user_banned" };
  const load = flow.provider_tokens
    ? await openBy<FlowLoad>(code, flow.provider_tokens)
    : { tokens: null };
  const user = load.link
    ? await linkIdentity(state, store, tx, caller, found.id, load.link)
    : found;
  if (load.link) await tellOfLink(state, caller, tx, user, load.link.provider);
  // A factor that was removed since proves nothing any more.
  const proof = hasVerifiedFactor(state, user) ? load.proof : undefined;
  const { endsAtMs = null } = load;
  if (endsAtMs !== null && endsAtMs <= state.deps.clock.now()) {
    return { refused: "flow_state_expired" };
  }
  const way = { method: flow.authentication_method, provider: flow.provider_type, proof, endsAtMs };
  return { load, ...(await signInByFlow(state, store, caller, user, way)) };
}

/** As GoTrue names them in the answer of a sign-in. */
export function providerTokens(tokens: ProviderTokens | null) {
  if (!tokens) return {};
  const { accessToken, refreshToken } = tokens;
  return {
    provider_token: accessToken,
    ...(refreshToken === null ? {} : { provider_refresh_token: refreshToken }),
  };
}
