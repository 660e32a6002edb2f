/** Metadata from `metadata_url` are read again once a day, so that a provider may change its keys. */
import type { AuthState, Caller } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { type IdpMetadata, readIdpMetadata } from "./saml-metadata.ts";
import { createSamlStore, type SsoProvider } from "./saml-store.ts";

const FRESH_MS = 24 * 60 * 60 * 1000;
/** A provider that cannot be reached is not asked again by every sign-in. */
const RETRY_MS = 10 * 60 * 1000;

/** As they are kept while they cannot be read again, or are then another provider's. */
export async function freshMetadata(
  state: AuthState,
  caller: Caller,
  provider: SsoProvider,
): Promise<IdpMetadata> {
  const kept = await readIdpMetadata(provider.metadata_xml);
  const { metadata_url: url, metadata_at: at, id } = provider;
  const now = state.now();
  if (url === null || now.getTime() - at.getTime() < FRESH_MS) return kept;
  if (!(await isFirst(state, caller, id))) return kept;
  try {
    const xml = await fetchMetadata(state, url);
    const read = await readIdpMetadata(xml);
    if (read.entityId !== provider.entity_id) throw new Error("they are another provider's");
    await createSamlStore(state.sql(caller.tenant)).refreshMetadata(id, xml, now);
    return read;
  } catch (cause) {
    caller.log.warn("auth.saml_metadata_stale", { sso_provider_id: id, cause: String(cause) });
    return kept;
  }
}

/** Of those who would read them now: one does, for a while. */
async function isFirst(state: AuthState, { tenant }: Caller, id: string): Promise<boolean> {
  const options = { ttlMs: RETRY_MS, ifVersion: 0 };
  const key = `auth:saml:metadata:${id}`;
  return (await state.deps.kv.put(tenant, key, new Uint8Array([1]), options)) !== null;
}

/** @throws saml_metadata_fetch_failed */
export async function fetchMetadata(state: AuthState, url: string): Promise<string> {
  const headers = { accept: "application/samlmetadata+xml, application/xml" };
  const { status, text } = await state.providers.ask({ url, headers }).catch((cause: unknown) => {
    throw authErrors.saml_metadata_fetch_failed(cause);
  });
  if (status !== 200) throw authErrors.saml_metadata_fetch_failed(new Error(`status ${status}`));
  return text;
}
