/**
 * `/auth/v1/admin/custom-providers`: OpenID Connect and OAuth 2 providers that are added while the
 * server runs, in the form of GoTrue's clients. A secret goes into the vault and is never told again.
 */
import { Value } from "@sinclair/typebox/value";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { flagOf, objectOf, textOf } from "../http/read-json.ts";
import { audit, SERVICE } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { type ProviderSettings, providerSchema } from "./config.ts";
import {
  type CustomProviderDraft,
  type CustomProviderRow,
  createCustomStore,
} from "./custom-store.ts";
import { CUSTOM } from "./find-provider.ts";
import { resolveProvider } from "./resolve-provider.ts";

const WELL_KNOWN = /\/\.well-known\/openid-configuration$/;

export async function listCustomProviders(state: AuthState, caller: Caller, type: string | null) {
  const rows = await createCustomStore(state.sql(caller.tenant)).list(type);
  return { providers: rows.map(present) };
}

/** @throws custom_provider_not_found */
export async function getCustomProvider(state: AuthState, caller: Caller, identifier: string) {
  return present(await find(state, caller, identifier));
}

/** @throws validation_failed, conflict */
export async function createCustomProvider(state: AuthState, caller: Caller, body: JsonObject) {
  const type = textOf(body, "provider_type");
  const identifier = textOf(body, "identifier");
  if (type !== "oidc" && type !== "oauth2") {
    throw authErrors.validation_failed("provider_type must be oidc or oauth2");
  }
  if (!CUSTOM.test(identifier)) {
    throw authErrors.validation_failed(
      "identifier must be custom: and a name of a-z, 0-9, - and _",
    );
  }
  const id = state.deps.ids.uuid();
  const known: CustomProviderDraft = {
    provider_type: type,
    identifier,
    name: identifier,
    enabled: true,
    settings: {},
  };
  const draft = readDraft(body, known, id);
  await keepSecret(state, caller, id, body);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const isNew = await createCustomStore(tx).insert(id, draft, state.now());
    if (!isNew) throw authErrors.custom_provider_exists(identifier);
    await record(state, store, caller, "custom_provider_created", identifier);
  });
  return getCustomProvider(state, caller, identifier);
}

/** Absent members stay as they are; type and identifier always do. */
export async function updateCustomProvider(
  state: AuthState,
  caller: Caller,
  identifier: string,
  body: JsonObject,
) {
  const known = await find(state, caller, identifier);
  const draft = readDraft(body, known, known.id);
  await keepSecret(state, caller, known.id, body);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    await createCustomStore(tx).update(known.id, draft, state.now());
    await record(state, store, caller, "custom_provider_updated", identifier);
  });
  return getCustomProvider(state, caller, identifier);
}

/** Its people stay, but cannot sign in by it any more. */
export async function deleteCustomProvider(
  state: AuthState,
  caller: Caller,
  identifier: string,
): Promise<void> {
  const known = await find(state, caller, identifier);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    await createCustomStore(tx).remove(known.id);
    await record(state, store, caller, "custom_provider_deleted", identifier);
  });
  await state.deps.vault.delete(caller.tenant, secretPath(known.id));
}

async function find(state: AuthState, caller: Caller, identifier: string) {
  const found = await createCustomStore(state.sql(caller.tenant)).find(identifier);
  if (!found) throw authErrors.custom_provider_not_found();
  return found;
}

const secretPath = (id: string) => `auth/providers/${id}`;

/** Before the row: a row whose secret is missing would not work, a secret without a row does no harm. */
async function keepSecret(state: AuthState, caller: Caller, id: string, body: JsonObject) {
  const secret = textOf(body, "client_secret");
  if (secret !== "") await state.deps.vault.put(caller.tenant, secretPath(id), secret);
}

function readDraft(body: JsonObject, known: CustomProviderDraft, id: string): CustomProviderDraft {
  const settings = readSettings(body, known, id);
  const name = textOf(body, "name") || known.name;
  const enabled = "enabled" in body ? flagOf(body, "enabled") : known.enabled;
  const { provider_type, identifier } = known;
  const isOidc = provider_type === "oidc";
  if (isOidc !== (settings["issuer"] !== undefined)) {
    const needs = isOidc ? "issuer" : "authorization_url, token_url and userinfo_url";
    throw authErrors.validation_failed(`A provider of type ${provider_type} needs ${needs}`);
  }
  if (!Value.Check(providerSchema, settings)) {
    const [first] = Value.Errors(providerSchema, settings);
    throw authErrors.validation_failed(`${first?.path.slice(1)}: ${first?.message}`);
  }
  try {
    resolveProvider(identifier, settings as unknown as ProviderSettings, new Map());
  } catch (error) {
    throw authErrors.validation_failed(error instanceof Error ? error.message : String(error));
  }
  return { provider_type, identifier, name: name.slice(0, 100), enabled, settings };
}

/** GoTrue's members as `[auth.providers.<name>]` has them. */
function readSettings(body: JsonObject, { settings: known }: CustomProviderDraft, id: string) {
  const settings: JsonObject = { ...known };
  const take = (from: string, to: string, value: JsonObject[string] | undefined = body[from]) => {
    if (body[from] !== undefined && body[from] !== null && value !== undefined)
      settings[to] = value;
  };
  take("client_id", "client_id");
  take("client_secret", "client_secret", `vault:${secretPath(id)}`);
  take("acceptable_client_ids", "client_ids");
  take("scopes", "scopes");
  take("custom_claims_allowlist", "custom_claims");
  take("attribute_mapping", "claims", objectOf(body, "attribute_mapping") ?? undefined);
  take("authorization_params", "authorize_params");
  take("pkce_enabled", "pkce", flagOf(body, "pkce_enabled") ? "s256" : "none");
  take("email_optional", "email_optional");
  take("skip_nonce_check", "skip_nonce_check");
  take("discovery_url", "issuer", textOf(body, "discovery_url").replace(WELL_KNOWN, ""));
  take("issuer", "issuer");
  take("authorization_url", "authorize_url");
  take("token_url", "token_url");
  take("userinfo_url", "user_url");
  return settings;
}

function record(
  state: AuthState,
  store: AuthStore,
  caller: Caller,
  action: string,
  identifier: string,
) {
  return audit(state, store, caller, SERVICE, action, { provider: identifier });
}

/** GoTrue's form; the secret is left out. */
function present({ settings, ...row }: CustomProviderRow) {
  const { id, provider_type, identifier, name, enabled, created_at, updated_at } = row;
  return {
    id,
    provider_type,
    identifier,
    name,
    client_id: settings["client_id"],
    acceptable_client_ids: settings["client_ids"] ?? [],
    scopes: settings["scopes"] ?? [],
    custom_claims_allowlist: settings["custom_claims"] ?? [],
    pkce_enabled: settings["pkce"] !== "none",
    attribute_mapping: settings["claims"] ?? {},
    authorization_params: settings["authorize_params"] ?? {},
    enabled,
    email_optional: settings["email_optional"] ?? false,
    issuer: settings["issuer"],
    skip_nonce_check: settings["skip_nonce_check"] ?? false,
    authorization_url: settings["authorize_url"],
    token_url: settings["token_url"],
    userinfo_url: settings["user_url"],
    created_at,
    updated_at,
  };
}
