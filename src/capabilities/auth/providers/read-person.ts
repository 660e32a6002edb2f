/** From a provider's tokens to the identity they stand for. */
import type { AuthState } from "../auth-state.ts";
import type { ExternalIdentity } from "../identities/external-identity.ts";
import type { JsonObject } from "../schema.ts";
import type { IssuerMetadata } from "./discovery.ts";
import type { ProviderAnswer } from "./exchange-code.ts";
import type { PersonSource } from "./known-providers.ts";
import { isTrue, readClaims, readSubject } from "./read-claims.ts";
import { OIDC_CLAIMS, type Provider } from "./resolve-provider.ts";
import { verifyIdToken } from "./verify-id-token.ts";

/** Rejects with an Error that says what was wrong. */
export async function readPerson(
  state: AuthState,
  provider: Provider,
  answer: ProviderAnswer,
  nonce: string | null,
): Promise<ExternalIdentity> {
  const token =
    provider.issuer === null ? null : await claimsOfToken(state, provider, answer, nonce);
  const url = token && (await userUrlFor(state, provider, token));
  const source =
    provider.person ?? (url ? { kind: "url" as const, url, method: "GET" as const } : null);
  const told = source ? await askPerson(state, provider, source, answer) : {};
  // OpenID Connect Core §5.3.2: an answer about somebody else must not be used.
  if (token && source && readSubject(told["sub"]) !== readSubject(token["sub"])) {
    throw new Error("the user endpoint answers for another person than the id token");
  }
  const custom = { ...objectIn(told), ...objectIn(token) };
  const both = Object.keys(custom).length === 0 ? {} : { custom_claims: custom };
  const { email_verified: _, ...unproven } = told;
  // One address, and what is said of that very one.
  const isSameEmail = token?.["email"] === undefined || token["email"] === told["email"];
  return identityOf(provider, { ...(isSameEmail ? told : unproven), ...token, ...both });
}

function objectIn(claims: JsonObject | null): JsonObject {
  return (claims?.["custom_claims"] ?? {}) as JsonObject;
}

async function claimsOfToken(
  state: AuthState,
  provider: Provider,
  { idToken, accessToken }: ProviderAnswer,
  nonce: string | null,
): Promise<JsonObject> {
  const { directory } = state.providers;
  if (idToken === null) throw new Error("the token endpoint gave no id token");
  const metadata = await directory.metadata(provider.issuer ?? "");
  const payload = await verifyIdToken(directory, idToken, {
    metadata,
    clientIds: [provider.settings.client_id],
    nonce,
    accessToken,
    nowMs: state.deps.clock.now(),
  });
  return claimsOf(provider, metadata, payload as JsonObject);
}

/** Claims under our names; what Entra says of an address is believed only with its own mark. */
export function claimsOf(
  provider: Provider,
  { issuer }: IssuerMetadata,
  payload: JsonObject,
): JsonObject {
  // Other claims may stand for ours; who it is stays the token's own word.
  const claims = readClaims(payload, { ...OIDC_CLAIMS, ...provider.settings.claims, sub: "sub" });
  const isEntra = provider.type === "microsoft-entra-id";
  const mark = isEntra ? { email_verified: isTrue(payload["xms_edov"]) } : {};
  const custom = customOf(payload, ["hd", ...(provider.settings.custom_claims ?? [])]);
  return { ...claims, ...mark, ...custom, iss: issuer };
}

function customOf(answer: unknown, names: readonly string[]): JsonObject {
  const custom = readClaims(answer, Object.fromEntries(names.map((name) => [name, name])));
  return Object.keys(custom).length === 0 ? {} : { custom_claims: custom };
}

/** Null when the id token says enough. */
async function userUrlFor(
  state: AuthState,
  { issuer, type }: Provider,
  token: JsonObject,
): Promise<string | null> {
  if (token["email"] !== undefined || type === "apple") return null;
  return (await state.providers.directory.metadata(issuer ?? "")).userUrl;
}

async function askPerson(
  state: AuthState,
  provider: Provider,
  source: PersonSource,
  answer: ProviderAnswer,
): Promise<JsonObject> {
  const paths = provider.person === null ? OIDC_CLAIMS : provider.claims;
  if (source.kind === "token") return readClaims(answer.json, paths);
  const told = await askAs(state, provider, source, answer);
  const custom = customOf(told, provider.settings.custom_claims ?? []);
  const claims = { ...readClaims(told, paths), ...custom };
  if (provider.emailsUrl === null) return claims;
  const list = { kind: "url", url: provider.emailsUrl, method: "GET" } as const;
  return { ...claims, ...bestEmail(await askAs(state, provider, list, answer)) };
}

async function askAs(
  state: AuthState,
  { flags, settings, type }: Provider,
  source: Exclude<PersonSource, { kind: "token" }>,
  { accessToken }: ProviderAnswer,
): Promise<unknown> {
  const scheme = type === "yandex" ? "OAuth" : "Bearer";
  const named = flags["client-header"];
  const isQuery = source.kind === "graphql";
  const { status, json } = await state.providers.ask({
    url: source.url,
    method: isQuery ? "POST" : source.method,
    headers: {
      authorization: `${scheme} ${accessToken}`,
      ...(named === undefined ? {} : { [named]: settings.client_id }),
      ...(isQuery ? { "content-type": "application/json" } : {}),
    },
    ...(isQuery ? { body: JSON.stringify({ query: source.query }) } : {}),
  });
  if (status !== 200) throw new Error(`${new URL(source.url).hostname} answered ${status}`);
  return json;
}

/** GitHub's, Gitea's and Bitbucket's lists: the primary address if it is verified, else any that is. */
function bestEmail(answer: unknown): JsonObject {
  const values = (answer as { values?: unknown } | null)?.values;
  const list = [answer, values].find((one) => Array.isArray(one)) as unknown[] | undefined;
  const entries = (list ?? []).map((entry) =>
    readClaims(entry, {
      email: "email",
      primary: "primary",
      main: "is_primary",
      a: "verified",
      b: "is_confirmed",
    }),
  );
  const isVerified = (one: JsonObject) => isTrue(one["a"]) || isTrue(one["b"]);
  const isPrimary = (one: JsonObject) => isTrue(one["primary"]) || isTrue(one["main"]);
  const best =
    entries.find((one) => isPrimary(one) && isVerified(one)) ??
    entries.find(isVerified) ??
    entries.find(isPrimary);
  return best?.["email"] === undefined
    ? {}
    : { email: best["email"], email_verified: isVerified(best) };
}

/** @throws Error when the answer names nobody */
export function identityOf(provider: Provider, claims: JsonObject): ExternalIdentity {
  const providerId = readSubject(claims["sub"]);
  if (providerId === null) throw new Error("the provider names nobody");
  const { settings, flags } = provider;
  const email = typeof claims["email"] === "string" ? claims["email"] : null;
  const isTrusted = settings.trust_email ?? "trust-email" in flags;
  return {
    provider: provider.name,
    providerId,
    email,
    emailVerified: email !== null && (isTrusted || isTrue(claims["email_verified"])),
    emailOptional: settings.email_optional ?? "no-email" in flags,
    claims,
  };
}
