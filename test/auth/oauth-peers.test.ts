/**
 * Clients made by others sign a person in to a whole server on a port, which has no public URL; the
 * MCP SDK among them, and what its tokens reach.
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
import * as oidc from "openid-client";
import { startTestServer } from "../support/server.ts";
import {
  CALLBACK,
  describeOAuthPeers,
  insecure,
  NATIVE,
  openPeer,
  PEER_SETTINGS,
  type Peer,
} from "./oauth-peers.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const settings = Object.fromEntries(
  Object.entries(PEER_SETTINGS).map(([name, value]) => [`oauth_server.${name}`, value]),
);
const open = () =>
  startTestServer({ project: "test/fixtures/project", config: { auth: settings } });

describeOAuthPeers(open);

let peer: Peer;

beforeAll(async () => {
  peer = await openPeer(await open());
});
afterAll(() => peer.server.stop());

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
    const serverUrl = `${peer.server.url}/fn/v1/teapot`;
    const refused = await fetch(serverUrl);
    const challenge = refused.headers.get("www-authenticate") ?? "";
    expect(refused.status).toBe(401);
    expect(challenge).toContain(
      `resource_metadata="${peer.server.url}/.well-known/oauth-protected-resource/fn/v1/teapot"`,
    );
    expect(await mcpLogin(client, { serverUrl })).toBe("REDIRECT");
    expect(client.sentTo?.searchParams.get("resource")).toBe(serverUrl);
    const back = await peer.agree(client.sentTo ?? new URL("about:blank"));
    const authorizationCode = back.searchParams.get("code") ?? "";
    expect(await mcpLogin(client, { serverUrl, authorizationCode })).toBe("AUTHORIZED");
    const verified = await peer.whoIs(client.saved?.access_token ?? "");
    expect(verified.user_id).toBe(peer.userId);
    expect(JSON.parse(verified.claims)).toMatchObject({ aud: ["authenticated", serverUrl] });
    const headers = { authorization: `Bearer ${client.saved?.access_token}` };
    expect((await fetch(serverUrl, { headers })).status).toBe(418);
    const before = client.saved?.refresh_token;
    expect(await mcpLogin(client, { serverUrl })).toBe("AUTHORIZED");
    expect(client.saved?.refresh_token).not.toBe(before);
  });
});

describe("a client", () => {
  const statusOf = async (token: string, path: string, method = "GET") => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = method === "POST" ? "{}" : null;
    return (await fetch(`${peer.server.url}${path}`, { method, headers, body })).status;
  };
  /** Of reading a table, another one, writing to it, and what only a person may. */
  const reach = async (token: string) => [
    await statusOf(token, "/data/v1/artists"),
    await statusOf(token, "/data/v1/genres"),
    await statusOf(token, "/data/v1/genres", "POST"),
    await statusOf(token, "/auth/v1/user/oauth/grants"),
    await statusOf(token, "/auth/v1/oauth/userinfo"),
  ];

  async function tokenFor(scope: string): Promise<string> {
    const metadata = { redirect_uris: [CALLBACK], token_endpoint_auth_method: "none" };
    const config = await oidc.dynamicClientRegistration(
      peer.issuer,
      metadata,
      oidc.None(),
      insecure,
    );
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: CALLBACK,
      scope,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
    });
    const back = await peer.agree(url);
    const tokens = await oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier });
    expect(tokens.scope).toBe(scope);
    return tokens.access_token;
  }

  test("goes as far as its scopes in the data API", async () => {
    const narrow = await tokenFor("openid data:artists:read");
    expect(await reach(narrow)).toEqual([200, 403, 403, 403, 200]);
    const wider = await tokenFor("openid data:*:read");
    expect(await reach(wider)).toEqual([200, 200, 403, 403, 200]);
  });

  test("calls the functions that its scopes name", async () => {
    const caller = await tokenFor("openid functions:teapot:invoke");
    expect(await statusOf(caller, "/fn/v1/teapot")).toBe(418);
    expect(await statusOf(caller, "/data/v1/artists")).toBe(403);
    const reader = await tokenFor("openid data:*:read");
    expect(await statusOf(reader, "/fn/v1/teapot")).toBe(403);
  });

  test("without such scopes acts as its person, but manages no account", async () => {
    const plain = await tokenFor("openid");
    const [artists, genres, , grants, info] = await reach(plain);
    expect([artists, genres, grants, info]).toEqual([200, 200, 403, 200]);
    expect(await statusOf(plain, "/fn/v1/teapot")).toBe(418);
  });
});

test("a client that registered itself looks after its record, and signs its person out", async () => {
  const after = `${CALLBACK}/bye`;
  const metadata = { redirect_uris: [CALLBACK], post_logout_redirect_uris: [after] };
  const config = await oidc.dynamicClientRegistration(
    new URL(`${peer.server.url}/auth/v1`),
    metadata,
    undefined,
    insecure,
  );
  const known = config.clientMetadata();
  const address = String(known["registration_client_uri"]);
  const authorization = `Bearer ${known["registration_access_token"]}`;
  const told = (await (await fetch(address, { headers: { authorization } })).json()) as object;
  expect(told).toMatchObject({ client_id: known.client_id, ...metadata });
  const stranger = await fetch(address, { headers: { authorization: "Bearer nobody" } });
  expect(stranger.status).toBe(401);
  const url = oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: after, state: "s" });
  expect(url.href).toStartWith(`${peer.server.url}/auth/v1/oauth/logout?`);
  const page = await fetch(url);
  expect([page.status, new URL(page.url).pathname]).toEqual([200, "/auth/ui/logout"]);
  expect(await page.text()).toContain(`${after}?state=s`);
  const gone = await fetch(address, { method: "DELETE", headers: { authorization } });
  expect(gone.status).toBe(204);
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
        const who = await openPeer(other);
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
        const back = await who.agree(url);
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
