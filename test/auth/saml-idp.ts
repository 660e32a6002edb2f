/**
 * A SAML identity provider that signs whatever the test wants said, with keys made for these tests
 * alone (`test/fixtures/saml`).
 */
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { SignedXml } from "xml-crypto";
import { encrypt as encryptXml } from "xml-encryption";

const FIXTURES = join(import.meta.dir, "../fixtures/saml");
const read = (name: string) => readFileSync(join(FIXTURES, name), "utf8");

export const KEYS = {
  idp: { key: read("idp.key"), certificate: read("idp.crt") },
  evil: { key: read("evil.key"), certificate: read("evil.crt") },
} as const;

export const ENTITY = "https://idp.example.test/metadata";
export const SIGN_IN = "https://idp.example.test/sign-in";
export const ACS = "http://localhost/auth/v1/sso/saml/acs";
export const AUDIENCE = "http://localhost/auth/v1/sso/saml/metadata";

const bodyOf = (pem: string) => pem.replace(/-----[^-]+-----|\s/g, "");

export function idpMetadata(entityId = ENTITY, certificate = KEYS.idp.certificate): string {
  return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${bodyOf(certificate)}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${SIGN_IN}"/></IDPSSODescriptor></EntityDescriptor>`;
}

export interface Said {
  id: string;
  issuer: string;
  nameId: string;
  format: string;
  audience: string | null;
  recipient: string;
  /** Null: none. */
  inResponseTo: string | null;
  destination: string;
  status: string;
  nowMs: number;
  startsInS: number;
  endsInS: number;
  method: string;
  authnStatement: boolean;
  /** `SessionNotOnOrAfter`; null: none. */
  sessionEndsInS: number | null;
  conditions: boolean;
  attributes: Record<string, string>;
}

let count = 0;

export function honest(nowMs: number, inResponseTo: string | null): Said {
  const n = ++count;
  return {
    id: `_assertion${n}`,
    issuer: ENTITY,
    nameId: `person-${n}`,
    format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    audience: AUDIENCE,
    recipient: ACS,
    inResponseTo,
    destination: ACS,
    status: "urn:oasis:names:tc:SAML:2.0:status:Success",
    nowMs,
    startsInS: -5,
    endsInS: 300,
    method: "urn:oasis:names:tc:SAML:2.0:cm:bearer",
    authnStatement: true,
    sessionEndsInS: null,
    conditions: true,
    attributes: { mail: `saml-${n}@corp.example.test` },
  };
}

export function assertionXml(said: Said): string {
  const at = (seconds: number) => new Date(said.nowMs + seconds * 1000).toISOString();
  const answers = said.inResponseTo === null ? "" : ` InResponseTo="${said.inResponseTo}"`;
  const audience =
    said.audience === null
      ? ""
      : `<saml:AudienceRestriction><saml:Audience>${said.audience}</saml:Audience></saml:AudienceRestriction>`;
  const conditions = said.conditions
    ? `<saml:Conditions NotBefore="${at(said.startsInS)}" NotOnOrAfter="${at(said.endsInS)}">${audience}</saml:Conditions>`
    : "";
  const end =
    said.sessionEndsInS === null ? "" : ` SessionNotOnOrAfter="${at(said.sessionEndsInS)}"`;
  const authn = said.authnStatement
    ? `<saml:AuthnStatement AuthnInstant="${at(0)}"${end}><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`
    : "";
  const attributes = Object.entries(said.attributes)
    .map(
      ([name, value]) =>
        `<saml:Attribute Name="${name}"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute>`,
    )
    .join("");
  return `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${said.id}" Version="2.0" IssueInstant="${at(0)}"><saml:Issuer>${said.issuer}</saml:Issuer><saml:Subject><saml:NameID Format="${said.format}">${said.nameId}</saml:NameID><saml:SubjectConfirmation Method="${said.method}"><saml:SubjectConfirmationData NotOnOrAfter="${at(said.endsInS)}" Recipient="${said.recipient}"${answers}/></saml:SubjectConfirmation></saml:Subject>${conditions}${authn}<saml:AttributeStatement>${attributes}</saml:AttributeStatement></saml:Assertion>`;
}

export function responseXml(said: Said, inner: string): string {
  const at = new Date(said.nowMs).toISOString();
  const answers = said.inResponseTo === null ? "" : ` InResponseTo="${said.inResponseTo}"`;
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response${said.id}" Version="2.0" IssueInstant="${at}" Destination="${said.destination}"${answers}><saml:Issuer>${said.issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="${said.status}"/></samlp:Status>${inner}</samlp:Response>`;
}

export interface SignOptions {
  /** Element that is signed: `Assertion` (default) or `Response`. */
  readonly what?: "Assertion" | "Response";
  readonly key?: string;
  readonly signature?: string;
  readonly digest?: string;
}

/** The document with an enveloped signature after the element's issuer. */
export function sign(
  xml: string,
  {
    what = "Assertion",
    key = KEYS.idp.key,
    signature = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    digest = "http://www.w3.org/2001/04/xmlenc#sha256",
  }: SignOptions = {},
): string {
  const c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
  const signed = new SignedXml({
    privateKey: key,
    signatureAlgorithm: signature,
    canonicalizationAlgorithm: c14n,
  });
  const xpath = `//*[local-name(.)='${what}']`;
  const transforms = ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", c14n];
  signed.addReference({ xpath, transforms, digestAlgorithm: digest });
  const reference = `${xpath}/*[local-name(.)='Issuer']`;
  signed.computeSignature(xml, { location: { reference, action: "after" } });
  return signed.getSignedXml();
}

/** The id of the request in the address by which a browser left. */
export function requestIdOf(location: string): string {
  const encoded = new URL(location).searchParams.get("SAMLRequest") ?? "";
  const xml = inflateRawSync(Buffer.from(encoded, "base64")).toString();
  return /ID="([^"]+)"/.exec(xml)?.[1] ?? "";
}

export const encode = (xml: string) => Buffer.from(xml).toString("base64");

/** The assertion for the holder of a certificate's key alone. */
export async function encrypt(assertion: string, certificate: string): Promise<string> {
  const options = {
    rsa_pub: createPublicKey(certificate).export({ type: "spki", format: "pem" }),
    pem: certificate,
    encryptionAlgorithm: "http://www.w3.org/2009/xmlenc11#aes256-gcm" as const,
    keyEncryptionAlgorithm: "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" as const,
  };
  const sealed = await new Promise<string>((resolve, reject) =>
    encryptXml(assertion, options, (error, result) =>
      error ? reject(error) : resolve(String(result)),
    ),
  );
  return `<saml:EncryptedAssertion>${sealed}</saml:EncryptedAssertion>`;
}
