/**
 * Begins sessions, raises them when a person proves more, and makes the answer that carries tokens.
 * What a token says is decided in `compose-claims.ts`.
 */
import { isIP } from "node:net";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import type { AalLevel, AmrEntry, IdentityRow, SessionRow, UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import { composeClaims, type MoreClaims, type SessionFacts } from "./compose-claims.ts";
import { firstRefreshToken, hashRefreshToken } from "./refresh-token.ts";

export interface IssuedSession {
  readonly session: SessionFacts;
  readonly refreshToken: string;
}

/** RFC 6749 §5.1 with `expires_at` and the person, as GoTrue answers. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "bearer";
  /** Seconds. */
  readonly expires_in: number;
  /** Seconds since the epoch. */
  readonly expires_at: number;
  readonly refresh_token: string;
  readonly user: UserJson;
}

export interface SessionOptions {
  /** Default `aal1`. */
  readonly aal?: AalLevel;
  /** Ways in, oldest first. Default: `method`, now. */
  readonly amr?: readonly AmrEntry[];
  /** The factor that raised it to its `aal`. */
  readonly factorId?: string | null;
  /** It lives in a cookie of the ready pages: shown as such in the list of sessions. */
  readonly cookie?: boolean;
  /** It ends then at the latest, whatever the settings say. Null or absent = as they say. */
  readonly endsAt?: Date | null;
  /** It ends no other one, whatever `auth.session_single_per_user` says: an OAuth client's. */
  readonly alongside?: boolean;
}

const USER_AGENT_MAX = 512;
/** `auth.sessions.tag` of a session that lives in a cookie. */
export const COOKIE_TAG = "cookie";

/** A Unix socket has no address. */
export const ipOf = (caller: Caller) => (isIP(caller.address) === 0 ? null : caller.address);

export const agentOf = (caller: Caller) => caller.userAgent?.slice(0, USER_AGENT_MAX) ?? null;

/**
 * Writes the session and its first refresh token in the caller's transaction.
 * @param method as in `amr`: `password`, `otp`, `magiclink`, `oauth`, `totp`, `anonymous`, …
 */
export async function startSession(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  userId: string,
  method: string,
  options: SessionOptions = {},
): Promise<IssuedSession> {
  const { config, deps } = state;
  const now = state.now();
  const id = deps.ids.uuid();
  const aal = options.aal ?? "aal1";
  const amr = options.amr ?? [amrEntry(method, now)];
  const tag = options.cookie ? COOKIE_TAG : null;
  const notAfter = lastMoment(config.session_timebox_s, now, options.endsAt ?? null);
  if (config.session_single_per_user && !options.alongside) await store.endOwnOfKind(userId, tag);
  await store.insertSession({
    id,
    user_id: userId,
    aal,
    amr,
    factor_id: options.factorId ?? null,
    tag,
    not_after: notAfter,
    user_agent: agentOf(caller),
    ip: ipOf(caller),
    refresh_token_hmac_key: deps.rng.bytes(32),
    now,
  });
  const refreshToken = await addRefreshToken(state, store, { id, user_id: userId }, null);
  return { session: { id, aal, amr, not_after: notAfter }, refreshToken };
}

/** The earlier of the time box's end and of `endsAt`; null = there is neither. */
function lastMoment(timeboxS: number, now: Date, endsAt: Date | null): Date | null {
  const boxEnd = timeboxS > 0 ? new Date(now.getTime() + timeboxS * 1000) : null;
  if (boxEnd === null || endsAt === null) return boxEnd ?? endsAt;
  return endsAt < boxEnd ? endsAt : boxEnd;
}

/**
 * The same session after its person proved one thing more: `method` joins its `amr`, its live
 * refresh token is swapped for a new one. In the caller's transaction.
 * @param aal what the session has from now on.
 */
export async function raiseSession(
  state: AuthState,
  store: AuthStore,
  session: SessionRow,
  method: string,
  aal: AalLevel,
  factorId: string | null,
): Promise<IssuedSession> {
  const now = state.now();
  const amr = [...session.amr.filter((one) => one.method !== method), amrEntry(method, now)];
  await store.raiseSession(session.id, { aal, amr, factor_id: factorId, now });
  const parentId = await store.spendLiveToken(session.id, now);
  const refreshToken = await addRefreshToken(state, store, session, parentId);
  return { session: { id: session.id, aal, amr, not_after: session.not_after }, refreshToken };
}

export function amrEntry(method: string, now: Date): AmrEntry {
  return { method, timestamp: Math.floor(now.getTime() / 1000) };
}

/** A new random token for the session. */
export async function addRefreshToken(
  state: AuthState,
  store: AuthStore,
  session: Pick<SessionRow, "id" | "user_id">,
  parentId: string | null,
): Promise<string> {
  const token = firstRefreshToken(state.deps.rng);
  await store.insertRefreshToken({
    sessionId: session.id,
    userId: session.user_id,
    tokenHash: hashRefreshToken(token),
    parentId,
    now: state.now(),
  });
  return token;
}

/** Signs an access token for the session as the person stands now. */
export async function tokenAnswer(
  state: AuthState,
  caller: Caller,
  user: UserRow,
  identities: readonly IdentityRow[],
  issued: IssuedSession,
  more: MoreClaims = {},
): Promise<TokenAnswer> {
  const claims = await composeClaims(state, caller, user, issued.session, more);
  const expiresAt = Number(claims["exp"]);
  return {
    access_token: await signClaims(state, caller, claims),
    token_type: "bearer",
    expires_in: expiresAt - Number(claims["iat"]),
    expires_at: expiresAt,
    refresh_token: issued.refreshToken,
    user: presentUser(user, identities),
  };
}

/** A token of these claims under the project's current key. */
export async function signClaims(
  state: AuthState,
  caller: Caller,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { signingKeys } = await state.deps.project(caller.tenant);
  const [key] = signingKeys;
  if (!key) throw new Error("the project has no signing key");
  return state.signer.sign(key, claims);
}
