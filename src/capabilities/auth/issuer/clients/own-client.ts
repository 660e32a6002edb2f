/**
 * `/oauth/clients/register/{client_id}`: a client that registered itself reads, changes and removes
 * what it said (RFC 7592), by the token that it was given then. The token is kept as a hash, so what
 * is answered is the one that was sent; the secret is not told again.
 */
import { isUuid } from "../../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { authErrors } from "../../errors.ts";
import { limitByAddress } from "../../http/limit-rate.ts";
import type { JsonObject } from "../../schema.ts";
import { inTransaction } from "../../store.ts";
import { oauthErrors } from "../errors.ts";
import type { ClientRow } from "../schema.ts";
import { readMetadata } from "./client-metadata.ts";
import { isSecretOf } from "./client-secret.ts";
import { clientStore } from "./client-store.ts";
import { metadataRules, recordClient } from "./create-client.ts";
import { presentRegistration } from "./present-client.ts";

/** Whose record, and what proves that it is the caller's own. */
export interface OwnClient {
  readonly id: string;
  /** As sent in `Authorization`; "" = none. */
  readonly token: string;
  /** Of the OAuth server. */
  readonly issuer: string;
}

/** Ours to say (RFC 7592 §2.2): a client must not send them. */
const NOT_SENT = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
];

/** @throws invalid_token, over_request_rate_limit */
export async function readOwnClient(state: AuthState, caller: Caller, own: OwnClient) {
  await limit(state, caller);
  const client = isUuid(own.id) ? await clientStore(state.sql(caller.tenant)).find(own.id) : null;
  return presentRegistration(owned(client, own), own.issuer, own.token);
}

/**
 * What is left out falls back to its default, as at registration; a client stays public or
 * confidential.
 * @throws invalid_token, invalid_client_metadata, invalid_redirect_uri,
 * oauth_dynamic_client_registration_disabled
 */
export async function updateOwnClient(
  state: AuthState,
  caller: Caller,
  own: OwnClient,
  body: JsonObject,
) {
  await limit(state, caller);
  return withOwn(state, caller, own, async ({ store, tx, clients, client }) => {
    if (!state.config.oauth_server.dynamic_registration) {
      throw authErrors.oauth_dynamic_client_registration_disabled();
    }
    checkIdentity(client, body);
    const { client_type: type, ...patch } = readMetadata(body, metadataRules(state, false));
    if (type !== client.client_type) {
      throw oauthErrors.invalid_client_metadata("A client stays public or confidential");
    }
    const after = await clients.update(client.id, { ...patch, updated_at: state.now() });
    await recordClient(state, store, tx, caller, "oauth_client_updated", client);
    return presentRegistration(after ?? client, own.issuer, own.token);
  });
}

/** Ends every session that was given to it. @throws invalid_token */
export async function deleteOwnClient(
  state: AuthState,
  caller: Caller,
  own: OwnClient,
): Promise<void> {
  await limit(state, caller);
  await withOwn(state, caller, own, async ({ store, tx, clients, client }) => {
    await clients.remove(client.id);
    await recordClient(state, store, tx, caller, "oauth_client_deleted", client);
  });
}

const limit = (state: AuthState, caller: Caller) =>
  limitByAddress(state, caller, "oauth_token", state.config.oauth_server.rate_limit_token);

type Tx = Parameters<Parameters<typeof inTransaction>[1]>;

interface OpenClient {
  readonly store: Tx[0];
  readonly tx: Tx[1];
  readonly clients: ReturnType<typeof clientStore>;
  readonly client: ClientRow;
}

function withOwn<T>(
  state: AuthState,
  caller: Caller,
  own: OwnClient,
  work: (open: OpenClient) => Promise<T>,
): Promise<T> {
  return inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const clients = clientStore(tx);
    const client = owned(isUuid(own.id) ? await clients.lock(own.id) : null, own);
    return work({ store, tx, clients, client });
  });
}

/** Alike for another's client, one that is gone, and one that the operator looks after. */
function owned(client: ClientRow | null, { token }: OwnClient): ClientRow {
  const fits = isSecretOf(token, client?.registration_token_hash ?? null);
  if (client && fits) return client;
  throw oauthErrors.invalid_token("The registration access token is not valid");
}

/** RFC 7592 §2.2: it names itself, shows no other secret, and leaves to us what is ours. */
function checkIdentity(client: ClientRow, body: JsonObject): void {
  const { client_id: id, client_secret: secret } = body;
  if (id !== client.id) {
    throw oauthErrors.invalid_client_metadata("client_id must be the one of the address");
  }
  const isItsSecret = typeof secret === "string" && isSecretOf(secret, client.client_secret_hash);
  if (secret !== undefined && !isItsSecret) {
    throw oauthErrors.invalid_client_metadata("client_secret cannot be chosen");
  }
  const ours = NOT_SENT.find((name) => Object.hasOwn(body, name));
  if (ours !== undefined) {
    throw oauthErrors.invalid_client_metadata(`${ours} is not for a client to send`);
  }
}
