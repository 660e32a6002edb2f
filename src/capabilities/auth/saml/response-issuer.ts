/** Whose response it says it is: only to find by which keys it must be signed. */
import { authErrors } from "../errors.ts";
import { loadSaml } from "./saml-library.ts";
import { hasDoctype } from "./saml-metadata.ts";

/** @throws validation_failed */
export async function issuerOf(encoded: string): Promise<string> {
  const xml = Buffer.from(encoded, "base64").toString("utf8");
  const fault = () =>
    authErrors.validation_failed("SAMLResponse is not a valid XML SAML assertion");
  if (xml === "" || hasDoctype(xml)) throw fault();
  const { parseDomFromString, xpath } = await loadSaml();
  const doc = await parseDomFromString(xml).catch(() => {
    throw fault();
  });
  const found = xpath.selectElements(
    doc,
    "/*[local-name()='Response']/*[local-name()='Issuer'] | /*[local-name()='Response']/*[local-name()='Assertion']/*[local-name()='Issuer']",
  );
  return (found[0]?.textContent ?? "").trim();
}
