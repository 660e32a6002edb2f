/**
 * `grant_type=authorization_code` (RFC 6749 §4.1.3, RFC 7636 §4.6). A code works once; its second use
 * means that somebody else has it, so what it was exchanged for ends (§4.1.2).
 */
import { timingSafeEqual } from "node:crypto";
import type { AuthState, Caller } from "../../auth-state.ts";
import { audit } from "../../record.ts";
import { type AuthStore, inTransaction } from "../../store.ts";
import { givenApproval } from "../authorize/approval.ts";
import { type AuthorizationStore, authorizationStore } from "../authorize/authorization-store.ts";
import { oauthErrors } from "../errors.ts";
import type { Params } from "../read-form.ts";
import type { Approval, AuthorizationRow, ClientRow } from "../schema.ts";
import { hashCode } from "./authorization-code.ts";
import { type OAuthAnswer, oauthAnswer } from "./oauth-answer.ts";
import { type ClientSession, startClientSession } from "./session-grant.ts";

const METHOD = "oauth_provider/authorization_code";
/** RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/;

/** Returned, not thrown, where the transaction must commit. */
type Outcome = { readonly given: ClientSession; readonly nonce: string | null } | "refused";

/** @throws invalid_request, invalid_grant */
export async function grantCode(
  state: AuthState,
  caller: Caller,
  client: ClientRow,
  params: Params,
): Promise<OAuthAnswer> {
  const code = params.get("code");
  if (code === "") throw oauthErrors.invalid_request("code is required");
  const outcome = await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const requests = authorizationStore(tx);
    const row = await requests.lockByCode(hashCode(code));
    if (!row || row.client_id !== client.id) return "refused" as const;
    if (row.status === "exchanged") return endReused(state, store, caller, row);
    const approval = approvalIn(state, row);
    if (!approval) return "refused" as const;
    checkProofs(row, params);
    const given = await startClientSession(state, store, tx, caller, client, row, approval, METHOD);
    return given ? exchanged(requests, row, given) : ("refused" as const);
  });
  if (outcome === "refused") throw oauthErrors.invalid_grant("The code is not valid");
  return oauthAnswer(state, caller, outcome.given, outcome.nonce);
}

async function exchanged(
  requests: AuthorizationStore,
  row: AuthorizationRow,
  given: ClientSession,
): Promise<Outcome> {
  await requests.markExchanged(row.id, given.session.id);
  return { given, nonce: row.nonce };
}

/** Null unless the code is live. */
function approvalIn(state: AuthState, row: AuthorizationRow): Approval | null {
  const { status, code_expires_at: expiresAt } = row;
  if (status !== "approved" || !expiresAt || expiresAt <= state.now()) return null;
  return givenApproval(row);
}

/** The same redirect URI and resource, and the verifier of the challenge. @throws invalid_grant */
function checkProofs(row: AuthorizationRow, params: Params): void {
  const redirectUri = params.get("redirect_uri");
  // OAuth 2.1 leaves it out of this request; who sends it must send the same.
  if (redirectUri !== "" && redirectUri !== row.redirect_uri) {
    throw oauthErrors.invalid_grant("redirect_uri is another than the authorization request's");
  }
  const resource = params.get("resource");
  if (resource !== "" && resource !== row.resource) {
    throw oauthErrors.invalid_target("resource is another than the authorization request's");
  }
  const verifier = params.get("code_verifier");
  if (!VERIFIER.test(verifier)) {
    throw oauthErrors.invalid_grant("code_verifier is missing or malformed");
  }
  const challenge = Buffer.from(hashCode(verifier)).toString("base64url");
  if (!timingSafeEqual(Buffer.from(challenge), Buffer.from(row.code_challenge))) {
    throw oauthErrors.invalid_grant("code_verifier does not fit the code_challenge");
  }
}

async function endReused(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  row: AuthorizationRow,
): Promise<Outcome> {
  if (row.session_id === null || row.user_id === null) return "refused";
  const now = state.now();
  await store.revokeFamily(row.session_id, now);
  const facts = { session_id: row.session_id, client_id: row.client_id };
  await audit(state, store, caller, { id: row.user_id, name: "" }, "token_revoked", {
    ...facts,
    action: "authorization_code_reused",
  });
  caller.log.warn("auth.authorization_code_reused", { ...facts, user_id: row.user_id });
  return "refused";
}
