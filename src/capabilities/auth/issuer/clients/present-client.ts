/** A client as it is told: to itself once registered (RFC 7591 §3.2.1), to the operator, to a person. */
import type { ClientRow } from "../schema.ts";

/** GoTrue's fields; the secret only when it was made just now. */
export function presentClient(client: ClientRow, secret: string | null = null) {
  return {
    client_id: client.id,
    ...(secret === null ? {} : { client_secret: secret }),
    client_type: client.client_type,
    redirect_uris: client.redirect_uris,
    token_endpoint_auth_method: client.token_endpoint_auth_method,
    grant_types: client.grant_types,
    response_types: ["code"],
    client_name: client.client_name,
    client_uri: client.client_uri ?? undefined,
    logo_uri: client.logo_uri ?? undefined,
    tos_uri: client.tos_uri ?? undefined,
    policy_uri: client.policy_uri ?? undefined,
    post_logout_redirect_uris:
      client.post_logout_redirect_uris.length > 0 ? client.post_logout_redirect_uris : undefined,
    scope: client.scope ?? undefined,
    registration_type: client.registration_type,
    created_at: client.created_at.toISOString(),
    updated_at: client.updated_at.toISOString(),
  };
}

/**
 * As the client itself is told (RFC 7591 §3.2.1, RFC 7592 §3).
 * @param token by which it looks after itself.
 */
export function presentRegistration(
  client: ClientRow,
  issuer: string,
  token: string,
  secret: string | null = null,
) {
  return {
    ...presentClient(client, secret),
    client_id_issued_at: Math.floor(client.created_at.getTime() / 1000),
    // Required beside a secret; 0 = it does not expire.
    ...(secret === null ? {} : { client_secret_expires_at: 0 }),
    registration_access_token: token,
    registration_client_uri: `${issuer}/oauth/clients/register/${client.id}`,
  };
}

/** What a person sees who is asked to trust it. */
export interface ClientSummary {
  readonly id: string;
  /** May be "". */
  readonly name: string;
  readonly uri: string;
  readonly logo_uri: string;
}

export function summarizeClient(client: ClientRow): ClientSummary {
  return {
    id: client.id,
    name: client.client_name,
    uri: client.client_uri ?? "",
    logo_uri: client.logo_uri ?? "",
  };
}
