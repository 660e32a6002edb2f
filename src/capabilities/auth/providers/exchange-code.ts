/** Exchanges a provider's code for its tokens (RFC 6749 §4.1.3, RFC 7636 §4.5). */
import { importPKCS8, SignJWT } from "jose";
import type { TenantCtx } from "../../../core/tenant.ts";
import type { AuthState } from "../auth-state.ts";
import type { OauthSecrets } from "./oauth-state.ts";
import type { Provider } from "./resolve-provider.ts";

export interface ProviderAnswer {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  readonly idToken: string | null;
  /** All of the answer, for providers that say in it who somebody is. */
  readonly json: unknown;
}

const TOKEN_LENGTH_MAX = 16 * 1024;
const APPLE_SECRET_S = 300;

/** Rejects with an Error that says what was wrong, without any secret. */
export async function exchangeCode(
  state: AuthState,
  tenant: TenantCtx,
  provider: Provider,
  code: string,
  secrets: OauthSecrets,
): Promise<ProviderAnswer> {
  const body = new URLSearchParams({
    grant_type: "authorization_code",
    code,
    redirect_uri: secrets.redirectUri,
  });
  if (secrets.verifier !== null) body.set("code_verifier", secrets.verifier);
  const { flags } = provider;
  if (flags["action"] !== undefined) body.set("action", flags["action"]);
  if ("token-scopes" in flags) body.set("scope", provider.scopes.join(" "));
  const headers = await authenticate(state, tenant, provider, body);
  const { status, json } = await state.providers.ask({
    url: await tokenUrl(state, provider),
    method: "POST",
    headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
    body: body.toString(),
  });
  if (status !== 200) throw new Error(`the token endpoint answered ${status}${errorIn(json)}`);
  const inner = flags["answer"] === undefined ? json : memberOf(json, flags["answer"]);
  return readAnswer(inner);
}

async function tokenUrl(state: AuthState, { tokenUrl: url, issuer }: Provider): Promise<string> {
  if (url !== null) return url;
  const metadata = await state.providers.directory.metadata(issuer ?? "");
  if (metadata.tokenUrl === null) throw new Error(`${issuer} names no token endpoint`);
  return metadata.tokenUrl;
}

/** RFC 6749 §2.3.1: by header or in the body, never both. */
async function authenticate(
  state: AuthState,
  tenant: TenantCtx,
  provider: Provider,
  body: URLSearchParams,
): Promise<Record<string, string>> {
  const { client_id: id } = provider.settings;
  const name = "client-key" in provider.flags ? "client_key" : "client_id";
  if (provider.clientAuth === "public") {
    body.set(name, id);
    return {};
  }
  const secret = await clientSecret(state, tenant, provider);
  if (provider.clientAuth === "post") {
    body.set(name, id);
    body.set("client_secret", secret);
    return {};
  }
  const pair = `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

async function clientSecret(
  state: AuthState,
  tenant: TenantCtx,
  provider: Provider,
): Promise<string> {
  const { client_secret: secret, private_key: key } = provider.settings;
  if (secret !== undefined) return fromVault(state, tenant, secret);
  if (key === undefined)
    throw new Error(`auth.providers.${provider.name}.client_secret is not set`);
  return appleSecret(state, provider, await fromVault(state, tenant, key));
}

async function fromVault(state: AuthState, tenant: TenantCtx, value: string): Promise<string> {
  if (!value.startsWith("vault:")) return value;
  const path = value.slice("vault:".length);
  const found = await state.deps.vault.get(tenant, path);
  if (!found) throw new Error(`the vault has nothing at ${path}`);
  return found.value;
}

/** Apple's client secret is a token signed by the developer's key. */
async function appleSecret(state: AuthState, provider: Provider, pem: string): Promise<string> {
  const { team_id: team, key_id: kid, client_id: id } = provider.settings;
  if (!team || !kid) throw new Error(`auth.providers.${provider.name} needs team_id and key_id`);
  const nowS = Math.floor(state.deps.clock.now() / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: "ES256", kid })
    .setIssuer(team)
    .setSubject(id)
    .setAudience("https://appleid.apple.com")
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + APPLE_SECRET_S)
    .sign(await importPKCS8(pem, "ES256"));
}

function readAnswer(json: unknown): ProviderAnswer {
  const accessToken = textIn(json, "access_token");
  if (accessToken === null) throw new Error(`the token endpoint gave no token${errorIn(json)}`);
  const refreshToken = textIn(json, "refresh_token");
  return { accessToken, refreshToken, idToken: textIn(json, "id_token"), json };
}

const memberOf = (json: unknown, name: string): unknown =>
  typeof json === "object" && json !== null ? (json as Record<string, unknown>)[name] : undefined;

function textIn(json: unknown, name: string): string | null {
  const value = memberOf(json, name);
  return typeof value === "string" && value !== "" && value.length <= TOKEN_LENGTH_MAX
    ? value
    : null;
}

/** RFC 6749 §5.2: `error` is a short code; descriptions may repeat what was sent. */
function errorIn(json: unknown): string {
  const error = memberOf(json, "error");
  return typeof error === "string" && /^[a-z0-9_.-]{1,60}$/i.test(error) ? `: ${error}` : "";
}
