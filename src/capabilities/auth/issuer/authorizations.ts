/**
 * A person's side of an authorization request: what is asked of them, and what they answer. Behind
 * the JSON routes as GoTrue has them and the ready consent page alike. The first person who opens a
 * request owns it; to anybody else it does not exist.
 */
import type { TransactionSql } from "postgres";
import type { CurrentUser } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { requireAal2 } from "../factors/aal.ts";
import { limitByIdentity } from "../http/limit-rate.ts";
import { publish } from "../record.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { auditDecision } from "./audit-decision.ts";
import { approvalOf } from "./authorize/approval.ts";
import { type AuthorizationStore, authorizationStore } from "./authorize/authorization-store.ts";
import { errorUrl, successUrl } from "./authorize/redirect-back.ts";
import { rememberConsent } from "./authorize/remember-consent.ts";
import { clientStore } from "./clients/client-store.ts";
import { type ClientSummary, summarizeClient } from "./clients/present-client.ts";
import { provesIdentity } from "./clients/redirect-uri.ts";
import type { AuthorizationRow, ClientRow } from "./schema.ts";
import { isCovered, isLimited } from "./scopes.ts";
import { hashCode, newCode } from "./token/authorization-code.ts";

/** What a person is asked. */
export interface AuthorizationDetails {
  readonly authorization_id: string;
  readonly redirect_uri: string;
  readonly client: ClientSummary;
  /** `dynamic`: the client registered itself, and nobody vouches for its name. */
  readonly registration_type: ClientRow["registration_type"];
  readonly user: { readonly id: string; readonly email: string };
  /** Separated by spaces. */
  readonly scope: string;
  /** No scope limits what the client does in the data API and functions: it acts as the person. */
  readonly full_access: boolean;
}

/** Where the browser goes next: back to the client. */
export interface AuthorizationRedirect {
  readonly redirect_url: string;
}

/** Seconds; OAuth 2.1 §4.1.2 allows ten minutes, a browser needs one. */
const CODE_TTL_MS = 60_000;

/**
 * What is asked of the person, or the way back when they have agreed to it before.
 * @throws oauth_authorization_not_found, validation_failed (decided already), reauthentication_needed
 * (403: the client wants a sign-in that is newer than this session's)
 */
export function describeAuthorization(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  authorizationId: string,
): Promise<AuthorizationDetails | AuthorizationRedirect> {
  return inRequest(
    state,
    caller,
    current,
    authorizationId,
    async ({ store, tx, requests, row }) => {
      if (row.user_id === null) await requests.claim(row.id, current.user.id);
      else if (row.user_id !== current.user.id) throw authErrors.oauth_authorization_not_found();
      const client = await clientStore(tx).find(row.client_id);
      if (!client) throw authErrors.oauth_authorization_not_found();
      const mayAsk = !row.prompt.includes("none");
      if (!isFreshEnough(state, current, row)) {
        if (mayAsk) throw authErrors.oauth_login_needed();
        return refuse(requests, row, "login_required", "A new sign-in is needed");
      }
      const consent = await requests.findConsent(current.user.id, client.id);
      if (isAgreed(state, row, client, consent?.scopes ?? null)) {
        return approve(state, caller, { store, tx, requests, row }, current);
      }
      if (!mayAsk) return refuse(requests, row, "consent_required", "The person must agree first");
      return detailsOf(state, row, client, current);
    },
  );
}

/**
 * Gives the client its code and remembers the decision.
 * @throws as `describeAuthorization`, impersonation_not_allowed, insufficient_aal
 */
export function approveAuthorization(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  authorizationId: string,
): Promise<AuthorizationRedirect> {
  return inRequest(state, caller, current, authorizationId, async (open) => {
    requireOwner(open.row, current);
    if (!isFreshEnough(state, current, open.row)) throw authErrors.oauth_login_needed();
    const client = await clientStore(open.tx).find(open.row.client_id);
    if (!client) throw authErrors.oauth_authorization_not_found();
    await rememberConsent(state, open.requests, client, current, open.row.scope);
    return approve(state, caller, open, current);
  });
}

/** @throws as `describeAuthorization` */
export function denyAuthorization(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  authorizationId: string,
): Promise<AuthorizationRedirect> {
  return inRequest(state, caller, current, authorizationId, async ({ store, requests, row }) => {
    requireOwner(row, current);
    await auditDecision(state, store, caller, current, "oauth_authorization_denied", row);
    return refuse(requests, row, "access_denied", "The person denied the request");
  });
}

