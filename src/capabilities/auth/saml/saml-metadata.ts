/**
 * An identity provider's metadata (SAML 2.0 Metadata §2.4.3): who it is, where it signs people in and
 * by which certificates its assertions are signed.
 */
import { authErrors } from "../errors.ts";
import { loadSaml } from "./saml-library.ts";

export interface IdpMetadata {
  readonly entityId: string;
  /** By HTTP-Redirect. */
  readonly signInUrl: string;
  /** Base64 DER, as in the document. */
  readonly certificates: readonly string[];
}

export const METADATA_BYTES_MAX = 256 * 1024;
const CERTIFICATES_MAX = 10;

/**
 * No document type has a place in SAML; entities are how parsers are made to read files or to swell
 * (XXE, billion laughs).
 */
export const hasDoctype = (xml: string) => /<!(?:DOCTYPE|ENTITY)/i.test(xml);

/** @throws validation_failed */
export async function readIdpMetadata(xml: string): Promise<IdpMetadata> {
  const fault = (what: string) => authErrors.validation_failed(`SAML Metadata ${what}`);
  if (Buffer.byteLength(xml) > METADATA_BYTES_MAX) throw fault("is too large");
  if (hasDoctype(xml)) throw fault("must not have a document type");
  const { parseDomFromString, xpath } = await loadSaml();
  const doc = await parseDomFromString(xml).catch(() => {
    throw fault("is not well-formed XML");
  });
  const roots = xpath.selectElements(doc, "/*[local-name()='EntityDescriptor']");
  const entityId = roots[0]?.getAttribute("entityID") ?? "";
  if (entityId === "") throw fault("does not contain an EntityID");
  const idps = xpath.selectElements(
    doc,
    "/*[local-name()='EntityDescriptor']/*[local-name()='IDPSSODescriptor']",
  );
  const [idp] = idps;
  if (!idp) throw fault("does not contain any IDPSSODescriptor");
  if (idps.length > 1) throw fault("contains multiple IDPSSODescriptors");
  const services = xpath.selectElements(idp, "./*[local-name()='SingleSignOnService']");
  const redirect = services.find((one) => one.getAttribute("Binding")?.endsWith(":HTTP-Redirect"));
  const signInUrl = redirect?.getAttribute("Location") ?? "";
  if (!/^https?:\/\//.test(signInUrl)) throw fault("names no sign-in by HTTP-Redirect");
  const certificates = xpath
    .selectElements(
      idp,
      "./*[local-name()='KeyDescriptor'][not(@use) or @use='signing']//*[local-name()='X509Certificate']",
    )
    .map((one) => (one.textContent ?? "").replace(/\s+/g, ""))
    .filter((text) => /^[A-Za-z0-9+/=]+$/.test(text))
    .slice(0, CERTIFICATES_MAX);
  if (certificates.length === 0) throw fault("has no signing certificate");
  return { entityId, signInUrl, certificates };
}
