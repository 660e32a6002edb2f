/**
 * Clients made by others, each strict in its own way, sign a person in: openid-client, oauth4webapi
 * and @supabase/auth-js. Run against a whole server in the test's process, and against the executable.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import * as oauth from "oauth4webapi";
import * as oidc from "openid-client";

export interface PeerServer {
  readonly url: string;
  readonly publishableKey: string;
  readonly secretKey: string;
  stop(): Promise<unknown>;
}

/** A person at a server, and what clients need to know of it. */
export interface Peer {
  readonly server: PeerServer;
  readonly person: SupabaseClient;
  readonly admin: SupabaseClient;
  readonly userId: string;
  readonly issuer: URL;
  /** What a browser and its person do: the way back to the client. */
  agree(url: URL): Promise<URL>;
  /** What every part of Reactor makes of a token. */
  whoIs(token: string): Promise<Verified>;
}

export interface Verified {
  role: string;
  user_id: string;
  claims: string;
}

/** `[auth.oauth_server]` that the tests want. */
export const PEER_SETTINGS = {
  scopes: ["notes:read", "data:*:read", "functions:teapot:invoke"],
  resources: ["https://api.example.test/"],
  rate_limit_register: 100,
} as const;

const PASSWORD = "correct horse battery";
export const CALLBACK = "https://app.example.test/callback";
export const NATIVE = "http://127.0.0.1:4711/cb";
export const insecure = { execute: [oidc.allowInsecureRequests] };