/** For who is somebody else: the request is open again, to who signs in next. @throws as `describeAuthorization` */
export function releaseAuthorization(
  state: AuthState,
  caller: Caller,
  current: CurrentUser,
  authorizationId: string,
): Promise<void> {
  return inRequest(state, caller, current, authorizationId, async ({ requests, row }) => {
    requireOwner(row, current);
    await requests.claim(row.id, null);
  });
}

interface OpenRequest {
  readonly store: AuthStore;
  readonly tx: TransactionSql;
  readonly requests: AuthorizationStore;
  readonly row: AuthorizationRow;
}

/** One transaction that holds the request, which must be waiting for a decision. */
async function inRequest<T>(
  state: AuthState,
  caller: Caller,
  { user }: CurrentUser,
  authorizationId: string,
  work: (open: OpenRequest) => Promise<T>,
): Promise<T> {
  const { rate_limit_authorize: limit } = state.config.oauth_server;
  await limitByIdentity(state, caller, "oauth_consent", user.id, limit);
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const requests = authorizationStore(tx);
    const row = await requests.lock(authorizationId);
    if (!row || row.expires_at <= state.now()) throw authErrors.oauth_authorization_not_found();
    if (row.status !== "pending") {
      throw authErrors.validation_failed("authorization request cannot be processed");
    }
    return work({ store, tx, requests, row });
  });
}

function requireOwner(row: AuthorizationRow, current: CurrentUser): void {
  if (row.user_id !== current.user.id) throw authErrors.oauth_authorization_not_found();
}

/** `prompt=login`, `max_age` (OpenID Connect Core §3.1.2.1). */
function isFreshEnough(state: AuthState, current: CurrentUser, row: AuthorizationRow): boolean {
  const provenAt = approvalOf(state, current).authenticated_at.getTime();
  const askedAt = Math.floor(row.created_at.getTime() / 1000) * 1000;
  if (row.prompt.includes("login") && provenAt < askedAt) return false;
  return row.max_age === null || provenAt >= askedAt - row.max_age * 1000;
}

/** A decision is repeated only for a client that nobody else can pose as. */
function isAgreed(
  { config }: AuthState,
  row: AuthorizationRow,
  client: ClientRow,
  scopes: string | null,
): boolean {
  if (scopes === null || !isCovered(config, client, scopes, row.scope)) return false;
  if (row.prompt.includes("consent") || row.prompt.includes("select_account")) return false;
  return client.client_type === "confidential" || provesIdentity(row.redirect_uri);
}

async function approve(
  state: AuthState,
  caller: Caller,
  { store, tx, requests, row }: OpenRequest,
  current: CurrentUser,
): Promise<AuthorizationRedirect> {
  // It lets somebody in, here or wherever this server signs people in.
  requireAal2(state, current, "let an app act for you");
  const now = state.now();
  const code = newCode(state.deps.rng);
  const expiresAt = new Date(now.getTime() + CODE_TTL_MS);
  const secret = { hash: hashCode(code), expiresAt };
  await requests.approve(row.id, approvalOf(state, current), secret, now);
  await auditDecision(state, store, caller, current, "oauth_authorization_approved", row);
  const data = { client_id: row.client_id, scope: row.scope };
  await publish(state, tx, caller, "auth.oauth_authorized", current.user.id, data);
  return { redirect_url: successUrl(row, code) };
}

async function refuse(
  requests: AuthorizationStore,
  row: AuthorizationRow,
  error: "access_denied" | "login_required" | "consent_required",
  description: string,
): Promise<AuthorizationRedirect> {
  await requests.setStatus(row.id, "denied");
  return { redirect_url: errorUrl(row, error, description) };
}

function detailsOf(
  state: AuthState,
  row: AuthorizationRow,
  client: ClientRow,
  { user }: CurrentUser,
): AuthorizationDetails {
  return {
    authorization_id: row.authorization_id,
    redirect_uri: row.redirect_uri,
    client: summarizeClient(client),
    registration_type: client.registration_type,
    user: { id: user.id, email: user.email ?? "" },
    scope: row.scope,
    full_access: !isLimited(state.config, client, row.scope),
  };
}
