/**
 * `POST /auth/v1/token?grant_type=refresh_token`: swaps a refresh token for its successor and a new
 * access token. A token is used once; using it again ends the session, except within a short grace
 * in which the same successor is answered, because tabs and retries race (RFC 9700 §4.14.2).
 */
import { isBanned } from "../accounts/is-banned.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { limitByAddress } from "../http/limit-rate.ts";
import { textOf } from "../http/read-json.ts";
import { actorOf, audit } from "../record.ts";
import type { IdentityRow, JsonObject, RefreshTokenRow, SessionRow, UserRow } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { addRefreshToken, agentOf, ipOf, type TokenAnswer, tokenAnswer } from "./issue-session.ts";
import { hashRefreshToken, isRefreshToken, successorOf } from "./refresh-token.ts";
import { hasRunOut } from "./session-life.ts";

/** Whose token it must be, and how it is treated. */
export interface TokenOwner {
  /** The OAuth client that the session was given to; null = a person's own session. */
  readonly clientId: string | null;
  /** How long a used token still answers with its successor, seconds. */
  readonly graceS: number;
  /** Throws when what is asked for cannot be had: before anything is spent. */
  admit?(session: SessionRow): void;
}

interface Rotated {
  readonly user: UserRow;
  readonly identities: readonly IdentityRow[];
  readonly session: SessionRow;
  readonly refreshToken: string;
}

/** Returned, not thrown, where the transaction must commit (a revoked family). */
type Outcome = Rotated | { readonly refused: keyof typeof authErrors & RefusalCode };
type RefusalCode =
  | "refresh_token_not_found"
  | "refresh_token_already_used"
  | "session_expired"
  | "user_banned";

/** Rotations that a grace period can hold before the chain is not followed any further. */
const CHAIN_MAX = 64;

export async function grantRefresh(
  state: AuthState,
  caller: Caller,
  body: JsonObject,
): Promise<TokenAnswer> {
  await limitByAddress(state, caller, "refresh", state.config.rate_limit_refresh);
  const token = textOf(body, "refresh_token");
  if (token === "") throw authErrors.validation_failed("refresh_token required");
  const owner = { clientId: null, graceS: state.config.refresh_token_grace_s };
  const rotated = await rotateToken(state, caller, token, owner);
  const more = { method: "token_refresh" };
  return tokenAnswer(state, caller, rotated.user, rotated.identities, rotated, more);
}

/**
 * The successor of a token and the session it is of, for sessions of people and of OAuth clients.
 * @throws refresh_token_not_found, refresh_token_already_used, session_expired, user_banned, and
 * what `owner.admit` throws
 */
export async function rotateToken(
  state: AuthState,
  caller: Caller,
  token: string,
  owner: TokenOwner,
): Promise<Rotated> {
  if (!isRefreshToken(token)) throw authErrors.refresh_token_not_found();
  const outcome = await inTransaction(state.sql(caller.tenant), (store) =>
    rotate(state, store, caller, token, owner),
  );
  if ("refused" in outcome) throw authErrors[outcome.refused]();
  return outcome;
}

async function rotate(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  token: string,
  owner: TokenOwner,
): Promise<Outcome> {
  const tokenHash = hashRefreshToken(token);
  // The session first and alone: the token must be read after whoever held the lock has committed.
  const session = await store.lockSessionByToken(tokenHash);
  const row = session && (await store.findRefreshToken(tokenHash));
  const user = session && (await store.findUserById(session.user_id));
  if (!row || !user) return { refused: "refresh_token_not_found" };
  // A client's token is the client's alone, who must have proven itself; a person's is no client's.
  if (session.oauth_client_id !== owner.clientId) return { refused: "refresh_token_not_found" };
  if (session.revoked_at) return { refused: "refresh_token_already_used" };
  const now = state.now();
  if (isBanned(user, now)) return { refused: "user_banned" };
  if (hasRunOut(state, session)) return { refused: "session_expired" };
  owner.admit?.(session);
  const refreshToken = row.revoked
    ? await repeat(state, store, session, row, token, now, owner.graceS * 1000)
    : await advance(store, session, row, token, now);
  if (refreshToken === null) {
    await endFamily(state, store, caller, session, user, now);
    return { refused: "refresh_token_already_used" };
  }
  await store.markRefreshed(session.id, agentOf(caller), ipOf(caller), now);
  await audit(state, store, caller, actorOf(user), "token_refreshed", { session_id: session.id });
  return { user, identities: await store.identitiesOf([user.id]), session, refreshToken };
}

/** Spends the token and writes its successor. */
async function advance(
  store: AuthStore,
  session: SessionRow,
  row: RefreshTokenRow,
  token: string,
  now: Date,
): Promise<string> {
  const next = successorOf(token, session.refresh_token_hmac_key);
  await store.spendRefreshToken(row.id, now);
  await store.insertRefreshToken({
    sessionId: session.id,
    userId: session.user_id,
    tokenHash: hashRefreshToken(next),
    parentId: row.id,
    now,
  });
  return next;
}

/** The family's live token for one that was spent a moment ago; null when that was too long ago. */
async function repeat(
  state: AuthState,
  store: AuthStore,
  session: SessionRow,
  row: RefreshTokenRow,
  token: string,
  now: Date,
  graceMs: number,
): Promise<string | null> {
  if (row.updated_at.getTime() + graceMs <= now.getTime()) return null;
  let next = token;
  for (let step = 0; step < CHAIN_MAX; step += 1) {
    next = successorOf(next, session.refresh_token_hmac_key);
    const found = await store.findRefreshToken(hashRefreshToken(next));
    // Swapped when the session was raised: the loser of that race gets a branch of its own.
    if (!found) return addRefreshToken(state, store, session, row.id);
    if (!found.revoked) return next;
  }
  return null;
}

async function endFamily(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  session: SessionRow,
  user: UserRow,
  now: Date,
): Promise<void> {
  await store.revokeFamily(session.id, now);
  await audit(state, store, caller, actorOf(user), "token_revoked", { session_id: session.id });
  caller.log.warn("auth.refresh_token_reused", { user_id: user.id, session_id: session.id });
}
