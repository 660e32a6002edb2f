/** This server as a SAML service provider towards one identity provider (`@node-saml/node-saml`). */
import type { SAML } from "@node-saml/node-saml";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { ownUrl } from "../providers/authorize.ts";
import { loadSaml } from "./saml-library.ts";
import type { IdpMetadata } from "./saml-metadata.ts";

/** Names and addresses of ours that an identity provider knows. */
export interface SpNames {
  readonly entityId: string;
  readonly acsUrl: string;
}

export function spNames(state: AuthState, request: Request): SpNames {
  const base = `${ownUrl(state, request)}/sso/saml`;
  return { entityId: `${base}/metadata`, acsUrl: `${base}/acs` };
}

/** @param requestId of the request that is made; letters and digits. */
export async function createServiceProvider(
  state: AuthState,
  tenant: TenantCtx,
  { entityId, acsUrl }: SpNames,
  idp: IdpMetadata,
  more: { readonly requestId?: string; readonly nameIdFormat?: string | null } = {},
): Promise<SAML> {
  const key = await privateKey(state, tenant);
  const { SAML: Library, ValidateInResponseTo } = await loadSaml();
  return new Library({
    issuer: entityId,
    callbackUrl: acsUrl,
    entryPoint: idp.signInUrl,
    idpCert: [...idp.certificates],
    idpIssuer: idp.entityId,
    audience: entityId,
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    // Times, recipients and requests are checked by `check-assertion.ts`, by the server's clock.
    acceptedClockSkewMs: -1,
    validateInResponseTo: ValidateInResponseTo.never,
    identifierFormat: more.nameIdFormat ?? null,
    disableRequestedAuthnContext: true,
    ...(more.requestId === undefined ? {} : { generateUniqueId: () => `_${more.requestId}` }),
    ...(key === null
      ? {}
      : {
          privateKey: key,
          decryptionPvk: key,
          signatureAlgorithm: "sha256",
          digestAlgorithm: "sha256",
        }),
  });
}

/** The document that an identity provider is configured with. */
export async function describeServiceProvider(
  state: AuthState,
  tenant: TenantCtx,
  { entityId, acsUrl }: SpNames,
): Promise<string> {
  const key = await privateKey(state, tenant);
  const { certificate } = state.config.saml;
  const { generateServiceProviderMetadata } = await loadSaml();
  return generateServiceProviderMetadata({
    issuer: entityId,
    callbackUrl: acsUrl,
    wantAssertionsSigned: true,
    identifierFormat: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    ...(key === null || certificate === ""
      ? {}
      : {
          privateKey: key,
          decryptionPvk: key,
          decryptionCert: certificate,
          publicCerts: certificate,
        }),
  });
}

/** Null when there is none. */
export async function privateKey(state: AuthState, tenant: TenantCtx): Promise<string | null> {
  const { private_key: value } = state.config.saml;
  if (value === "") return null;
  if (!value.startsWith("vault:")) return value;
  const found = await state.deps.vault.get(tenant, value.slice("vault:".length));
  if (!found) throw new Error("the vault has nothing at auth.saml.private_key");
  return found.value;
}
