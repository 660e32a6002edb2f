/**
 * An authorization request, checked (RFC 6749 §4.1.1, OAuth 2.1, OpenID Connect Core §3.1.2). As long
 * as client and redirect URI are not known to belong together nobody is sent anywhere (§4.1.2.1);
 * after that every fault is told to the client.
 */
import { ReactorError } from "../../../../core/errors.ts";
import { isUuid } from "../../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { authErrors } from "../../errors.ts";
import { clientStore } from "../clients/client-store.ts";
import { isRegistered } from "../clients/redirect-uri.ts";
import type { Params } from "../read-form.ts";
import { readResource } from "../resources.ts";
import type { ClientRow } from "../schema.ts";
import { grantableScope, parseScopes } from "../scopes.ts";
import type { AuthorizeError, WayBack } from "./redirect-back.ts";

/** A fault that the client is told by way of the browser. */
export class AuthorizeFault extends Error {
  readonly error: AuthorizeError;

  constructor(error: AuthorizeError, description: string) {
    super(description);
    this.name = "AuthorizeFault";
    this.error = error;
  }
}

export interface AuthorizeRequest {
  readonly scope: string;
  readonly nonce: string | null;
  readonly resource: string | null;
  readonly code_challenge: string;
  readonly prompt: readonly string[];
  readonly max_age: number | null;
  readonly login_hint: string | null;
}

const PROMPTS = ["none", "login", "consent", "select_account"];
/** base64url of a SHA-256 (RFC 7636 §4.2). */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const STATE_LENGTH_MAX = 4096;
const NONCE_LENGTH_MAX = 1024;

/** @throws validation_failed, oauth_client_not_found: answered here, in the browser. */
export async function readClient(
  state: AuthState,
  caller: Caller,
  params: Params,
): Promise<{ client: ClientRow; redirectUri: string }> {
  const id = params.get("client_id");
  const redirectUri = params.get("redirect_uri");
  if (id === "") throw authErrors.validation_failed("client_id is required");
  if (redirectUri === "") throw authErrors.validation_failed("redirect_uri is required");
  const client = isUuid(id) ? await clientStore(state.sql(caller.tenant)).find(id) : null;
  if (!client) throw authErrors.oauth_client_unknown();
  if (!isRegistered(redirectUri, client.redirect_uris)) {
    throw authErrors.validation_failed("invalid redirect_uri");
  }
  return { client, redirectUri };
}

/** What the client may be told in `state`. @throws validation_failed for one that is too long */
export function wayBack(params: Params, redirectUri: string, issuer: string): WayBack {
  const state = params.get("state");
  if (state.length > STATE_LENGTH_MAX) throw authErrors.validation_failed("state is too long");
  return { redirect_uri: redirectUri, state: state === "" ? null : state, issuer };
}

/** @throws AuthorizeFault */
export function readRequest(
  state: AuthState,
  client: ClientRow,
  params: Params,
  issuer: string,
): AuthorizeRequest {
  checkForm(client, params);
  const nonce = params.get("nonce");
  if (nonce.length > NONCE_LENGTH_MAX)
    throw new AuthorizeFault("invalid_request", "nonce is too long");
  const { config } = state;
  const fallback = client.scope ?? config.oauth_server.default_scope;
  const [scope, resource] = asFaults(() => [
    grantableScope(config, client, params.get("scope"), fallback),
    readResource(config, issuer, params.get("resource")),
  ]);
  return {
    scope,
    nonce: nonce === "" ? null : nonce,
    resource,
    code_challenge: readChallenge(params),
    prompt: readPrompt(params),
    max_age: readMaxAge(params),
    login_hint: params.get("login_hint").slice(0, 320) || null,
  };
}

function checkForm(client: ClientRow, params: Params): void {
  if (params.get("request") !== "") {
    throw new AuthorizeFault("request_not_supported", "Request objects are not supported");
  }
  if (params.get("request_uri") !== "") {
    throw new AuthorizeFault("request_uri_not_supported", "request_uri is not supported");
  }
  if (params.get("registration") !== "") {
    throw new AuthorizeFault("registration_not_supported", "registration is not supported");
  }
  const type = params.get("response_type");
  if (type === "") throw new AuthorizeFault("invalid_request", "response_type is required");
  if (type !== "code") {
    throw new AuthorizeFault("unsupported_response_type", "The only response_type is code");
  }
  if (!["", "query"].includes(params.get("response_mode"))) {
    throw new AuthorizeFault("invalid_request", "The only response_mode is query");
  }
  if (!client.grant_types.includes("authorization_code")) {
    throw new AuthorizeFault("unauthorized_client", "The client may not use this grant");
  }
}

/** Every client must use PKCE, and its strong method (OAuth 2.1 §7.5.1, RFC 9700 §2.1.1). */
function readChallenge(params: Params): string {
  const challenge = params.get("code_challenge");
  if (challenge === "") throw new AuthorizeFault("invalid_request", "code_challenge is required");
  if (params.get("code_challenge_method") !== "S256") {
    throw new AuthorizeFault("invalid_request", "code_challenge_method must be S256");
  }
  if (!CHALLENGE.test(challenge)) {
    throw new AuthorizeFault("invalid_request", "code_challenge is not a SHA-256 in base64url");
  }
  return challenge;
}

function readPrompt(params: Params): string[] {
  const prompt = parseScopes(params.get("prompt"));
  if (prompt.some((value) => !PROMPTS.includes(value))) {
    throw new AuthorizeFault("invalid_request", "prompt holds a value that is not known");
  }
  if (prompt.includes("none") && prompt.length > 1) {
    throw new AuthorizeFault("invalid_request", "prompt=none stands alone");
  }
  return prompt;
}

function readMaxAge(params: Params): number | null {
  const sent = params.get("max_age");
  if (sent === "") return null;
  if (!/^\d{1,9}$/.test(sent)) {
    throw new AuthorizeFault("invalid_request", "max_age must be a number of seconds");
  }
  return Number(sent);
}

/** The same refusal, told by way of the browser. */
function asFaults<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ReactorError) {
      throw new AuthorizeFault(error.code as AuthorizeError, error.message);
    }
    throw error;
  }
}
