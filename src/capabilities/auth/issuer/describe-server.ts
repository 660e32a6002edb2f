/**
 * What clients read first: OpenID Connect Discovery 1.0 §3, RFC 8414 §2 (one document serves both) and
 * RFC 9728 §2. Nothing is named here that is not served.
 */
import type { Project } from "../../../core/project.ts";
import type { AuthConfig } from "../config.ts";
import { baseOf, issuerAddress } from "./issuer-address.ts";
import { knownScopes } from "./scopes.ts";
import { grantTypes } from "./token/grant-oauth-token.ts";

const SECRET_METHODS = ["client_secret_basic", "client_secret_post"];
const ALL_METHODS = [...SECRET_METHODS, "none"];
const CLAIMS = [
  ...["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"],
  ...["email", "email_verified", "phone_number", "phone_number_verified", "name", "given_name"],
  ...["family_name", "preferred_username", "picture", "locale", "updated_at"],
];

/** @param origin by which the client reached us; used while the issuer is a name and not an address. */
export function describeServer(config: AuthConfig, project: Project, origin: string) {
  const issuer = issuerAddress(project, origin);
  return {
    issuer,
    // Ours: what stands in access tokens, which is no address while there is no public URL.
    access_token_issuer: project.issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: algorithmsOf(project),
    ...(config.oauth_server.enabled ? describeEndpoints(config, issuer) : {}),
  };
}

function algorithmsOf({ signingKeys }: Project): string[] {
  const keys = signingKeys.filter(({ publicJwk }) => publicJwk !== null);
  return [...new Set(keys.map(({ alg }): string => alg))];
}

function describeEndpoints(config: AuthConfig, issuer: string) {
  return {
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    userinfo_endpoint: `${issuer}/oauth/userinfo`,
    ...(config.ui.enabled ? { end_session_endpoint: `${issuer}/oauth/logout` } : {}),
    revocation_endpoint: `${issuer}/oauth/revoke`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    device_authorization_endpoint: `${issuer}/oauth/device_authorization`,
    ...(config.oauth_server.dynamic_registration
      ? { registration_endpoint: `${issuer}/oauth/clients/register` }
      : {}),
    scopes_supported: knownScopes(config),
    claims_supported: CLAIMS,
    acr_values_supported: ["aal1", "aal2"],
    prompt_values_supported: ["none", "login", "consent", "select_account"],
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: grantTypes,
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ALL_METHODS,
    revocation_endpoint_auth_methods_supported: ALL_METHODS,
    introspection_endpoint_auth_methods_supported: SECRET_METHODS,
    authorization_response_iss_parameter_supported: true,
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
  };
}

/**
 * Whose tokens something on this server takes: how an MCP client that was answered 401 finds its way.
 * @param path of the resource, `/fn/v1/notes`; "" = the server as a whole.
 */
export function describeResource(
  config: AuthConfig,
  project: Project,
  origin: string,
  path: string,
) {
  const issuer = issuerAddress(project, origin);
  return {
    resource: `${baseOf(issuer)}${path}`,
    authorization_servers: [issuer],
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    scopes_supported: knownScopes(config),
    bearer_methods_supported: ["header"],
  };
}