export async function openPeer(server: PeerServer): Promise<Peer> {
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  const person = createClient(server.url, server.publishableKey, options);
  const admin = createClient(server.url, server.secretKey, options);
  const { data } = await person.auth.signUp({ email: "peer@example.test", password: PASSWORD });
  return {
    server,
    person,
    admin,
    userId: data.user?.id ?? "",
    issuer: new URL(`${server.url}/auth/v1`),
    agree: (url) => agree(person, url),
    async whoIs(token) {
      const answer = await fetch(`${server.url}/auth/v1/_verify`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      return (await answer.json()) as Verified;
    },
  };
}

async function agree({ auth }: SupabaseClient, url: URL): Promise<URL> {
  const answer = await fetch(url, { redirect: "manual" });
  const location = new URL(answer.headers.get("location") ?? "");
  const id = location.searchParams.get("authorization_id");
  if (!id) return location;
  expect(location.pathname).toBe("/auth/ui/consent");
  const described = await auth.oauth.getAuthorizationDetails(id);
  if (described.error) throw described.error;
  if ("redirect_url" in described.data) return new URL(described.data.redirect_url);
  const { data, error } = await auth.oauth.approveAuthorization(id);
  if (error) throw error;
  return new URL(data.redirect_url);
}

/** @param open with `PEER_SETTINGS`. */
export function describeOAuthPeers(open: () => Promise<PeerServer>): void {
  let peer: Peer;

  beforeAll(async () => {
    peer = await openPeer(await open());
  });
  afterAll(() => peer.server.stop());

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
        const config = await oidc.dynamicClientRegistration(peer.issuer, metadata, how, insecure);
        const registered = config.clientMetadata();
        expect(registered["token_endpoint_auth_method"]).toBe(method);
        expect(registered["client_secret"] === undefined).toBe(method === "none");
        const tokens = await signInWith(config);
        const claims = tokens.claims();
        const who = { sub: peer.userId, iss: peer.issuer.href, email: "peer@example.test" };
        expect(claims as object).toMatchObject(who);
        const info = await oidc.fetchUserInfo(config, tokens.access_token, peer.userId);
        expect(info as object).toEqual({
          sub: peer.userId,
          email: "peer@example.test",
          email_verified: false,
        });
        const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? "");
        expect(fresh.claims()?.sub).toBe(peer.userId);
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
      return oidc.authorizationCodeGrant(config, await peer.agree(url), {
        pkceCodeVerifier: verifier,
        expectedState,
        expectedNonce,
        maxAge: 3600,
        idTokenExpected: true,
      });
    }

    test("checks signatures of ID tokens by the published keys", async () => {
      const created = await peer.admin.auth.admin.oauth.createClient({
        client_name: "Careful",
        redirect_uris: [CALLBACK],
      });
      const { client_id: id, client_secret: secret } = created.data ?? {};
      const basic = oidc.ClientSecretBasic(secret);
      const config = await oidc.discovery(peer.issuer, id ?? "", secret ?? "", basic, {
        execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks],
      });
      expect((await signInWith(config)).claims()?.sub).toBe(peer.userId);
    });

    test("is given a token of its own by client credentials", async () => {
      const created = await peer.admin.auth.admin.oauth.createClient({
        client_name: "Nightly export",
        redirect_uris: [],
        grant_types: ["client_credentials" as never],
      });
      expect(created.error).toBeNull();
      const { client_id: id = "", client_secret: secret = "" } = created.data ?? {};
      const basic = oidc.ClientSecretBasic(secret);
      const config = await oidc.discovery(peer.issuer, id, secret, basic, insecure);
      const tokens = await oidc.clientCredentialsGrant(config, { scope: "notes:read" });
      expect([tokens.scope, tokens.refresh_token]).toEqual(["notes:read", undefined]);
      const verified = await peer.whoIs(tokens.access_token);
      expect(verified).toMatchObject({ role: "authenticated", user_id: id });
      expect(JSON.parse(verified.claims)).toMatchObject({ client_id: id, scope: "notes:read" });
      const growth = oidc.clientCredentialsGrant(config, { scope: "email" });
      await expect(growth).rejects.toMatchObject({ error: "invalid_scope" });
    });
  });

  describe("oauth4webapi", () => {
    const http = { [oauth.allowInsecureRequests]: true };

    for (const algorithm of ["oidc", "oauth2"] as const) {
      test(`discovers by ${algorithm} and signs in`, async () => {
        const found = await oauth.discoveryRequest(peer.issuer, { ...http, algorithm });
        const as = await oauth.processDiscoveryResponse(peer.issuer, found);
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
        const back = oauth.validateAuthResponse(as, client, await peer.agree(url), state);
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
        expect(oauth.getValidatedIdTokenClaims(tokens)?.sub).toBe(peer.userId);
        await oauth.validateApplicationLevelSignature(as, answer, http);
      });
    }

    test("signs a device in, which waits for its person", async () => {
      const found = await oauth.discoveryRequest(peer.issuer, http);
      const as = await oauth.processDiscoveryResponse(peer.issuer, found);
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
      expect(asked.verification_uri).toBe(`${peer.server.url}/auth/ui/device`);
      const poll = async () =>
        oauth.processDeviceCodeResponse(
          as,
          client,
          await oauth.deviceCodeGrantRequest(as, client, oauth.None(), asked.device_code, http),
        );
      await expect(poll()).rejects.toMatchObject({ error: "authorization_pending" });
      await expect(poll()).rejects.toMatchObject({ error: "slow_down" });
      const token = (await peer.person.auth.getSession()).data.session?.access_token ?? "";
      const typed = asked.user_code.toLowerCase().replace("-", "");
      const path = `${peer.server.url}/auth/v1/oauth/device`;
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const shown = (await (
        await fetch(`${path}?user_code=${typed}`, { headers })
      ).json()) as Record<string, unknown>;
      expect(shown).toMatchObject({
        user_code: asked.user_code,
        client: { name: "Television" },
        scope: "openid",
        ip: "127.0.0.1",
      });
      const body = JSON.stringify({ user_code: typed, action: "approve" });
      const done = await fetch(path, { method: "POST", headers, body });
      expect(done.status).toBe(200);
      const tokens = await poll();
      expect(oauth.getValidatedIdTokenClaims(tokens)?.sub).toBe(peer.userId);
      await expect(poll()).rejects.toMatchObject({ error: "invalid_grant" });
    });

    test("is given tokens for a resource elsewhere, which are worth nothing here", async () => {
      const resource = "https://api.example.test/";
      const created = await peer.admin.auth.admin.oauth.createClient({
        client_name: "Elsewhere",
        redirect_uris: [],
        grant_types: ["client_credentials" as never],
        token_endpoint_auth_method: "client_secret_post",
      });
      const { client_id: id = "", client_secret: secret = "" } = created.data ?? {};
      const config = await oidc.discovery(
        peer.issuer,
        id,
        secret,
        oidc.ClientSecretPost(secret),
        insecure,
      );
      const tokens = await oidc.clientCredentialsGrant(config, { resource });
      expect(await peer.whoIs(tokens.access_token)).toMatchObject({ code: "bad_credential" });
      const seen = await oidc.tokenIntrospection(config, tokens.access_token);
      expect(seen).toMatchObject({ active: true, aud: resource, client_id: id });
      const unknown = oidc.clientCredentialsGrant(config, { resource: "https://evil.example/" });
      await expect(unknown).rejects.toMatchObject({ error: "invalid_target" });
    });
  });

  describe("@supabase/auth-js", () => {
    test("manages clients with the secret key", async () => {
      const { oauth: clients } = peer.admin.auth.admin;
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
      const { error } = await peer.admin.auth.admin.oauth.createClient({
        client_name: "Bad",
        redirect_uris: ["http://app.example.test/callback"],
      });
      expect(error?.code).toBe("validation_failed");
      const token = (await peer.person.auth.getSession()).data.session?.access_token ?? "";
      const mine = createClient(peer.server.url, token, { auth: { persistSession: false } });
      expect((await mine.auth.admin.oauth.listClients()).error?.status).toBe(403);
    });

    test("shows a person what is asked, takes the answer, lists grants and takes them back", async () => {
      const { data: client } = await peer.admin.auth.admin.oauth.createClient({
        client_name: "Consent",
        redirect_uris: [CALLBACK],
      });
      const id = client?.client_id ?? "";
      const ask = async (scope: string) => {
        const url = new URL(`${peer.server.url}/auth/v1/oauth/authorize`);
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
      const { oauth: api } = peer.person.auth;
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
}
