/**
 * Begins sessions and makes the answer that carries tokens: the one place that decides what an
 * access token says. Its claims are those that policies and clients written for Supabase read.
 */
import { isIP } from "node:net";
import { presentUser, type UserJson } from "../accounts/present-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import type { AalLevel, AmrEntry, IdentityRow, UserRow } from "../schema.ts";
import type { AuthStore } from "../store.ts";
import { firstRefreshToken, hashRefreshToken } from "./refresh-token.ts";

/** The part of a session that its tokens repeat. */
interface SessionFacts {
  readonly id: string;
  readonly aal: AalLevel;
  readonly amr: readonly AmrEntry[];
}

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

const USER_AGENT_MAX = 512;

/** A Unix socket has no address. */
export const ipOf = (caller: Caller) => (isIP(caller.address) === 0 ? null : caller.address);

export const agentOf = (caller: Caller) => caller.userAgent?.slice(0, USER_AGENT_MAX) ?? null;

/** Writes the session and its first refresh token in the caller's transaction. */
export async function startSession(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  userId: string,
  method: string,
): Promise<IssuedSession> {
  const { config, deps } = state;
  const now = state.now();
  const id = deps.ids.uuid();
  const amr = [{ method, timestamp: seconds(now.getTime()) }];
  const timeboxMs = config.session_timebox_s * 1000;
  await store.insertSession({
    id,
    user_id: userId,
    amr,
    not_after: timeboxMs > 0 ? new Date(now.getTime() + timeboxMs) : null,
    user_agent: agentOf(caller),
    ip: ipOf(caller),
    refresh_token_hmac_key: deps.rng.bytes(32),
    now,
  });
  const refreshToken = firstRefreshToken(deps.rng);
  const tokenHash = hashRefreshToken(refreshToken);
  await store.insertRefreshToken({ sessionId: id, userId, tokenHash, parentId: null, now });
  return { session: { id, aal: "aal1", amr }, refreshToken };
}

/** Signs an access token for the session as the person stands now. Needs no database. */
export async function tokenAnswer(
  state: AuthState,
  caller: Caller,
  user: UserRow,
  identities: readonly IdentityRow[],
  issued: IssuedSession,
): Promise<TokenAnswer> {
  const project = await state.deps.project(caller.tenant);
  const [key] = project.signingKeys;
  if (!key) throw new Error("the project has no signing key");
  const ttlS = state.config.access_token_ttl_s;
  const issuedAt = seconds(state.deps.clock.now());
  const claims = accessClaims(user, issued.session, project.issuer, issuedAt, ttlS);
  return {
    access_token: await state.signer.sign(key, claims),
    token_type: "bearer",
    expires_in: ttlS,
    expires_at: issuedAt + ttlS,
    refresh_token: issued.refreshToken,
    user: presentUser(user, identities),
  };
}

function accessClaims(
  user: UserRow,
  session: SessionFacts,
  issuer: string,
  issuedAt: number,
  ttlS: number,
) {
  return {
    iss: issuer,
    sub: user.id,
    aud: user.aud,
    exp: issuedAt + ttlS,
    iat: issuedAt,
    email: user.email ?? "",
    phone: user.phone ?? "",
    app_metadata: user.raw_app_meta_data ?? {},
    user_metadata: user.raw_user_meta_data ?? {},
    role: user.role,
    aal: session.aal,
    amr: session.amr,
    session_id: session.id,
    is_anonymous: user.is_anonymous,
  };
}

const seconds = (ms: number) => Math.floor(ms / 1000);
