/** `/auth/v1/admin/sso/providers`: identity providers of organisations, as GoTrue's clients manage them. */
import type { TransactionSql } from "postgres";
import { isUuid } from "../accounts/find-current-user.ts";
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { flagOf, objectOf, textOf } from "../http/read-json.ts";
import { audit, SERVICE } from "../record.ts";
import type { JsonObject } from "../schema.ts";
import { type AuthStore, inTransaction } from "../store.ts";
import { fetchMetadata } from "./fresh-metadata.ts";
import { readIdpMetadata } from "./saml-metadata.ts";
import { createSamlStore, type SsoDraft, type SsoProvider } from "./saml-store.ts";

const FORMATS = new Set([
  "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
  "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
  "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
  "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
]);
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/;
const DOMAINS_MAX = 100;

export async function listSsoProviders(state: AuthState, caller: Caller) {
  const all = await createSamlStore(state.sql(caller.tenant)).list();
  return { items: all.map((one) => present(one, false)) };
}

/** @throws sso_provider_not_found */
export async function getSsoProvider(state: AuthState, caller: Caller, id: string) {
  return present(await find(state, caller, id), true);
}

/** @throws validation_failed, saml_idp_already_exists, sso_domain_already_exists */
export async function createSsoProvider(state: AuthState, caller: Caller, body: JsonObject) {
  if (textOf(body, "type") !== "saml") {
    throw authErrors.validation_failed("Only 'saml' supported for SSO provider type");
  }
  const draft = await readDraft(state, body, null);
  const domains = readDomains(body) ?? [];
  const id = state.deps.ids.uuid();
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    const now = state.now();
    const isNew = await createSamlStore(tx).insert(id, state.deps.ids.uuid(), draft, now);
    if (!isNew) throw authErrors.saml_idp_already_exists(draft.entityId);
    await putDomains(state, tx, id, domains);
    await record(state, store, caller, "sso_provider_created", id);
  });
  return getSsoProvider(state, caller, id);
}

/** Absent members stay as they are. @throws saml_entity_id_mismatch and what creating throws */
export async function updateSsoProvider(
  state: AuthState,
  caller: Caller,
  id: string,
  body: JsonObject,
) {
  const known = await find(state, caller, id);
  const draft = await readDraft(state, body, known);
  const domains = readDomains(body);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    await createSamlStore(tx).update(known.id, draft, state.now());
    if (domains) {
      await createSamlStore(tx).clearDomains(known.id);
      await putDomains(state, tx, known.id, domains);
    }
    await record(state, store, caller, "sso_provider_updated", known.id);
  });
  return getSsoProvider(state, caller, id);
}

/** Its people stay, but cannot sign in any more. @throws sso_provider_not_found */
export async function deleteSsoProvider(state: AuthState, caller: Caller, id: string) {
  const known = await find(state, caller, id);
  await inTransaction(state.sql(caller.tenant), async (store, tx) => {
    await createSamlStore(tx).remove(known.id);
    await record(state, store, caller, "sso_provider_deleted", known.id);
  });
  return present(known, true);
}

async function find(state: AuthState, caller: Caller, id: string): Promise<SsoProvider> {
  const found = isUuid(id) ? await createSamlStore(state.sql(caller.tenant)).find(id) : null;
  if (!found) throw authErrors.sso_provider_not_found();
  return found;
}

async function readDraft(
  state: AuthState,
  body: JsonObject,
  known: SsoProvider | null,
): Promise<SsoDraft> {
  const format = textOf(body, "name_id_format");
  if (format !== "" && !FORMATS.has(format)) {
    throw authErrors.validation_failed("name_id_format must be one of SAML's");
  }
  const metadata = await readMetadata(state, body, known);
  return {
    ...metadata,
    resourceId: textOf(body, "resource_id") || (known?.resource_id ?? null),
    disabled: "disabled" in body ? flagOf(body, "disabled") : (known?.disabled ?? false),
    attributeMapping: objectOf(body, "attribute_mapping") ?? known?.attribute_mapping ?? {},
    nameIdFormat: format || (known?.name_id_format ?? null),
  };
}

async function readMetadata(state: AuthState, body: JsonObject, known: SsoProvider | null) {
  const sent = textOf(body, "metadata_xml");
  const url = textOf(body, "metadata_url");
  if (sent !== "" && url !== "") {
    throw authErrors.validation_failed("Only one of metadata_xml or metadata_url needs to be set");
  }
  if (sent === "" && url === "") {
    if (!known)
      throw authErrors.validation_failed("Either metadata_xml or metadata_url must be set");
    const { entity_id: entityId, metadata_xml: metadataXml, metadata_url: metadataUrl } = known;
    return { entityId, metadataXml, metadataUrl };
  }
  if (url !== "" && !URL.canParse(url)) {
    throw authErrors.validation_failed("metadata_url is not a valid URL");
  }
  const metadataXml = url === "" ? sent : await fetchMetadata(state, url);
  const { entityId } = await readIdpMetadata(metadataXml);
  if (known && known.entity_id !== entityId) {
    throw authErrors.saml_entity_id_mismatch(known.entity_id);
  }
  return { entityId, metadataXml, metadataUrl: url || null };
}

/** Null when none were sent. */
function readDomains(body: JsonObject): readonly string[] | null {
  const { domains } = body;
  if (domains === undefined || domains === null) return null;
  const isList = Array.isArray(domains) && domains.length <= DOMAINS_MAX;
  const texts = isList ? domains.map((one) => String(one).trim().toLowerCase()) : [];
  const wrong = texts.find((one) => !DOMAIN.test(one));
  if (!isList || wrong !== undefined) {
    throw authErrors.validation_failed("domains must be a list of domain names");
  }
  return [...new Set(texts)];
}

async function putDomains(
  state: AuthState,
  tx: TransactionSql,
  id: string,
  domains: readonly string[],
): Promise<void> {
  const store = createSamlStore(tx);
  for (const domain of domains) {
    const isFree = await store.addDomain(state.deps.ids.uuid(), id, domain, state.now());
    if (!isFree) throw authErrors.sso_domain_already_exists(domain);
  }
}

function record(state: AuthState, store: AuthStore, caller: Caller, action: string, id: string) {
  return audit(state, store, caller, SERVICE, action, { sso_provider_id: id });
}

/** GoTrue's form. Lists leave the metadata out, which are long. */
function present(provider: SsoProvider, isWhole: boolean) {
  const { id, resource_id, disabled, created_at, updated_at, domains } = provider;
  const { entity_id, metadata_url, metadata_xml, attribute_mapping, name_id_format } = provider;
  return {
    id,
    ...(resource_id === null ? {} : { resource_id }),
    disabled,
    saml: {
      entity_id,
      ...(metadata_url === null ? {} : { metadata_url }),
      ...(isWhole ? { metadata_xml } : {}),
      attribute_mapping,
      ...(name_id_format === null ? {} : { name_id_format }),
    },
    domains,
    created_at,
    updated_at,
  };
}
