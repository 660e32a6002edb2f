/**
 * Clients made by others, each strict in its own way, sign a person in: openid-client, oauth4webapi,
 * the MCP SDK and @supabase/auth-js. Against a whole server on a port, which has no public URL.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  auth as mcpLogin,
  type OAuthClientProvider,
} from "@modelcontextprotocol/sdk/client/auth.js";
import type {
  OAuthClientInformationMixed,
  OAuthTokens,
} from "@modelcontextprotocol/sdk/shared/auth.js";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import * as oauth from "oauth4webapi";
import * as oidc from "openid-client";
import { startTestServer, type TestServer } from "../support/server.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
const CALLBACK = "https://app.example.test/callback";
const NATIVE = "http://127.0.0.1:4711/cb";
const insecure = { execute: [oidc.allowInsecureRequests] };
let server: TestServer;
let person: SupabaseClient;
let admin: SupabaseClient;
let userId: string;

beforeAll(async () => {
  server = await startTestServer({
    project: "test/fixtures/project",
    config: {
      auth: {
        "oauth_server.scopes": ["notes:read", "data:*:read", "functions:teapot:invoke"],
        "oauth_server.resources": ["https://api.example.test/"],
        "oauth_server.rate_limit_register": 100,
      },
    },
  });
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  person = createClient(server.url, server.publishableKey, options);
  admin = createClient(server.url, server.secretKey, options);
  const { data } = await person.auth.signUp({ email: "peer@example.test", password: PASSWORD });
  userId = data.user?.id ?? "";
});
afterAll(() => server.stop());

const issuer = () => new URL(`${server.url}/auth/v1`);

/** What a browser and its person do: the way back to the client. */
async function agree(url: URL, who = person): Promise<URL> {
  const answer = await fetch(url, { redirect: "manual" });
  const location = new URL(answer.headers.get("location") ?? "");
  const id = location.searchParams.get("authorization_id");
  if (!id) return location;
  expect(location.pathname).toBe("/auth/ui/consent");
  const described = await who.auth.oauth.getAuthorizationDetails(id);
  if (described.error) throw described.error;
  if ("redirect_url" in described.data) return new URL(described.data.redirect_url);
  const { data, error } = await who.auth.oauth.approveAuthorization(id);
  if (error) throw error;
  return new URL(data.redirect_url);
}

describe("openid-client", () => {
  for (const method of ["none", "client_secret_basic", "client_secret_post"] as const) {
    test(`registers with ${method}, signs in, refreshes and signs out`, async () => {
      const metadata = {
        client_name: "Peer",
        redirect_uris: [CALLBACK],
        token_endpoint_auth_method: method,
      };
      const how = {
        none: oidc.None(),
        client_secret_basic: oidc.ClientSecretBasic(),
        client_secret_post: oidc.ClientSecretPost(),
      }[method];
      const config = await oidc.dynamicClientRegistration(issuer(), metadata, how, insecure);
      const registered = config.clientMetadata();
      expect(registered["token_endpoint_auth_method"]).toBe(method);
      expect(registered["client_secret"] === undefined).toBe(method === "none");
      const tokens = await signInWith(config);
      const claims = tokens.claims();
      const who = { sub: userId, iss: issuer().href, email: "peer@example.test" };
      expect(claims as object).toMatchObject(who);
      const info = await oidc.fetchUserInfo(config, tokens.access_token, userId);
      expect(info as object).toEqual({
        sub: userId,
        email: "peer@example.test",
        email_verified: false,
      });
      const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? "");
      expect(fresh.claims()?.sub).toBe(userId);
      if (method !== "none") {
        expect((await oidc.tokenIntrospection(config, fresh.access_token)).active).toBe(true);
      }
      await oidc.tokenRevocation(config, fresh.refresh_token ?? "");
      const gone = oidc.refreshTokenGrant(config, fresh.refresh_token ?? "");
      await expect(gone).rejects.toMatchObject({ error: "invalid_grant" });
    });
  }

  async function signInWith(config: oidc.Configuration) {
    const verifier = oidc.randomPKCECodeVerifier();
    const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()];
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope: "openid email",
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state: expectedState,
      nonce: expectedNonce,
      max_age: "3600",
    });
    return oidc.authorizationCodeGrant(config, await agree(url), {
      pkceCodeVerifier: verifier,
      expectedState,
      expectedNonce,
      maxAge: 3600,
      idTokenExpected: true,
    });
  }

  test("checks signatures of ID tokens by the published keys", async () => {
    const created = await admin.auth.admin.oauth.createClient({
      client_name: "Careful",
      redirect_uris: [CALLBACK],
    });
    const { client_id: id, client_secret: secret } = created.data ?? {};
    const basic = oidc.ClientSecretBasic(secret);
    const config = await oidc.discovery(issuer(), id ?? "", secret ?? "", basic, {
      execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
    });
    expect((await signInWith(config)).claims()?.sub).toBe(userId);
  });

  test("is given a token of its own by client credentials", async () => {
    const created = await admin.auth.admin.oauth.createClient({
      client_name: "Nightly export",
      redirect_uris: [],
      grant_types: ["client_credentials" as never],
    });
    expect(created.error).toBeNull();
    const { client_id: id = "", client_secret: secret = "" } = created.data ?? {};
    const basic = oidc.ClientSecretBasic(secret);
    const config = await oidc.discovery(issuer(), id, secret, basic, insecure);
    const tokens = await oidc.clientCredentialsGrant(config, { scope: "notes:read" });
    expect([tokens.scope, tokens.refresh_token]).toEqual(["notes:read", undefined]);
    const verified = await whoIs(tokens.access_token);
    expect(verified).toMatchObject({ role: "authenticated", user_id: id });
    expect(JSON.parse(verified.claims)).toMatchObject({ client_id: id, scope: "notes:read" });
    const growth = oidc.clientCredentialsGrant(config, { scope: "email" });
    await expect(growth).rejects.toMatchObject({ error: "invalid_scope" });
  });
});

