/**
 * The SAML library, loaded when the first organisation needs it. In the executable it is a file that
 * is embedded as it is (`scripts/carry-saml.ts`): compiled ahead like the rest it would be as large as
 * all of Reactor's own code, for what most servers never use.
 */

export type SamlLibrary = Pick<
  typeof import("@node-saml/node-saml"),
  "SAML" | "ValidateInResponseTo" | "generateServiceProviderMetadata"
> &
  Pick<
    typeof import("@node-saml/node-saml/lib/xml.js"),
    "parseDomFromString" | "xpath" | "decryptXml"
  >;

export async function loadSaml(): Promise<SamlLibrary> {
  const { SAML, ValidateInResponseTo, generateServiceProviderMetadata } = await import(
    "@node-saml/node-saml"
  );
  const { parseDomFromString, xpath, decryptXml } = await import("@node-saml/node-saml/lib/xml.js");
  const own = { SAML, ValidateInResponseTo, generateServiceProviderMetadata };
  return { ...own, parseDomFromString, xpath, decryptXml };
}
