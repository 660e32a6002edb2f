/**
 * What a client says of itself when it is registered (RFC 7591 §2): read, bounded, and refused where
 * a person who is asked to trust it could be misled. Members not known here are ignored, as §2 asks.
 */
import type { JsonObject } from "../../schema.ts";
import { oauthErrors } from "../errors.ts";
import { type AuthMethod, type ClientRow, DEVICE_GRANT } from "../schema.ts";
import { isWithin, parseScopes } from "../scopes.ts";
import { REDIRECT_URIS_MAX, redirectUriFault } from "./redirect-uri.ts";

export type ClientMetadata = Pick<
  ClientRow,
  | "redirect_uris"
  | "grant_types"
  | "scope"
  | "client_name"
  | "client_uri"
  | "logo_uri"
  | "tos_uri"
  | "policy_uri"
  | "post_logout_redirect_uris"
  | "client_type"
  | "token_endpoint_auth_method"
>;

export interface MetadataRules {
  /** The operator registers it: it may ask for tokens of its own (client_credentials). */
  readonly isTrusted: boolean;
  readonly redirectSchemes: readonly string[];
  /** Scopes the server knows. */
  readonly scopes: readonly string[];
}

const NAME_LENGTH_MAX = 256;
const URI_LENGTH_MAX = 2048;
const METHODS: readonly AuthMethod[] = ["none", "client_secret_basic", "client_secret_post"];
const GRANTS = ["authorization_code", "refresh_token", DEVICE_GRANT, "client_credentials"];
const DEFAULT_GRANTS = ["authorization_code", "refresh_token"];
/** Control characters, and those that turn the direction of text around. */
const MISLEADING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** @throws invalid_client_metadata, invalid_redirect_uri */
export function readMetadata(body: JsonObject, rules: MetadataRules): ClientMetadata {
  const method = readMethod(body);
  const grants = readGrants(body, rules, method);
  const responses = listOf(body, "response_types") ?? ["code"];
  if (responses.some((type) => type !== "code")) {
    throw oauthErrors.invalid_client_metadata("The only response type is code");
  }
  return {
    redirect_uris: readRedirectUris(body, rules, grants),
    post_logout_redirect_uris: readUriList(body, "post_logout_redirect_uris", rules),
    grant_types: grants,
    scope: readScope(body, rules),
    client_name: readName(body),
    client_uri: readUri(body, "client_uri"),
    logo_uri: readUri(body, "logo_uri"),
    tos_uri: readUri(body, "tos_uri"),
    policy_uri: readUri(body, "policy_uri"),
    client_type: method === "none" ? "public" : "confidential",
    token_endpoint_auth_method: method,
  };
}

/** GoTrue's `client_type` may say it instead, and must not contradict. */
function readMethod(body: JsonObject): AuthMethod {
  const type = textOf(body, "client_type");
  if (!["", "public", "confidential"].includes(type)) {
    throw oauthErrors.invalid_client_metadata("client_type is public or confidential");
  }
  const fallback = type === "public" ? "none" : "client_secret_basic";
  const sent = textOf(body, "token_endpoint_auth_method");
  const method = METHODS.find((known) => known === (sent || fallback));
  if (!method) {
    throw oauthErrors.invalid_client_metadata(
      `token_endpoint_auth_method is one of ${METHODS.join(", ")}`,
    );
  }
  if (type !== "" && (type === "public") !== (method === "none")) {
    throw oauthErrors.invalid_client_metadata(
      "client_type and token_endpoint_auth_method contradict one another",
    );
  }
  return method;
}

function readGrants(body: JsonObject, rules: MetadataRules, method: AuthMethod): string[] {
  const sent = listOf(body, "grant_types") ?? [];
  const grants = sent.length === 0 ? DEFAULT_GRANTS : [...new Set(sent)];
  const unknown = grants.find((grant) => !GRANTS.includes(grant));
  if (unknown !== undefined) {
    throw oauthErrors.invalid_client_metadata("grant_types holds one that is not known here");
  }
  if (grants.includes("client_credentials") && (!rules.isTrusted || method === "none")) {
    // It signs nobody in, so only the operator may hand it out, and only to who can keep a secret.
    throw oauthErrors.invalid_client_metadata(
      "client_credentials is for confidential clients that the operator registers",
    );
  }
  return grants;
}

function readRedirectUris(body: JsonObject, rules: MetadataRules, grants: readonly string[]) {
  const uris = readUriList(body, "redirect_uris", rules);
  if (uris.length > 0 || !grants.includes("authorization_code")) return uris;
  throw oauthErrors.invalid_redirect_uri("redirect_uris is required");
}

function readUriList(body: JsonObject, name: string, rules: MetadataRules): string[] {
  const uris = listOf(body, name) ?? [];
  if (uris.length > REDIRECT_URIS_MAX) {
    throw oauthErrors.invalid_redirect_uri(`${name} holds more than ${REDIRECT_URIS_MAX}`);
  }
  for (const uri of uris) {
    const fault = redirectUriFault(uri, rules.redirectSchemes);
    if (fault !== null) throw oauthErrors.invalid_redirect_uri(`A redirect URI ${fault}`);
  }
  return [...new Set(uris)];
}

function readScope(body: JsonObject, rules: MetadataRules): string | null {
  const sent = parseScopes(textOf(body, "scope"));
  if (sent.length === 0) return null;
  const known = sent.filter((scope) => isWithin(scope, rules.scopes));
  if (known.length === 0) {
    throw oauthErrors.invalid_client_metadata("scope holds none that is known here");
  }
  return known.join(" ");
}

function readName(body: JsonObject): string {
  const name = textOf(body, "client_name").trim();
  if (name.length > NAME_LENGTH_MAX || MISLEADING.test(name)) {
    throw oauthErrors.invalid_client_metadata(
      `client_name is at most ${NAME_LENGTH_MAX} characters without control characters`,
    );
  }
  return name;
}

/** Shown as a link: nothing but the web. */
function readUri(body: JsonObject, name: string): string | null {
  const sent = textOf(body, name);
  if (sent === "") return null;
  const url = URL.parse(sent);
  if (!url || !/^https?:$/.test(url.protocol) || sent.length > URI_LENGTH_MAX) {
    throw oauthErrors.invalid_client_metadata(`${name} must be a web address`);
  }
  return url.href;
}

function textOf(body: JsonObject, name: string): string {
  const value = body[name] ?? "";
  if (typeof value !== "string") {
    throw oauthErrors.invalid_client_metadata(`${name} must be a string`);
  }
  return value;
}

function listOf(body: JsonObject, name: string): string[] | null {
  const value = body[name] ?? null;
  if (value === null) return null;
  if (!Array.isArray(value) || value.some((item) => typeof item !== "string")) {
    throw oauthErrors.invalid_client_metadata(`${name} must be a list of strings`);
  }
  return value as string[];
}