interface Verified {
  role: string;
  user_id: string;
  claims: string;
}

/** What every part of Reactor makes of a token. */
async function whoIs(token: string): Promise<Verified> {
  const answer = await fetch(`${server.url}/auth/v1/_verify`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  return (await answer.json()) as Verified;
}

describe("oauth4webapi", () => {
  const http = { [oauth.allowInsecureRequests]: true };

  for (const algorithm of ["oidc", "oauth2"] as const) {
    test(`discovers by ${algorithm} and signs in`, async () => {
      const found = await oauth.discoveryRequest(issuer(), { ...http, algorithm });
      const as = await oauth.processDiscoveryResponse(issuer(), found);
      expect(as.code_challenge_methods_supported).toEqual(["S256"]);
      const metadata = { redirect_uris: [NATIVE], token_endpoint_auth_method: "none" };
      const client = await oauth.processDynamicClientRegistrationResponse(
        await oauth.dynamicClientRegistrationRequest(as, metadata, http),
      );
      const verifier = oauth.generateRandomCodeVerifier();
      const state = oauth.generateRandomState();
      const nonce = oauth.generateRandomNonce();
      const url = new URL(as.authorization_endpoint ?? "");
      url.search = new URLSearchParams({
        client_id: client.client_id,
        // A native app takes the port it gets (RFC 8252 §7.3).
        redirect_uri: "http://127.0.0.1:55555/cb",
        response_type: "code",
        scope: "openid",
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce,
      }).toString();
      const back = oauth.validateAuthResponse(as, client, await agree(url), state);
      const answer = await oauth.authorizationCodeGrantRequest(
        as,
        client,
        oauth.None(),
        back,
        "http://127.0.0.1:55555/cb",
        verifier,
        http,
      );
      const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, {
        expectedNonce: nonce,
        requireIdToken: true,
      });
      expect(oauth.getValidatedIdTokenClaims(tokens)?.sub).toBe(userId);
      await oauth.validateApplicationLevelSignature(as, answer, http);
    });
  }

  test("signs a device in, which waits for its person", async () => {
    const found = await oauth.discoveryRequest(issuer(), http);
    const as = await oauth.processDiscoveryResponse(issuer(), found);
    const metadata = {
      client_name: "Television",
      token_endpoint_auth_method: "none",
      grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    };
    const client = await oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(as, metadata, http),
    );
    const asked = await oauth.processDeviceAuthorizationResponse(
      as,
      client,
      await oauth.deviceAuthorizationRequest(as, client, oauth.None(), { scope: "openid" }, http),
    );
    expect(asked.verification_uri).toBe(`${server.url}/auth/ui/device`);
    const poll = async () =>
      oauth.processDeviceCodeResponse(
        as,
        client,
        await oauth.deviceCodeGrantRequest(as, client, oauth.None(), asked.device_code, http),
      );
    await expect(poll()).rejects.toMatchObject({ error: "authorization_pending" });
    await expect(poll()).rejects.toMatchObject({ error: "slow_down" });
    const token = (await person.auth.getSession()).data.session?.access_token ?? "";
    const typed = asked.user_code.toLowerCase().replace("-", "");
    const path = `${server.url}/auth/v1/oauth/devices/${typed}`;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const shown = (await (await fetch(path, { headers })).json()) as Record<string, unknown>;
    expect(shown).toMatchObject({
      user_code: asked.user_code,
      client: { name: "Television" },
      scope: "openid",
      ip: "127.0.0.1",
    });
    const body = JSON.stringify({ action: "approve" });
    const done = await fetch(`${path}/consent`, { method: "POST", headers, body });
    expect(done.status).toBe(200);
    const tokens = await poll();
    expect(oauth.getValidatedIdTokenClaims(tokens)?.sub).toBe(userId);
    await expect(poll()).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("is given tokens for a resource elsewhere, which are worth nothing here", async () => {
    const resource = "https://api.example.test/";
    const created = await admin.auth.admin.oauth.createClient({
      client_name: "Elsewhere",
      redirect_uris: [],
      grant_types: ["client_credentials" as never],
      token_endpoint_auth_method: "client_secret_post",
    });
    const { client_id: id = "", client_secret: secret = "" } = created.data ?? {};
    const config = await oidc.discovery(
      issuer(),
      id,
      secret,
      oidc.ClientSecretPost(secret),
      insecure,
    );
    const tokens = await oidc.clientCredentialsGrant(config, { resource });
    expect(await whoIs(tokens.access_token)).toMatchObject({ code: "bad_credential" });
    const seen = await oidc.tokenIntrospection(config, tokens.access_token);
    expect(seen).toMatchObject({ active: true, aud: resource, client_id: id });
    const unknown = oidc.clientCredentialsGrant(config, { resource: "https://evil.example/" });
    await expect(unknown).rejects.toMatchObject({ error: "invalid_target" });
  });
});

/** An MCP client that knows nothing but the address of a server. */
class Client implements OAuthClientProvider {
  readonly redirectUrl = NATIVE;
  readonly clientMetadata = {
    client_name: "MCP client",
    redirect_uris: [NATIVE],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  sentTo: URL | null = null;
  saved: OAuthTokens | undefined;
  #known: OAuthClientInformationMixed | undefined;
  #verifier = "";
  clientInformation = () => this.#known;
  saveClientInformation(information: OAuthClientInformationMixed) {
    this.#known = information;
  }
  tokens = () => this.saved;
  saveTokens(tokens: OAuthTokens) {
    this.saved = tokens;
  }
  redirectToAuthorization(url: URL) {
    this.sentTo = url;
  }
  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier;
  }
  codeVerifier = () => this.#verifier;
}

describe("an MCP client", () => {
  test("logs in: metadata of the resource, registration, code with PKCE, refresh", async () => {
    const client = new Client();
    const serverUrl = `${server.url}/fn/v1/teapot`;
    const refused = await fetch(serverUrl);
    const challenge = refused.headers.get("www-authenticate") ?? "";
    expect(refused.status).toBe(401);
    expect(challenge).toContain(
      `resource_metadata="${server.url}/.well-known/oauth-protected-resource/fn/v1/teapot"`,
    );
    expect(await mcpLogin(client, { serverUrl })).toBe("REDIRECT");
    expect(client.sentTo?.searchParams.get("resource")).toBe(serverUrl);
    const back = await agree(client.sentTo ?? new URL("about:blank"));
    const authorizationCode = back.searchParams.get("code") ?? "";
    expect(await mcpLogin(client, { serverUrl, authorizationCode })).toBe("AUTHORIZED");
    const verified = await whoIs(client.saved?.access_token ?? "");
    expect(verified.user_id).toBe(userId);
    expect(JSON.parse(verified.claims)).toMatchObject({ aud: ["authenticated", serverUrl] });
    const headers = { authorization: `Bearer ${client.saved?.access_token}` };
    expect((await fetch(serverUrl, { headers })).status).toBe(418);
    const before = client.saved?.refresh_token;
    expect(await mcpLogin(client, { serverUrl })).toBe("AUTHORIZED");
    expect(client.saved?.refresh_token).not.toBe(before);
  });
});

describe("@supabase/auth-js", () => {
  test("manages clients with the secret key", async () => {
    const { oauth: clients } = admin.auth.admin;
    const { data: made } = await clients.createClient({
      client_name: "Managed",
      redirect_uris: [CALLBACK],
      client_uri: "https://app.example.test/",
    });
    expect(made).toMatchObject({
      client_type: "confidential",
      registration_type: "manual",
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    });
    const id = made?.client_id ?? "";
    expect(made?.client_secret).toMatch(/^[\w-]{43}$/);
    const { data: got } = await clients.getClient(id);
    expect(got).toMatchObject({ client_name: "Managed", redirect_uris: [CALLBACK] });
    expect(got?.client_secret).toBeUndefined();
    const { data: changed } = await clients.updateClient(id, { client_name: "Renamed" });
    expect(changed).toMatchObject({ client_name: "Renamed", redirect_uris: [CALLBACK] });
    const { data: renewed } = await clients.regenerateClientSecret(id);
    expect(renewed?.client_secret).not.toBe(made?.client_secret);
    const { data: listed } = await clients.listClients({ page: 1, perPage: 1000 });
    expect(listed.clients.map((client) => client.client_id)).toContain(id);
    expect((await clients.deleteClient(id)).error).toBeNull();
    expect((await clients.getClient(id)).error?.code).toBe("oauth_client_not_found");
  });

  test("refuses a person the operator's routes, and says what is wrong with a client", async () => {
    const { error } = await admin.auth.admin.oauth.createClient({
      client_name: "Bad",
      redirect_uris: ["http://app.example.test/callback"],
    });
    expect(error?.code).toBe("validation_failed");
    const token = (await person.auth.getSession()).data.session?.access_token ?? "";
    const mine = createClient(server.url, token, { auth: { persistSession: false } });
    expect((await mine.auth.admin.oauth.listClients()).error?.status).toBe(403);
  });

  test("shows a person what is asked, takes the answer, lists grants and takes them back", async () => {
    const { data: client } = await admin.auth.admin.oauth.createClient({
      client_name: "Consent",
      redirect_uris: [CALLBACK],
    });
    const id = client?.client_id ?? "";
    const ask = async (scope: string) => {
      const url = new URL(`${server.url}/auth/v1/oauth/authorize`);
      url.search = new URLSearchParams({
        client_id: id,
        redirect_uri: CALLBACK,
        response_type: "code",
        scope,
        code_challenge: "A".repeat(43),
        code_challenge_method: "S256",
      }).toString();
      const answer = await fetch(url, { redirect: "manual" });
      const location = new URL(answer.headers.get("location") ?? "");
      return location.searchParams.get("authorization_id") ?? "";
    };
    const { oauth: api } = person.auth;
    const denied = await ask("email");
    await api.getAuthorizationDetails(denied);
    const { data: refusal } = await api.denyAuthorization(denied);
    expect(new URL(refusal?.redirect_url ?? "").searchParams.get("error")).toBe("access_denied");
    const asked = await ask("email");
    const { data: details } = await api.getAuthorizationDetails(asked);
    expect(details).toMatchObject({ authorization_id: asked, client: { id, name: "Consent" } });
    await api.approveAuthorization(asked);
    const { data: repeat } = await api.getAuthorizationDetails(await ask("email"));
    expect(Object.keys(repeat ?? {})).toEqual(["redirect_url"]);
    const { data: grants } = await api.listGrants();
    expect(grants?.find((grant) => grant.client.id === id)?.scopes).toEqual(["email"]);
    expect((await api.revokeGrant({ clientId: id })).error).toBeNull();
    const { error } = await api.revokeGrant({ clientId: id });
    expect(error?.code).toBe("oauth_consent_not_found");
  });
});

describe("a client", () => {
  /** Statuses of reading a table, another one, writing, a function, and what only a person may. */
  async function reach(token: string): Promise<number[]> {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const ask = async (path: string, method = "GET") => {
      const body = method === "POST" ? "{}" : null;
      return (await fetch(`${server.url}${path}`, { method, headers, body })).status;
    };
    return [
      await ask("/data/v1/artists"),
      await ask("/data/v1/genres"),
      await ask("/data/v1/genres", "POST"),
      await ask("/fn/v1/teapot"),
      await ask("/auth/v1/user/oauth/grants"),
      await ask("/auth/v1/oauth/userinfo"),
    ];
  }

  async function tokenFor(scope: string): Promise<string> {
    const metadata = { redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" };
    const config = await oidc.dynamicClientRegistration(issuer(), metadata, oidc.None(), insecure);
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
    });
    const back = await agree(url);
    const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier });
    expect(tokens.scope).toBe(scope);
    return tokens.access_token;
  }

  test("goes as far as its scopes in the data API and functions", async () => {
    expect(await reach(await tokenFor("openid data:artists:read"))).toEqual([
      ...[200, 403, 403],
      ...[403, 403, 200],
    ]);
    const wider = await tokenFor("openid data:*:read functions:teapot:invoke");
    expect(await reach(wider)).toEqual([200, 200, 403, 418, 403, 200]);
  });

  test("without such scopes acts as its person, but manages no account", async () => {
    const [artists, genres, , teapot, grants, info] = await reach(await tokenFor("openid"));
    expect([artists, genres, teapot, grants, info]).toEqual([200, 200, 418, 403, 200]);
  });
});

