/**
 * `POST /oauth/introspect` (RFC 7662): whether a token stands, for the client it was given to and for
 * holders of the secret key. Unlike a signature this tells of sessions that ended. Everything that
 * the asker may not know of is `{"active":false}` (§2.2).
 */
import { jwtVerify } from "jose";
import { ReactorError } from "../../../../core/errors.ts";
import { isUuid } from "../../accounts/find-current-user.ts";
import { isBanned } from "../../accounts/is-banned.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import type { SessionRow } from "../../schema.ts";
import { hashRefreshToken, isRefreshToken } from "../../sessions/refresh-token.ts";
import { hasEnded } from "../../sessions/session-life.ts";
import { type AuthStore, createStore } from "../../store.ts";
import { clientStore } from "../clients/client-store.ts";
import { oauthErrors } from "../errors.ts";
import { publicKeys } from "../public-keys.ts";
import type { Params } from "../read-form.ts";

export type Introspection = Readonly<Record<string, unknown>> & { readonly active: boolean };

type Claims = Readonly<Record<string, unknown>>;

const INACTIVE: Introspection = Object.freeze({ active: false });

/** @param clientId whose tokens may be asked about; null = anybody's. @throws invalid_request */
export async function introspect(
  state: AuthState,
  caller: Caller,
  clientId: string | null,
  params: Params,
): Promise<Introspection> {
  const token = params.get("token");
  if (token === "") throw oauthErrors.invalid_request("token is required");
  const store = createStore(state.sql(caller.tenant));
  if (isRefreshToken(token)) return ofRefreshToken(state, store, clientId, token);
  const claims = await readAccessToken(state, caller, token);
  if (!claims || (clientId !== null && claims["client_id"] !== clientId)) return INACTIVE;
  if (!(await stands(state, caller, store, claims))) return INACTIVE;
  const { iss, sub, aud, exp, iat, scope, client_id, role, session_id } = claims;
  const facts = { iss, sub, aud, exp, iat, scope, client_id, role, session_id };
  return { active: true, token_type: "bearer", ...facts };
}

/** The claims of an access token that this project signed, for whatever audience; null for others. */
export async function readAccessToken(
  state: AuthState,
  caller: Caller,
  token: string,
): Promise<Claims | null> {
  if (!token.includes(".")) return null;
  try {
    const credentials = { bearer: token, apikey: null, checksScopes: true };
    const principal = await state.client.authenticate(caller.tenant, credentials);
    return JSON.parse(principal.claims) as Claims;
  } catch (error) {
    if (!(error instanceof ReactorError && error.code === "bad_credential")) throw error;
    return forResourceElsewhere(state, caller, token);
  }
}

/** Tokens for a named resource server are refused by everything here, and still are ours to judge. */
async function forResourceElsewhere(
  state: AuthState,
  caller: Caller,
  token: string,
): Promise<Claims | null> {
  const { resources } = state.config.oauth_server;
  if (resources.length === 0) return null;
  const project = await state.deps.project(caller.tenant);
  const { set, algorithms } = publicKeys(project);
  const rules = {
    issuer: project.issuer,
    audience: [...resources],
    algorithms,
    currentDate: state.now(),
    requiredClaims: ["exp", "client_id", "scope"],
  };
  return jwtVerify(token, set, rules).then(
    ({ payload }) => payload,
    () => null,
  );
}

/** Its session has not ended; a client's own token stands while the client does. */
async function stands(
  state: AuthState,
  caller: Caller,
  store: AuthStore,
  claims: Claims,
): Promise<boolean> {
  const { session_id: sessionId, sub, client_id: clientId } = claims;
  if (isUuid(sessionId)) {
    const session = await store.findSession(sessionId);
    return session !== null && session.user_id === sub && sessionStands(state, store, session);
  }
  if (!isUuid(clientId)) return true;
  return (await clientStore(state.sql(caller.tenant)).find(clientId)) !== null;
}

/** Also its person does: who is banned or removed may do nothing by it. */
async function sessionStands(
  state: AuthState,
  store: AuthStore,
  session: SessionRow,
): Promise<boolean> {
  if (hasEnded(state, session)) return false;
  const user = await store.findUserById(session.user_id);
  return user !== null && user.deleted_at === null && !isBanned(user, state.now());
}

async function ofRefreshToken(
  state: AuthState,
  store: AuthStore,
  clientId: string | null,
  token: string,
): Promise<Introspection> {
  const row = await store.findRefreshToken(hashRefreshToken(token));
  const session = row && !row.revoked ? await store.findSession(row.session_id) : null;
  if (!session || (clientId !== null && session.oauth_client_id !== clientId)) return INACTIVE;
  if (!(await sessionStands(state, store, session))) return INACTIVE;
  return {
    active: true,
    token_type: "refresh_token",
    sub: session.user_id,
    session_id: session.id,
    ...(session.scopes === null ? {} : { scope: session.scopes }),
    ...(session.oauth_client_id === null ? {} : { client_id: session.oauth_client_id }),
    ...(session.not_after ? { exp: Math.floor(session.not_after.getTime() / 1000) } : {}),
  };
}
