/**
 * New clients: `POST /oauth/clients/register`, where a client registers itself (RFC 7591), and
 * `POST /admin/oauth/clients`, where the operator does.
 */
import type { TransactionSql } from "postgres";
import { ReactorError } from "../../../../core/errors.ts";
import type { AuthState, Caller } from "../../auth-state.ts";
import { authErrors } from "../../errors.ts";
import { limitByAddress } from "../../http/limit-rate.ts";
import { audit, publish, SERVICE } from "../../record.ts";
import type { JsonObject } from "../../schema.ts";
import { type AuthStore, inTransaction } from "../../store.ts";
import { oauthErrors } from "../errors.ts";
import type { ClientRow } from "../schema.ts";
import { knownScopes } from "../scopes.ts";
import { type ClientMetadata, readMetadata } from "./client-metadata.ts";
import { hashSecret, newSecret } from "./client-secret.ts";
import { clientStore } from "./client-store.ts";
import { presentClient, presentRegistration } from "./present-client.ts";

/** Seconds after which a client that was refused for want of room may try again. */
const RETRY_S = 3600;

export function metadataRules({ config }: AuthState, isTrusted: boolean) {
  const { redirect_schemes: redirectSchemes } = config.oauth_server;
  return { isTrusted, redirectSchemes, scopes: knownScopes(config) };
}

/** The same rules with GoTrue's one code for the admin routes. @throws validation_failed */
export function readOperatorsMetadata(
  state: AuthState,
  body: JsonObject,
  isTrusted: boolean,
): ClientMetadata {
  try {
    return readMetadata(body, metadataRules(state, isTrusted));
  } catch (error) {
    if (error instanceof ReactorError) throw authErrors.validation_failed(error.message);
    throw error;
  }
}

/**
 * @param issuer of the OAuth server.
 * @throws oauth_dynamic_client_registration_disabled, invalid_redirect_uri, invalid_client_metadata,
 * temporarily_unavailable
 */
export async function registerClient(
  state: AuthState,
  caller: Caller,
  issuer: string,
  body: JsonObject,
) {
  const { oauth_server: settings } = state.config;
  await limitByAddress(state, caller, "oauth_register", settings.rate_limit_register);
  if (!settings.dynamic_registration) {
    throw authErrors.oauth_dynamic_client_registration_disabled();
  }
  const metadata = readMetadata(body, metadataRules(state, false));
  const token = newSecret(state.deps.rng);
  const { client, secret } = await create(state, caller, metadata, token);
  return presentRegistration(client, issuer, token, secret);
}

/** By the secret key. @throws validation_failed */
export async function adminCreateClient(state: AuthState, caller: Caller, body: JsonObject) {
  const metadata = readOperatorsMetadata(state, body, true);
  const { client, secret } = await create(state, caller, metadata, null);
  return presentClient(client, secret);
}

/** @param token by which it will look after itself; null: the operator does. */
async function create(
  state: AuthState,
  caller: Caller,
  metadata: ClientMetadata,
  token: string | null,
) {
  const now = state.now();
  const secret = metadata.client_type === "public" ? null : newSecret(state.deps.rng);
  const row = {
    ...metadata,
    id: state.deps.ids.uuid(),
    client_secret_hash: secret === null ? null : hashSecret(secret),
    registration_type: token === null ? ("manual" as const) : ("dynamic" as const),
    registration_token_hash: token === null ? null : hashSecret(token),
    created_at: now,
    updated_at: now,
  };
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const clients = clientStore(tx);
    if (token !== null) await makeRoom(state, clients, now);
    await clients.insert(row);
    await recordClient(state, store, tx, caller, "oauth_client_created", row);
  });
  return { client: { ...row, last_used_at: null }, secret };
}

/** Registrations are free to make, so those that came to nothing give way. @throws temporarily_unavailable */
async function makeRoom(state: AuthState, clients: ReturnType<typeof clientStore>, now: Date) {
  const { dynamic_clients_max: max, dynamic_client_unused_s: unusedS } = state.config.oauth_server;
  if ((await clients.countDynamic()) < max) return;
  const removed = await clients.removeUnused(new Date(now.getTime() - unusedS * 1000));
  if (removed > 0) return;
  throw oauthErrors.temporarily_unavailable("No more clients can register at present", RETRY_S);
}

/** The audit entry and the event of a change of a client, in its transaction. */
export async function recordClient(
  state: AuthState,
  store: AuthStore,
  tx: TransactionSql,
  caller: Caller,
  action: "oauth_client_created" | "oauth_client_updated" | "oauth_client_deleted",
  client: Pick<ClientRow, "id" | "client_name" | "registration_type">,
): Promise<void> {
  const facts = { client_id: client.id, registration_type: client.registration_type };
  const by = caller.isService ? SERVICE : { id: null, name: "" };
  const traits = { ...facts, client_name: client.client_name };
  await audit(state, store, caller, by, action, traits);
  await publish(state, tx, caller, `auth.${action}`, client.id, facts);
}