describe("an ID token", () => {
  for (const config of [
    { signing_algorithm: "EdDSA" },
    { signing_algorithm: "HS256", jwt_secret: "a shared secret of at least 32 characters" },
  ]) {
    const { signing_algorithm: algorithm } = config;
    test(`is signed by a published key where access tokens are ${algorithm}`, async () => {
      const other = await startTestServer({ only: ["auth"], config: { auth: config } });
      try {
        const options = { auth: { persistSession: false, autoRefreshToken: false } };
        const who = createClient(other.url, other.publishableKey, options);
        await who.auth.signUp({ email: "key@example.test", password: PASSWORD });
        const metadata = { redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" };
        const peer = await oidc.dynamicClientRegistration(
          new URL(`${other.url}/auth/v1`),
          { ...metadata, id_token_signed_response_alg: algorithm === "EdDSA" ? "EdDSA" : "ES256" },
          oidc.None(),
          { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
        );
        const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
        const url = oidc.buildAuthorizationUrl(peer, {
          redirect_uri: CALLBACK,
          scope: "openid",
          code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
          code_challenge_method: "S256",
        });
        const back = await agree(url, who);
        const tokens = await oidc.authorizationCodeGrant(peer, back, { pkceCodeVerifier });
        const sub = tokens.claims()?.sub ?? "";
        expect(await oidc.fetchUserInfo(peer, tokens.access_token, sub)).toEqual({ sub } as never);
        const header = Buffer.from(tokens.access_token.split(".")[0] ?? "", "base64url");
        expect(JSON.parse(header.toString()).alg).toBe(algorithm);
      } finally {
        await other.stop();
      }
    });
  }
});

test("with a public URL the issuer is that address for every token", async () => {
  const other = await startTestServer({
    only: ["auth"],
    config: { server: { public_url: "https://id.example.test" } },
  });
  try {
    for (const path of [
      "/auth/v1/.well-known/openid-configuration",
      "/auth/v1/.well-known/oauth-authorization-server",
      "/.well-known/oauth-authorization-server/auth/v1",
      "/.well-known/openid-configuration/auth/v1",
    ]) {
      const body = (await (await fetch(other.url + path)).json()) as Record<string, unknown>;
      expect(body).toMatchObject({
        issuer: "https://id.example.test/auth/v1",
        access_token_issuer: "https://id.example.test/auth/v1",
        token_endpoint: "https://id.example.test/auth/v1/oauth/token",
      });
    }
    const path = "/.well-known/oauth-protected-resource/fn/v1/mcp";
    expect(await (await fetch(other.url + path)).json()).toMatchObject({
      resource: "https://id.example.test/fn/v1/mcp",
      authorization_servers: ["https://id.example.test/auth/v1"],
    });
  } finally {
    await other.stop();
  }
});
