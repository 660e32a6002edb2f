/**
 * What is tried against an OAuth server: RFC 9700, the advisories of Keycloak, ZITADEL, Hydra and
 * Better Auth, and the errors that people make who build one. Each has a planted bug in
 * `test/mutate/places/oauth.ts` that it notices.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import fc from "fast-check";
import { authConfig } from "../../src/capabilities/auth/config.ts";
import type { HookName } from "../../src/capabilities/auth/hooks/config.ts";
import type { Hook } from "../../src/capabilities/auth/hooks/hook-target.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, type SignedIn, signUp } from "./auth-world.ts";
import {
  authorize,
  authorizeQuery,
  begin,
  CALLBACK,
  challengeOf,
  claimsOf,
  codeFor,
  consent,
  createClient,
  decide,
  describeRequest,
  exchange,
  refreshFor,
  register,
  SECRET_KEY,
  sendForm,
  type TestClient,
  tokensFor,
  VERIFIER,
} from "./oauth-world.ts";
import { openUiBrowser } from "./ui-browser.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const FORM = { "content-type": "application/x-www-form-urlencoded" };
let world: AuthWorld;
let client: TestClient;
let kept: TestClient;
let ada: SignedIn;

beforeAll(async () => {
  const settings = Value.Create(authConfig).oauth_server;
  world = await openAuthWorld({
    oauth_server: { ...settings, scopes: ["data:*:read", "reports"] },
  });
  ada = await signUp(world, "ada@example.test");
  client = await register(world);
  kept = await createClient(world);
});
afterAll(() => world.close());

const refusedGrant = { status: 400, body: { error: "invalid_grant" } };
const active = async (token: string) =>
  (await sendForm(world, kept, "introspect", { token })).body.active as boolean;

describe("a redirect URI", () => {
  const near: readonly (readonly [what: string, uri: string])[] = [
    ["with a suffix", `${CALLBACK}/more`],
    ["that is a prefix", "https://app.example.test/call"],
    ["of a longer host", "https://app.example.test.evil.example/callback"],
    ["with the host as a user name", "https://app.example.test@evil.example/callback"],
    ["with a user name", "https://evil@app.example.test/callback"],
    ["of another port", "https://app.example.test:8443/callback"],
    ["of the default port, spelled out", "https://app.example.test:443/callback"],
    ["in other case", "https://APP.example.test/callback"],
    ["of a path in other case", "https://app.example.test/Callback"],
    ["with a hidden dot", "https://app.example.test/x/%2e%2e/callback"],
    ["with dots", "https://app.example.test/x/../callback"],
    ["with a fragment", `${CALLBACK}#x`],
    ["with another query", `${CALLBACK}?next=https://evil.example`],
    ["with a double slash", "https://app.example.test//callback"],
    ["with a backslash", "https://app.example.test\\@evil.example/callback"],
    ["over http", "http://app.example.test/callback"],
    ["without a scheme", "//app.example.test/callback"],
    ["of a script", "javascript:alert(1)//app.example.test/callback"],
    ["of another alphabet", "https://аpp.example.test/callback"],
    ["with a space behind it", `${CALLBACK} `],
    ["with a line break", `${CALLBACK}\r\nX-Evil: 1`],
  ];

  test.each(near)("%s is nobody's: nothing is sent there", async (_, uri) => {
    const { status, location, body } = await authorize(world, client, { redirect_uri: uri });
    expect([status, location, body.code]).toEqual([400, null, "validation_failed"]);
  });

  test("of a native app may have any port, and nothing else that differs", async () => {
    const native = await register(world, { redirect_uris: ["http://127.0.0.1:4000/cb"] });
    const to = async (uri: string) =>
      (await authorize(world, native, { redirect_uri: uri })).status;
    expect(await to("http://127.0.0.1:51234/cb")).toBe(302);
    expect(await to("http://127.0.0.1/cb")).toBe(302);
    for (const uri of [
      "http://localhost:4000/cb",
      "http://127.0.0.1:4000/cb2",
      "http://127.0.0.1:4000@evil.example/cb",
      "http://127.0.0.1:99999/cb",
      "http://127.0.0.2:4000/cb",
      "https://127.0.0.1:4000/cb",
      "http://[::1]:4000/cb",
      "http://127.0.0.1:4000/cb?x=1",
      "http://127.0.0.1:4000/cb#x",
    ]) {
      expect([uri, await to(uri)]).toEqual([uri, 400]);
    }
    const local = await register(world, { redirect_uris: ["http://localhost:4000/cb"] });
    const other = await authorize(world, local, { redirect_uri: "http://localhost:4001/cb" });
    expect(other.status).toBe(400);
  });

  test("of another client is not this one's", async () => {
    const other = await register(world, { redirect_uris: ["https://other.example.test/cb"] });
    const mixed = await authorize(world, client, { redirect_uri: other.redirectUri });
    expect([mixed.status, mixed.location]).toEqual([400, null]);
  });

  const unregistrable: readonly (readonly [what: string, uri: string])[] = [
    ["a script", "javascript:alert(1)"],
    ["data", "data:text/html,x"],
    ["a file", "file:///etc/passwd"],
    ["http of another machine", "http://app.example.test/cb"],
    ["http of a name that looks near", "http://localhost.evil.example/cb"],
    ["a fragment", "https://app.example.test/cb#x"],
    ["an empty fragment", "https://app.example.test/cb#"],
    ["a user name", "https://user@app.example.test/cb"],
    ["dots", "https://app.example.test/a/../cb"],
    ["hidden dots", "https://app.example.test/%2e%2e/cb"],
    ["capital letters", "https://App.example.test/cb"],
    ["a backslash", "https://app.example.test\\cb"],
    ["a space", " https://app.example.test/cb"],
    ["no scheme", "app.example.test/cb"],
    ["an unknown scheme", "evilapp:/cb"],
    ["a wildcard host", "https://*.example.test/cb#"],
    ["too much", `https://app.example.test/${"x".repeat(2048)}`],
  ];

  test.each(unregistrable)("with %s cannot be registered", async (_, uri) => {
    const body = { redirect_uris: [uri] };
    const answer = await world.send("POST", "/auth/v1/oauth/clients/register", { body });
    expect(answer).toMatchObject({ status: 400, body: { error: "invalid_redirect_uri" } });
  });

  test.each([
    "http://localhost:3118/callback",
    "http://127.0.0.1:33418/",
    "http://[::1]/cb",
    "com.example.app:/oauth",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "https://vscode.dev/redirect?x=1",
    "https://app.example.test",
  ])("%s can be registered", async (uri) => {
    expect((await register(world, { redirect_uris: [uri] })).redirectUri).toBe(uri);
  });
});

describe("an error of a request", () => {
  const told: readonly (readonly [
    what: string,
    changes: Record<string, string | undefined>,
    error: string,
  ])[] = [
    ["response_type=token", { response_type: "token" }, "unsupported_response_type"],
    ["response_type=code token", { response_type: "code token" }, "unsupported_response_type"],
    ["response_type=id_token", { response_type: "id_token" }, "unsupported_response_type"],
    ["no response_type", { response_type: undefined }, "invalid_request"],
    ["response_mode=fragment", { response_mode: "fragment" }, "invalid_request"],
    ["no code_challenge", { code_challenge: undefined }, "invalid_request"],
    ["no code_challenge_method", { code_challenge_method: undefined }, "invalid_request"],
    ["plain", { code_challenge_method: "plain" }, "invalid_request"],
    ["s256 in small letters", { code_challenge_method: "s256" }, "invalid_request"],
    ["a short challenge", { code_challenge: "abc" }, "invalid_request"],
    ["a challenge of other characters", { code_challenge: "!".repeat(43) }, "invalid_request"],
    ["a request object", { request: "e30.e30." }, "request_not_supported"],
    ["a request_uri", { request_uri: "https://evil.example/r" }, "request_uri_not_supported"],
    ["scopes that do not exist", { scope: "root" }, "invalid_scope"],
    ["a resource elsewhere", { resource: "https://evil.example/" }, "invalid_target"],
    ["prompt=none with more", { prompt: "none login" }, "invalid_request"],
    ["an unknown prompt", { prompt: "always" }, "invalid_request"],
    ["a max_age that is none", { max_age: "-1" }, "invalid_request"],
    ["a long nonce", { nonce: "n".repeat(2000) }, "invalid_request"],
  ];

  test.each(told)("%s is told to the client, with state and issuer", async (_, changes, error) => {
    const { status, location } = await authorize(world, client, changes);
    expect(status).toBe(302);
    expect(`${location?.origin}${location?.pathname}`).toBe(CALLBACK);
    const params = Object.fromEntries(location?.searchParams ?? []);
    expect(params).toMatchObject({
      error,
      state: "a-state",
      iss: "https://auth.example.test/auth/v1",
    });
    expect(params["code"]).toBeUndefined();
  });

  test("leads nowhere while the client is not known", async () => {
    for (const id of [crypto.randomUUID(), "not-an-id", "' or 1=1 --", ""]) {
      const redirect = { client_id: id, redirect_uri: "https://evil.example/", scope: "root" };
      const { status, location } = await authorize(world, client, redirect);
      expect([status, location]).toEqual([400, null]);
    }
  });

  test("and a parameter that is sent twice is refused, not chosen from", async () => {
    for (const twice of [`client_id=${kept.id}`, "redirect_uri=https://evil.example/", "scope=a"]) {
      const path = `/auth/v1/oauth/authorize?${authorizeQuery(client)}&${twice}`;
      const { status, headers } = await world.send("GET", path);
      expect([status, headers.get("location")]).toEqual([400, null]);
    }
    const body = `grant_type=authorization_code&grant_type=refresh_token&client_id=${client.id}`;
    const answer = await world.send("POST", "/auth/v1/oauth/token", { body, headers: FORM });
    expect(answer).toMatchObject({ status: 400, body: { error: "invalid_request" } });
  });

  test("keeps the state as it was sent, and does not let it add to the answer", async () => {
    const state = "x&code=stolen#fragment\r\nSet-Cookie: a=b é";
    const back = await consent(world, ada, client, { state, prompt: "consent" });
    expect(back.searchParams.get("state")).toBe(state);
    expect(back.searchParams.getAll("code")).toHaveLength(1);
    expect(back.hash).toBe("");
  });

  test("is in no frame and no cache", async () => {
    const { headers } = await authorize(world, client);
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
  });
});

describe("prompt=none", () => {
  test("shows no page: without a browser session it says login_required", async () => {
    const { location } = await authorize(world, client, { prompt: "none" });
    expect(`${location?.origin}${location?.pathname}`).toBe(CALLBACK);
    expect(location?.searchParams.get("error")).toBe("login_required");
  });

  test("is answered by the browser's own session, at once", async () => {
    const fresh = await register(world);
    const browser = openUiBrowser(world);
    await browser.submit("/auth/ui/sign-in", { email: "ada@example.test", password: PASSWORD });
    const ask = async (changes = {}) => {
      const query = authorizeQuery(fresh, { prompt: "none", ...changes });
      const { location } = await browser.open(`/auth/v1/oauth/authorize?${query}`);
      const url = new URL(location ?? "");
      expect(`${url.origin}${url.pathname}`).toBe(CALLBACK);
      return url.searchParams;
    };
    expect((await ask()).get("error")).toBe("consent_required");
    await consent(world, ada, fresh);
    const { body } = await exchange(world, fresh, (await ask()).get("code") ?? "");
    expect(claimsOf(body.id_token)["sub"]).toBe(ada.userId);
    expect((await ask({ scope: "openid profile" })).get("error")).toBe("consent_required");
    await world.clock.advance(60_000);
    expect((await ask({ max_age: "30" })).get("error")).toBe("login_required");
  });

  test("gives no code for what was not agreed to", async () => {
    const fresh = await register(world);
    const none = async (person: SignedIn) => {
      const id = await begin(world, fresh);
      await world.sql`
        update auth.oauth_authorizations set prompt = '{none}' where authorization_id = ${id}`;
      const { body } = await describeRequest(world, person, id);
      return new URL(body.redirect_url).searchParams;
    };
    expect((await none(ada)).get("error")).toBe("consent_required");
    await consent(world, ada, fresh);
    expect((await none(ada)).get("code")).not.toBeNull();
  });
});

describe("a code", () => {
  test("is worth nothing to another client, and stays good for its own", async () => {
    const code = await codeFor(world, ada, client);
    const thief = await register(world);
    expect(await exchange(world, thief, code)).toMatchObject(refusedGrant);
    expect(await exchange(world, kept, code)).toMatchObject(refusedGrant);
    expect((await exchange(world, client, code)).status).toBe(200);
  });

  const wrong: readonly (readonly [what: string, changes: Record<string, string>])[] = [
    ["another redirect URI", { redirect_uri: "https://evil.example/" }],
    ["another redirect URI of the client", { redirect_uri: `${CALLBACK}2` }],
    ["another verifier", { code_verifier: `${VERIFIER}x` }],
    ["the challenge as verifier", { code_verifier: challengeOf(VERIFIER) }],
    ["no verifier", { code_verifier: "" }],
    ["a short verifier", { code_verifier: "short" }],
    ["a verifier of other characters", { code_verifier: `${VERIFIER} ` }],
  ];

  test.each(wrong)("is worth nothing with %s", async (_, changes) => {
    const two = await register(world, { redirect_uris: [CALLBACK, `${CALLBACK}2`] });
    const code = await codeFor(world, ada, two);
    expect(await exchange(world, two, code, changes)).toMatchObject(refusedGrant);
  });

  test("is worth nothing without the verifier to a client with a secret either", async () => {
    const code = await codeFor(world, ada, kept);
    expect(await exchange(world, kept, code, { code_verifier: "" })).toMatchObject(refusedGrant);
    const { location } = await authorize(world, kept, { code_challenge: undefined });
    expect(location?.searchParams.get("error")).toBe("invalid_request");
  });

  test("used twice ends what it was exchanged for", async () => {
    const code = await codeFor(world, ada, kept);
    const { body: tokens } = await exchange(world, kept, code);
    expect(await active(tokens.access_token)).toBe(true);
    expect(await exchange(world, kept, code)).toMatchObject(refusedGrant);
    expect(await active(tokens.access_token)).toBe(false);
    expect(await refreshFor(world, kept, tokens.refresh_token)).toMatchObject(refusedGrant);
    expect(world.log.lines.map((line) => line.event)).toContain("auth.authorization_code_reused");
    const own = await world.send("GET", "/auth/v1/user", { bearer: ada.accessToken });
    expect(own.status).toBe(200);
  });

  test("used by many at once is exchanged once", async () => {
    const code = await codeFor(world, ada, kept);
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(world, kept, code)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(400)]);
    const rows = await world.sql`
      select id from auth.sessions where oauth_client_id = ${kept.id} and revoked_at is null
        and created_at = ${new Date(world.clock.now())}`;
    expect(rows).toHaveLength(0);
  });

  test("cut short, changed or made up is refused", async () => {
    const code = await codeFor(world, ada, client);
    const changed = [code.slice(0, -1), `${code}A`, code.toLowerCase(), "A".repeat(43), " "];
    for (const other of changed) {
      const { status, body } = await exchange(world, client, other);
      expect([status, body.error]).toEqual([400, "invalid_grant"]);
    }
  });

  test("and requests, secrets and tokens are kept as hashes only", async () => {
    const own = await createClient(world);
    const code = await codeFor(world, ada, own);
    const { body } = await exchange(world, own, code);
    const dump: string[] = [];
    for (const table of [
      "oauth_clients",
      "oauth_authorizations",
      "sessions",
      "refresh_tokens",
      "audit_log_entries",
    ]) {
      const rows = await world.sql`select t::text as row from ${world.sql(`auth.${table}`)} t`;
      dump.push(...rows.map((row) => String(row["row"])));
    }
    const all = `${dump.join("\n")}\n${JSON.stringify(world.log.lines)}`;
    for (const secret of [code, own.secret, body.access_token, body.refresh_token, body.id_token]) {
      expect(all).not.toContain(String(secret).slice(0, 24));
    }
  });
});

describe("a refresh token of a client", () => {
  test("works once; its second use ends the session of both holders", async () => {
    const { refresh_token: first } = await tokensFor(world, ada, kept);
    const second = (await refreshFor(world, kept, first)).body;
    expect(await refreshFor(world, kept, first)).toMatchObject(refusedGrant);
    expect(await refreshFor(world, kept, second.refresh_token)).toMatchObject(refusedGrant);
    expect(await active(second.access_token)).toBe(false);
  });

  test("used by many at once: exactly one wins", async () => {
    const { refresh_token: token } = await tokensFor(world, ada, client);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => refreshFor(world, client, token)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error === "invalid_grant")).toHaveLength(7);
  });

  test("gives no more than was granted, and asking for more costs nothing", async () => {
    const { refresh_token: token } = await tokensFor(world, ada, client, { scope: "openid" });
    for (const scope of ["openid email", "email", "openid offline_access", "root"]) {
      const answer = await refreshFor(world, client, token, { scope });
      expect([answer.status, answer.body.error]).toEqual([400, "invalid_scope"]);
    }
    const other = await refreshFor(world, client, token, { resource: "https://evil.example/" });
    expect(other.body.error).toBe("invalid_target");
    expect((await refreshFor(world, client, token, { scope: "openid" })).status).toBe(200);
  });

  test("is no other client's, and no person's", async () => {
    const { refresh_token: token } = await tokensFor(world, ada, client);
    expect(await refreshFor(world, kept, token)).toMatchObject(refusedGrant);
    const person = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
      body: { refresh_token: token },
    });
    expect([person.status, person.body.code]).toEqual([400, "refresh_token_not_found"]);
    expect(await refreshFor(world, client, ada.refreshToken)).toMatchObject(refusedGrant);
    expect((await refreshFor(world, client, token)).status).toBe(200);
  });

  test("is not given to a client that may not have one, nor taken from it", async () => {
    const brief = await createClient(world, { grant_types: ["authorization_code"] });
    const tokens = await tokensFor(world, ada, brief);
    expect(tokens.refresh_token).toBeUndefined();
    const refused = await refreshFor(world, brief, "A".repeat(43));
    expect(refused.body.error).toBe("unauthorized_client");
    const [row] = await world.sql`
      select not_after from auth.sessions where oauth_client_id = ${brief.id}`;
    expect(row?.["not_after"]).toEqual(new Date(world.clock.now() + 3_600_000));
  });
});

describe("a client", () => {
  const token = (body: Record<string, string>, headers: Record<string, string> = {}) =>
    world.send("POST", "/auth/v1/oauth/token", {
      body: new URLSearchParams(body).toString(),
      headers: { ...FORM, ...headers },
    });
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${btoa(`${id}:${secret}`)}`,
  });
  const grant = { grant_type: "authorization_code", code: "x" };

  test("that does not prove itself is 401, alike whether it exists or not", async () => {
    const tries = [
      token({ ...grant, client_id: kept.id }),
      token({ ...grant, client_id: kept.id, client_secret: "wrong" }),
      token({ ...grant, client_id: crypto.randomUUID(), client_secret: "wrong" }),
      token({ ...grant, client_id: "x", client_secret: kept.secret ?? "" }),
      token({ ...grant, client_id: client.id, client_secret: kept.secret ?? "" }),
      token(grant),
    ];
    for (const { status, body } of await Promise.all(tries)) {
      expect([status, body]).toEqual([
        401,
        { error: "invalid_client", error_description: "Client authentication failed" },
      ]);
    }
    for (const headers of [
      basic(kept.id, "wrong"),
      basic(kept.id, ""),
      basic(client.id, ""),
      { authorization: "Basic !!!" },
      { authorization: `Basic ${btoa("no colon")}` },
      { authorization: `Basic ${btoa(`${kept.id}:%zz`)}` },
    ]) {
      const answer = await token(grant, headers);
      expect([answer.status, answer.body.error]).toEqual([401, "invalid_client"]);
      expect(answer.headers.get("www-authenticate")).toContain("Basic");
    }
  });

  test("that proves itself in two ways, or as two, is refused", async () => {
    const headers = basic(kept.id, kept.secret ?? "");
    const both = await token({ ...grant, client_secret: kept.secret ?? "" }, headers);
    expect(both.body.error).toBe("invalid_request");
    const two = await token({ ...grant, client_id: client.id }, headers);
    expect(two.body.error).toBe("invalid_request");
  });

  test("does not get far with a person's password, or any grant it may not use", async () => {
    for (const [type, error] of [
      ["password", "unsupported_grant_type"],
      ["implicit", "unsupported_grant_type"],
      ["urn:ietf:params:oauth:grant-type:jwt-bearer", "unsupported_grant_type"],
      ["client_credentials", "unauthorized_client"],
      ["urn:ietf:params:oauth:grant-type:device_code", "unauthorized_client"],
    ] as const) {
      const answer = await token({
        grant_type: type,
        client_id: client.id,
        username: "ada@example.test",
        password: "correct horse battery",
      });
      expect([type, answer.status, answer.body.error]).toEqual([type, 400, error]);
    }
  });

  test("that registers itself gets no rights of its own and no name that misleads", async () => {
    for (const metadata of [
      { grant_types: ["client_credentials"] },
      { grant_types: ["authorization_code", "client_credentials"] },
      { grant_types: ["password"] },
      { response_types: ["token"] },
      { token_endpoint_auth_method: "private_key_jwt" },
      { client_name: "Reactor\u202egnp.exe" },
      { client_name: "a\u0000b" },
      { client_name: "x".repeat(257) },
      { client_uri: "javascript:alert(1)" },
      { logo_uri: "data:image/svg+xml,x" },
      { scope: "root admin" },
      { redirect_uris: "https://app.example.test/" },
      { redirect_uris: Array.from({ length: 11 }, (_, n) => `https://app.example.test/${n}`) },
    ]) {
      const body = { redirect_uris: [CALLBACK], ...metadata };
      const answer = await world.send("POST", "/auth/v1/oauth/clients/register", { body });
      expect([JSON.stringify(metadata).slice(0, 40), answer.status]).toEqual([
        JSON.stringify(metadata).slice(0, 40),
        400,
      ]);
    }
    const bold = {
      redirect_uris: [CALLBACK],
      client_id: crypto.randomUUID(),
      registration_type: "manual",
      client_secret: "mine",
    };
    const { body } = await world.send("POST", "/auth/v1/oauth/clients/register", { body: bold });
    expect(body.client_id).not.toBe(bold.client_id);
    expect([body.registration_type, body.client_secret === "mine"]).toEqual(["dynamic", false]);
    const admin = await world.send("GET", `/auth/v1/admin/oauth/clients/${body.client_id}`, {
      bearer: ada.accessToken,
    });
    expect(admin.status).toBe(403);
  });

  test("is asked no more than it was registered for", async () => {
    const thin = await createClient(world, { scope: "openid" });
    const { scope } = await tokensFor(world, ada, thin, { scope: "openid email profile" });
    expect(scope).toBe("openid");
    const { location } = await authorize(world, thin, { scope: "email" });
    expect(location?.searchParams.get("error")).toBe("invalid_scope");
  });

  test("whose secret was renewed, or that was removed, is out at once", async () => {
    const own = await createClient(world);
    const tokens = await tokensFor(world, ada, own);
    const path = `/auth/v1/admin/oauth/clients/${own.id}`;
    const renewed = await world.send("POST", `${path}/regenerate_secret`, { bearer: SECRET_KEY });
    const old = await refreshFor(world, own, tokens.refresh_token);
    expect([old.status, old.body.error]).toEqual([401, "invalid_client"]);
    const now = { ...own, secret: renewed.body.client_secret as string };
    expect((await refreshFor(world, now, tokens.refresh_token)).status).toBe(200);
    await world.send("DELETE", path, { bearer: SECRET_KEY });
    const info = await world.send("GET", "/auth/v1/oauth/userinfo", {
      bearer: tokens.access_token,
    });
    expect(info.status).toBe(401);
  });
});

describe("an access token of a client", () => {
  test("does not manage the account, nor grant more to itself", async () => {
    const { access_token: bearer } = await tokensFor(world, ada, client);
    const id = await begin(world, client, { scope: "openid email profile phone" });
    const tries = [
      ["PUT", "/auth/v1/user", { password: "another good password" }],
      ["PUT", "/auth/v1/user", { data: { admin: true } }],
      ["POST", "/auth/v1/logout?scope=global", undefined],
      ["GET", `/auth/v1/oauth/authorizations/${id}`, undefined],
      ["POST", `/auth/v1/oauth/authorizations/${id}/consent`, { action: "approve" }],
      ["GET", "/auth/v1/user/oauth/grants", undefined],
      ["DELETE", `/auth/v1/user/oauth/grants?client_id=${client.id}`, undefined],
      ["GET", "/auth/v1/oauth/device?user_code=BCDF-GHJK", undefined],
      ["POST", "/auth/v1/oauth/device", { user_code: "BCDF-GHJK", action: "approve" }],
    ] as const;
    for (const [method, path, body] of tries) {
      const answer = await world.send(method, path, { bearer, ...(body ? { body } : {}) });
      expect([path, answer.status, answer.body.code]).toEqual([path, 403, "insufficient_scope"]);
    }
    expect((await world.send("GET", "/auth/v1/user", { bearer })).status).toBe(200);
  });

  test("has never the rights of the secret key, whoever agreed", async () => {
    const email = "operator@example.test";
    const operator = await signUp(world, email);
    await world.sql`update auth.users set role = 'service_role' where id = ${operator.userId}`;
    const { access_token: bearer } = await tokensFor(world, operator, client);
    expect(claimsOf(bearer)["role"]).toBe("authenticated");
    expect((await world.send("GET", "/auth/v1/admin/users", { bearer })).status).toBe(403);
    await world.sql.unsafe(`
      create function public.raise(event jsonb) returns jsonb language sql as $$
        select jsonb_set(event, '{claims,role}', '"service_role"') $$`);
    const hooks = world.state.hooks as Map<HookName, Hook>;
    const target = { kind: "sql", schema: "public", name: "raise" } as const;
    hooks.set("custom_access_token", { target, timeoutMs: 2000 });
    const raised = await tokensFor(world, ada, client).finally(() =>
      hooks.delete("custom_access_token"),
    );
    expect(claimsOf(raised.access_token)["role"]).toBe("authenticated");
  });

  test("is what an ID token is not", async () => {
    const { id_token: bearer } = await tokensFor(world, ada, client);
    for (const path of ["/auth/v1/user", "/auth/v1/oauth/userinfo"]) {
      expect((await world.send("GET", path, { bearer })).status).toBe(401);
    }
    const claims = claimsOf(bearer);
    for (const name of ["role", "session_id", "client_id"]) expect(claims[name]).toBeUndefined();
    expect(claims["aud"]).toBe(client.id);
  });
});

describe("the limits of a client", () => {
  const LIMITED = "openid data:notes:read";
  const scopedOf = (body: { access_token: string }) => claimsOf(body.access_token)["scoped"];

  test("stay when a token is narrowed to scopes that set none", async () => {
    const app = await register(world);
    const first = await tokensFor(world, ada, app, { scope: LIMITED });
    expect(scopedOf(first)).toBe(true);
    const narrow = await refreshFor(world, app, first.refresh_token, { scope: "openid" });
    expect([narrow.body.scope, scopedOf(narrow.body)]).toEqual(["openid", true]);
  });

  test("are not lifted by what was agreed to within them", async () => {
    const app = await register(world);
    await consent(world, ada, app, { scope: LIMITED });
    const again = await describeRequest(world, ada, await begin(world, app, { scope: LIMITED }));
    expect(again.body.redirect_url).toBeDefined();
    const id = await begin(world, app, { scope: "openid" });
    expect((await describeRequest(world, ada, id)).body).toMatchObject({ full_access: true });
    await decide(world, ada, id);
    // Who agreed to everything has agreed to each part of it.
    for (const scope of ["openid", LIMITED]) {
      const { body } = await describeRequest(world, ada, await begin(world, app, { scope }));
      expect(body.redirect_url).toBeDefined();
    }
    const { body: grants } = await world.send("GET", "/auth/v1/user/oauth/grants", {
      bearer: ada.accessToken,
    });
    const grant = grants.find((one: { client: { id: string } }) => one.client.id === app.id);
    expect(grant).toMatchObject({ scopes: ["openid"], full_access: true });
  });

  test("hold for all that it asks for who was registered for permissions", async () => {
    const grant_types = ["authorization_code", "client_credentials"];
    const scope = `${LIMITED} reports`;
    const app = await createClient(world, { scope, grant_types });
    const id = await begin(world, app, { scope: "openid" });
    expect((await describeRequest(world, ada, id)).body).toMatchObject({ full_access: false });
    expect(scopedOf(await tokensFor(world, ada, app, { scope: "openid" }))).toBe(true);
    const own = { grant_type: "client_credentials", scope: "reports" };
    expect(scopedOf((await sendForm(world, app, "token", own)).body)).toBe(true);
  });
});

describe("who acts as a person", () => {
  test("sees what is asked, and gives nothing away that would stay", async () => {
    const own = await register(world);
    const acting = await world.send("POST", `/auth/v1/admin/users/${ada.userId}/impersonate`, {
      body: {},
      bearer: SECRET_KEY,
    });
    const actor = { ...ada, accessToken: acting.body.access_token as string };
    const id = await begin(world, own);
    expect((await describeRequest(world, actor, id)).status).toBe(200);
    const refused = await decide(world, actor, id);
    expect([refused.status, refused.body.code]).toEqual([403, "impersonation_not_allowed"]);
    await consent(world, ada, own);
    const known = await describeRequest(world, actor, await begin(world, own));
    expect(known.body.code).toBe("impersonation_not_allowed");
  });
});

describe("limits", () => {
  test("count by address, and a client with a secret by itself once it proved it", async () => {
    const keys = async (work: () => Promise<unknown>) => {
      const before = world.limited.length;
      await work();
      return world.limited.slice(before).map(({ key }) => key.split(":").slice(0, 3).join(":"));
    };
    expect(await keys(() => authorize(world, client))).toEqual(["auth:oauth_authorize:address"]);
    expect(await keys(() => exchange(world, client, "x"))).toEqual(["auth:oauth_token:address"]);
    expect(await keys(() => exchange(world, kept, "x"))).toEqual(["auth:oauth_client:identity"]);
    const wrong = { ...kept, secret: "wrong" };
    expect(await keys(() => exchange(world, wrong, "x"))).toEqual(["auth:oauth_token:address"]);
    expect(await keys(() => register(world))).toEqual(["auth:oauth_register:address"]);
    const introspection = () => sendForm(world, kept, "introspect", { token: "x" });
    expect(await keys(introspection)).toEqual(["auth:oauth_client:identity"]);
    expect(await keys(() => describeRequest(world, ada, "x"))).toEqual([
      "auth:oauth_consent:identity",
    ]);
    world.refuse(1);
    const refused = await exchange(world, kept, "x");
    expect(refused).toMatchObject({ status: 429, body: { error: "temporarily_unavailable" } });
    expect(refused.headers.get("retry-after")).toBe("2");
  });

  test("of self-registered clients hold, also for many at once, and the unused give way", async () => {
    const small = await openAuthWorld({
      oauth_server: { ...world.state.config.oauth_server, dynamic_clients_max: 3 },
    });
    try {
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => register(small)));
      expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
      const body = { redirect_uris: [CALLBACK] };
      const full = await small.send("POST", "/auth/v1/oauth/clients/register", { body });
      expect(full).toMatchObject({ status: 429, body: { error: "temporarily_unavailable" } });
      expect(full.headers.get("retry-after")).not.toBeNull();
      await createClient(small);
      const [first] = tries.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      if (!first) throw new Error("none was registered");
      const bea = await signUp(small, "bea@example.test");
      await tokensFor(small, bea, first);
      await small.clock.advance(86_401_000);
      await register(small);
      const rows = await small.sql`
        select id from auth.oauth_clients where registration_type = 'dynamic'`;
      expect(rows).toHaveLength(2);
      expect(rows.map((row) => row["id"])).toContain(first.id);
    } finally {
      await small.close();
    }
  });
});

describe("whatever is sent", () => {
  const word = fc.oneof(
    fc.string({ maxLength: 60, unit: "binary" }),
    fc.constantFrom(...["", "code", "S256", "none", "login", "openid email", "a".repeat(9000)]),
    fc.constantFrom(CALLBACK, "\u0000", "%00", "\ud800", "' or 1=1 --", "javascript:alert(1)"),
  );
  const names = [
    ...["client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "prompt"],
    ...["code_challenge", "code_challenge_method", "max_age", "resource", "login_hint"],
    ...["grant_type", "code", "code_verifier", "refresh_token", "client_secret", "device_code"],
    ...["token", "token_type_hint", "user_code", "__proto__", "constructor"],
  ];
  const fields = fc.array(fc.tuple(fc.constantFrom(...names), word), { maxLength: 8 });
  const encode = (pairs: readonly [string, string][]) =>
    new URLSearchParams(pairs.map(([name, value]) => [name, value])).toString();

  test("no answer is a fault of the server, and none goes elsewhere", async () => {
    const paths = ["authorize", "token", "introspect", "revoke", "device_authorization"];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths),
        fields,
        fc.boolean(),
        async (path, pairs, known) => {
          const all = known ? [["client_id", client.id] as [string, string], ...pairs] : pairs;
          const url = `/auth/v1/oauth/${path}`;
          const answer =
            path === "authorize"
              ? await world.send("GET", `${url}?${encode(all)}`)
              : await world.send("POST", url, { body: encode(all), headers: FORM });
          expect(answer.status).toBeLessThan(500);
          const location = answer.headers.get("location");
          if (location !== null)
            expect(location).toMatch(/^https:\/\/(?:app|auth)\.example\.test\//);
        },
      ),
      { numRuns: 300, seed: 8628 },
    );
  });

  test("no registration is a fault of the server", async () => {
    const metadata = fc.dictionary(
      fc.constantFrom("redirect_uris", "client_name", "grant_types", "scope", "logo_uri", "x"),
      fc.oneof(fc.jsonValue({ maxDepth: 2 }), word, fc.array(word, { maxLength: 3 })),
    );
    await fc.assert(
      fc.asyncProperty(metadata, async (body) => {
        const answer = await world.send("POST", "/auth/v1/oauth/clients/register", { body });
        expect([201, 400]).toContain(answer.status);
      }),
      { numRuns: 200, seed: 7591 },
    );
  });
});

describe("a server that is no provider", () => {
  test("says so, and registers nobody where that is off", async () => {
    const { oauth_server: settings } = world.state.config;
    const off = await openAuthWorld({ oauth_server: { ...settings, enabled: false } });
    const shy = await openAuthWorld({
      oauth_server: { ...settings, dynamic_registration: false },
    });
    try {
      for (const [method, path] of [
        ["GET", "/auth/v1/oauth/authorize"],
        ["POST", "/auth/v1/oauth/token"],
        ["POST", "/auth/v1/oauth/clients/register"],
        ["POST", "/auth/v1/oauth/device_authorization"],
        ["GET", "/auth/v1/oauth/userinfo"],
        ["GET", "/auth/v1/.well-known/oauth-protected-resource"],
      ] as const) {
        expect([path, (await off.send(method, path)).status]).toEqual([path, 404]);
      }
      const found = await off.send("GET", "/auth/v1/.well-known/openid-configuration");
      expect(found.body.token_endpoint).toBeUndefined();
      const body = { redirect_uris: [CALLBACK] };
      const refused = await shy.send("POST", "/auth/v1/oauth/clients/register", { body });
      expect(refused.status).toBe(403);
      const other = await shy.send("GET", "/auth/v1/.well-known/openid-configuration");
      expect(other.body.registration_endpoint).toBeUndefined();
    } finally {
      await Promise.all([off.close(), shy.close()]);
    }
  });
});

test("decisions need their own word", async () => {
  const id = await begin(world, client, { prompt: "consent" });
  await describeRequest(world, ada, id);
  for (const action of ["", "yes", "Approve", null, 1]) {
    const { status } = await world.send("POST", `/auth/v1/oauth/authorizations/${id}/consent`, {
      body: { action },
      bearer: ada.accessToken,
    });
    expect(status).toBe(400);
  }
  expect((await decide(world, ada, id)).status).toBe(200);
});
