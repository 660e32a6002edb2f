/** This server as a SAML service provider towards one identity provider (`@node-saml/node-saml`). */
import type { SAML } from "@node-saml/node-saml";
import { contextOf } from "../../../core/context.ts";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import { linkBase } from "../messages/link-base.ts";
import { loadSaml } from "./saml-library.ts";
import type { IdpMetadata } from "./saml-metadata.ts";

/** Names and addresses of ours that an identity provider knows. */
export interface SpNames {
  readonly entityId: string;
  readonly acsUrl: string;
}

/**
 * Never simply by the address of the request: who brings an assertion that was made for another
 * service chooses its `Host`, and so would choose whom it is for.
 * @throws saml_needs_address
 */
export function spNames(state: AuthState, request: Request): SpNames {
  const own = linkBase(state, contextOf(request));
  if (own === null) throw authErrors.saml_needs_address();
  const base = `${own}/sso/saml`;
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
