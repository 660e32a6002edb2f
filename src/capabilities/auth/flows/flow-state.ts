/**
 * Sign-ins that end in a browser and are picked up by a client: `beginFlow` keeps the client's
 * challenge, `finishFlow` turns the person who was found into a one-time code for the redirect, and
 * `grantPkce` (`grant-pkce.ts`) exchanges it. Mailed links, providers, SAML and the hosted pages use
 * it; each in the transaction in which it does its own part.
 */
import type { Sql, TransactionSql } from "postgres";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { ExternalIdentity } from "../identities/external-identity.ts";
import { createOauthStateStore } from "../providers/oauth-state-store.ts";
import { readCodeChallenge } from "./code-challenge.ts";
import { hashFlowCode, newFlowCode, type ProviderTokens } from "./flow-code.ts";
import { createFlowStore } from "./flow-store.ts";
import { sealBy } from "./seal-by.ts";
import type { FlowProof } from "./sign-in-by-flow.ts";

/** What waits for the exchange, sealed by the code. */
export interface FlowLoad {
  readonly tokens: ProviderTokens | null;
  /** To be linked to the person when the client has shown its verifier. */
  readonly link?: ExternalIdentity;
  /** Of the pages' own session, when they hand its person on. */
  readonly proof?: FlowProof;
  /** The session ends then at the latest, milliseconds since the epoch; absent or null = as it does. */
  readonly endsAtMs?: number | null;
}

export interface FlowStart {
  /** As the client sent it; "" with the method for the implicit flow. */
  readonly codeChallenge: string;
  readonly codeChallengeMethod: string;
  /** The session's `amr` method: `oauth`, `otp`, `magiclink`, `recovery`, `sso/saml`, … */
  readonly method: string;
  /** The way in: `email`, `phone` or the name of a provider. */
  readonly provider: string;
  /** Null or absent when it is not known yet who signs in. */
  readonly userId?: string | null;
}

/** A flow may wait this long for its person: longer than any mailed link lives. */
const BEGUN_MAX_MS = 24 * 60 * 60 * 1000;

/**
 * Keeps a client's challenge. The id goes with the mailed token or the provider's state; null when
 * the client sent no challenge. @throws validation_failed
 */
export async function beginFlow(
  state: AuthState,
  sql: Sql | TransactionSql,
  start: FlowStart,
): Promise<string | null> {
  const read = readCodeChallenge(state, start.codeChallenge, start.codeChallengeMethod);
  if (!read) return null;
  const id = state.deps.ids.uuid();
  await createFlowStore(sql).insert({
    id,
    userId: start.userId ?? null,
    challenge: read.challenge,
    method: read.method,
    provider: start.provider,
    amrMethod: start.method,
    now: state.now(),
  });
  return id;
}

/**
 * The one-time code for `?code=` of the redirect; valid for `auth.flow_code_ttl_s`. A flow gets one
 * code, and for the person it was begun for. @throws flow_state_not_found
 */
export async function finishFlow(
  state: AuthState,
  sql: Sql | TransactionSql,
  flowId: string,
  userId: string,
  load: FlowLoad | null = null,
): Promise<string> {
  const { rng } = state.deps;
  const now = state.now();
  const code = newFlowCode(rng);
  const sealed = load && (await sealBy(rng, code, load));
  const since = new Date(now.getTime() - BEGUN_MAX_MS);
  const kept = { hash: hashFlowCode(code), sealed };
  const isFinished = await createFlowStore(sql).finish(flowId, userId, kept, since, now);
  if (!isFinished) throw authErrors.flow_state_not_found();
  return code;
}

/**
 * Deletes flows that nobody can finish any more, and what waits for a provider, `batch` rows of each
 * at a time until none is left: anybody begins them. The count.
 */
export async function sweepFlows(state: AuthState, sql: Sql, batch: number): Promise<number> {
  const before = new Date(state.now().getTime() - BEGUN_MAX_MS);
  const [states, flows] = [createOauthStateStore(sql), createFlowStore(sql)];
  let total = 0;
  for (;;) {
    const counts = [await states.purge(before, batch), await flows.purge(before, batch)];
    total += counts.reduce((sum, count) => sum + count, 0);
    if (Math.max(...counts) < batch) return total;
  }
}
