/**
 * From a SAML response to the identity it vouches for. `@node-saml/node-saml` verifies the signature
 * and hands back only what it covers; what that says is checked by the server's clock and names.
 */
import type { Profile } from "@node-saml/node-saml";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import { authErrors } from "../errors.ts";
import type { ExternalIdentity } from "../identities/external-identity.ts";
import type { JsonObject } from "../schema.ts";
import { type CheckedAssertion, checkAssertion } from "./check-assertion.ts";
import { loadSaml, type SamlLibrary } from "./saml-library.ts";
import { hasDoctype, readIdpMetadata } from "./saml-metadata.ts";
import type { SsoProvider } from "./saml-store.ts";
import { createServiceProvider, privateKey, type SpNames } from "./service-provider.ts";

export interface ReadResponse extends CheckedAssertion {
  readonly identity: ExternalIdentity;
}

const SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success";
/** SHA-1 signatures can be made to fit two documents. */
const WEAK = /(?:sha1|md5)$/i;
const ALGORITHMS =
  "//*[local-name()='Signature']//*[local-name()='SignatureMethod' or local-name()='DigestMethod']";

const SUBJECT_IDS = [
  "urn:oasis:names:tc:SAML:attribute:subject-id",
  "urn:oasis:names:tc:SAML:attribute:pairwise-id",
];
const EMAILS = [
  "urn:oid:0.9.2342.19200300.100.1.3",
  "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
  "http://schemas.xmlsoap.org/claims/EmailAddress",
  "mail",
  "email",
];

/**
 * @param requestId of the request it must answer; null when nobody asked.
 * @throws validation_failed, saml_assertion_no_user_id, saml_assertion_no_email
 */
export async function readResponse(
  state: AuthState,
  tenant: TenantCtx,
  sp: SpNames,
  provider: SsoProvider,
  encoded: string,
  requestId: string | null,
): Promise<ReadResponse> {
  const idp = await readIdpMetadata(provider.metadata_xml);
  const saml = await createServiceProvider(state, tenant, sp, idp);
  try {
    await checkEnvelope(encoded, sp.acsUrl, await privateKey(state, tenant));
    const { profile } = await saml.validatePostResponseAsync({ SAMLResponse: encoded });
    const document = profile?.getAssertion?.();
    if (!profile || !document) throw new Error("there is no assertion");
    const checked = checkAssertion(document, {
      entityId: provider.entity_id,
      audience: sp.entityId,
      acsUrl: sp.acsUrl,
      requestId,
      nowMs: state.deps.clock.now(),
    });
    return { ...checked, identity: identityOf(provider, profile) };
  } catch (error) {
    throw refusal(error);
  }
}

function refusal(error: unknown): unknown {
  const isOurs = error instanceof Error && "status" in error;
  return isOurs ? error : authErrors.saml_assertion_invalid(error);
}

/** What stands outside the signature: enough to refuse by, never to believe. */
async function checkEnvelope(encoded: string, acsUrl: string, key: string | null): Promise<void> {
  const xml = Buffer.from(encoded, "base64").toString("utf8");
  if (hasDoctype(xml)) throw new Error("the response has a document type");
  const { parseDomFromString, xpath, decryptXml } = await loadSaml();
  const doc = await parseDomFromString(xml);
  const [root] = xpath.selectElements(doc, "/*[local-name()='Response']");
  if (!root) throw new Error("there is no response");
  const destination = root.getAttribute("Destination");
  if (destination && destination !== acsUrl) throw new Error("the response is for another address");
  const codes = xpath.selectElements(
    doc,
    "/*[local-name()='Response']/*[local-name()='Status']/*[local-name()='StatusCode']",
  );
  if (codes.length !== 1 || codes[0]?.getAttribute("Value") !== SUCCESS) {
    throw new Error("the identity provider reports no success");
  }
  await requireStrong(doc);
  const sealed = xpath.selectElements(doc, "//*[local-name()='EncryptedAssertion']");
  for (const one of key === null ? [] : sealed) {
    await requireStrong(await parseDomFromString(await decryptXml(one.toString(), key ?? "")));
  }
}

async function requireStrong(doc: Awaited<ReturnType<SamlLibrary["parseDomFromString"]>>) {
  const { xpath } = await loadSaml();
  const used = xpath.selectElements(doc, ALGORITHMS).map((one) => one.getAttribute("Algorithm"));
  if (used.some((algorithm) => WEAK.test(algorithm ?? ""))) {
    throw new Error("the response is signed by a weak algorithm");
  }
}

function identityOf(provider: SsoProvider, profile: Profile): ExternalIdentity {
  const attributes = (profile["attributes"] ?? {}) as Record<string, unknown>;
  const firstOf = (names: readonly string[]) =>
    names.map((name) => textIn(attributes, name)).find((text) => text !== null) ?? null;
  const isTransient = profile.nameIDFormat?.endsWith(":transient") ?? false;
  const providerId = firstOf(SUBJECT_IDS) ?? (isTransient ? null : textIn(profile, "nameID"));
  if (providerId === null || providerId.length > 255) throw authErrors.saml_assertion_no_user_id();
  const mapped = mapAttributes(provider.attribute_mapping, attributes);
  const isEmailId = profile.nameIDFormat?.endsWith(":emailAddress") ?? false;
  const email =
    textIn(mapped, "email") ?? firstOf(EMAILS) ?? (isEmailId ? textIn(profile, "nameID") : null);
  if (email === null) throw authErrors.saml_assertion_no_email();
  return {
    provider: `sso:${provider.id}`,
    providerId,
    email,
    // The organisation's own word on its own people; they are never joined with others by it.
    emailVerified: true,
    emailOptional: false,
    claims: { ...mapped, iss: provider.entity_id, custom_claims: customOf(mapped) },
  };
}

function textIn(values: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  const one = Array.isArray(value) ? value[0] : value;
  return typeof one === "string" && one.trim() !== "" ? one.trim() : null;
}

interface AttributeRule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly default?: unknown;
  readonly array?: boolean;
}

/** GoTrue's `attribute_mapping.keys`: our claim -> where it comes from. */
function mapAttributes(mapping: JsonObject, attributes: Record<string, unknown>): JsonObject {
  const keys = (mapping["keys"] ?? {}) as Record<string, AttributeRule>;
  const mapped: JsonObject = {};
  for (const [claim, rule] of Object.entries(keys)) {
    const names = [...(rule.name ? [rule.name] : []), ...(rule.names ?? [])];
    const found = names.find((name) => Object.hasOwn(attributes, name));
    const value = found === undefined ? rule.default : attributes[found];
    const list = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === "string");
    const taken = rule.array ? list : list[0];
    if (taken !== undefined) mapped[claim] = taken;
  }
  return mapped;
}

const STANDARD = new Set(["email", "name", "full_name", "given_name", "family_name", "user_name"]);

function customOf(mapped: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(mapped).filter(([name]) => !STANDARD.has(name)));
}
