/** The OAuth server from the first request to the end of a grant, as a person and an app go through it. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { createLocalJWKSet, jwtVerify } from "jose";
import { type AuthWorld, openAuthWorld, type SignedIn, signIn, signUp } from "./auth-world.ts";
import {
  authorize,
  authorizeQuery,
  begin,
  CALLBACK,
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
  tokensFor,
} from "./oauth-world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const ISSUER = "https://auth.example.test";
const NATIVE = { redirect_uris: ["http://127.0.0.1:4711/cb"] };
let world: AuthWorld;
let count = 0;
const person = () => signUp(world, `oauth-flow-${++count}@example.test`);
const again = () => signIn(world, `oauth-flow-${count}@example.test`);

beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

const grantsOf = (who: SignedIn) =>
  world.send("GET", "/auth/v1/user/oauth/grants", { bearer: who.accessToken });
const revoke = (who: SignedIn, clientId: string) =>
  world.send("DELETE", `/auth/v1/user/oauth/grants?client_id=${clientId}`, {
    bearer: who.accessToken,
  });
const userInfo = (token: string) => world.send("GET", "/auth/v1/oauth/userinfo", { bearer: token });

describe("an authorization request", () => {
  test("is shown to its person with who asks and for what, and answered with a code", async () => {
    const client = await register(world);
    const who = await person();
    const { status, location, headers } = await authorize(world, client);
    expect([status, `${location?.origin}${location?.pathname}`]).toEqual([
      302,
      `${ISSUER}/auth/ui/consent`,
    ]);
    expect(headers.get("x-frame-options")).toBe("DENY");
    const id = location?.searchParams.get("authorization_id") ?? "";
    const { body } = await describeRequest(world, who, id);
    expect(body).toEqual({
      authorization_id: id,
      redirect_uri: CALLBACK,
      client: { id: client.id, name: "Test app", uri: "", logo_uri: "" },
      registration_type: "dynamic",
      user: { id: who.userId, email: `oauth-flow-${count}@example.test` },
      scope: "openid email",
      full_access: true,
    });
    const { body: decided } = await decide(world, who, id);
    const back = new URL(decided.redirect_url);
    expect(`${back.origin}${back.pathname}`).toBe(CALLBACK);
    expect(back.searchParams.get("state")).toBe("a-state");
    expect(back.searchParams.get("iss")).toBe(`${ISSUER}/auth/v1`);
    expect(back.searchParams.get("code")).toMatch(/^[\w-]{43}$/);
  });

  test("that is denied says so to the client, and cannot be decided again", async () => {
    const client = await register(world);
    const who = await person();
    const id = await begin(world, client);
    await describeRequest(world, who, id);
    const { body } = await decide(world, who, id, "deny");
    const back = new URL(body.redirect_url);
    expect(back.searchParams.get("error")).toBe("access_denied");
    expect(back.searchParams.get("state")).toBe("a-state");
    expect(back.searchParams.has("code")).toBe(false);
    const repeat = await decide(world, who, id);
    expect([repeat.status, repeat.body.code]).toEqual([400, "validation_failed"]);
  });

  test("belongs to the person who opened it, and must have been opened to be decided", async () => {
    const client = await register(world);
    const owner = await person();
    const other = await person();
    const unopened = await begin(world, client);
    expect((await decide(world, owner, unopened)).body.code).toBe("oauth_authorization_not_found");
    const id = await begin(world, client);
    await describeRequest(world, owner, id);
    for (const answer of [
      await describeRequest(world, other, id),
      await decide(world, other, id),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([404, "oauth_authorization_not_found"]);
    }
    const nobody = await world.send("GET", `/auth/v1/oauth/authorizations/${id}`);
    expect(nobody.status).toBe(401);
  });

  test("ends after its time", async () => {
    const client = await register(world);
    const id = await begin(world, client);
    await world.clock.advance(600_000);
    const who = await person();
    expect((await describeRequest(world, who, id)).status).toBe(404);
  });

  test("passes on who is expected, for the page to offer", async () => {
    const client = await register(world);
    const { location } = await authorize(world, client, { login_hint: "ada&x=1@example.test" });
    expect(location?.searchParams.get("login_hint")).toBe("ada&x=1@example.test");
    expect(location?.searchParams.has("x")).toBe(false);
  });

  test("can be posted as a form", async () => {
    const client = await register(world);
    const query = authorizeQuery(client);
    const { status, headers } = await world.send("POST", "/auth/v1/oauth/authorize", {
      body: query,
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    expect(status).toBe(303);
    expect(headers.get("location")).toContain("/auth/ui/consent?authorization_id=");
  });
});

describe("a code", () => {
  test("is exchanged for tokens that say whose they are, for whom and for what", async () => {
    const client = await register(world);
    const who = await person();
    const code = await codeFor(world, who, client, { nonce: "n-0S6" });
    const { status, headers, body } = await exchange(world, client, code);
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toMatchObject({ token_type: "bearer", expires_in: 3600, scope: "openid email" });
    const access = claimsOf(body.access_token);
    expect(access).toMatchObject({
      sub: who.userId,
      aud: "authenticated",
      role: "authenticated",
      client_id: client.id,
      scope: "openid email",
      email: `oauth-flow-${count}@example.test`,
      user_metadata: {},
    });
    const { body: keys } = await world.send("GET", "/auth/v1/.well-known/jwks.json");
    const { payload } = await jwtVerify(body.id_token, createLocalJWKSet(keys), {
      issuer: `${ISSUER}/auth/v1`,
      audience: client.id,
      currentDate: new Date(world.clock.now()),
    });
    const digest = createHash("sha256").update(body.access_token).digest();
    expect(payload).toMatchObject({
      sub: who.userId,
      nonce: "n-0S6",
      at_hash: digest.subarray(0, 16).toString("base64url"),
      email: `oauth-flow-${count}@example.test`,
      email_verified: false,
      acr: "aal1",
    });
    expect(payload["auth_time"]).toBe(Math.floor(world.clock.now() / 1000));
  });

  test("without openid gives no ID token, and none of what was not asked for", async () => {
    const client = await register(world);
    const who = await person();
    const body = await tokensFor(world, who, client, { scope: "phone" });
    expect(body.id_token).toBeUndefined();
    expect(claimsOf(body.access_token)).toMatchObject({
      email: "",
      user_metadata: {},
      scope: "phone",
    });
    const info = await userInfo(body.access_token);
    expect([info.status, info.body.error]).toEqual([403, "insufficient_scope"]);
  });

  test("is worth nothing a minute later", async () => {
    const client = await register(world);
    const who = await person();
    const code = await codeFor(world, who, client);
    await world.clock.advance(60_000);
    const { status, body } = await exchange(world, client, code);
    expect([status, body.error]).toEqual([400, "invalid_grant"]);
  });

  test("of somebody who was banned or removed since is refused", async () => {
    const client = await register(world);
    const banned = await person();
    const code = await codeFor(world, banned, client);
    const until = new Date(world.clock.now() + 60_000);
    await world.sql`update auth.users set banned_until = ${until} where id = ${banned.userId}`;
    expect((await exchange(world, client, code)).body.error).toBe("invalid_grant");
    await world.sql`update auth.users set banned_until = 'infinity' where id = ${banned.userId}`;
    expect((await exchange(world, client, code)).body.error).toBe("invalid_grant");
    const gone = await person();
    const other = await codeFor(world, gone, client);
    await world.send("DELETE", `/auth/v1/admin/users/${gone.userId}`, { bearer: SECRET_KEY });
    expect((await exchange(world, client, other)).body.error).toBe("invalid_grant");
  });
});

describe("what was agreed to and not yet fetched", () => {
  const change = (who: SignedIn) =>
    world.send("PUT", "/auth/v1/user", {
      body: { password: "a wholly new password" },
      bearer: who.accessToken,
    });
  const leave = (who: SignedIn) =>
    world.send("POST", "/auth/v1/logout?scope=others", { bearer: who.accessToken });

  test.each([
    ["a new password", change],
    ["signing out elsewhere", leave],
  ])("ends with %s: whoever agreed may be gone with it", async (_, end) => {
    const client = await register(world);
    const who = await person();
    const thief = await again();
    const code = await codeFor(world, thief, client);
    const grant_types = ["urn:ietf:params:oauth:grant-type:device_code"];
    const device = await register(world, { redirect_uris: [], grant_types });
    const { body: asked } = await sendForm(world, device, "device_authorization", {});
    await world.send("POST", "/auth/v1/oauth/device", {
      body: { user_code: asked.user_code, action: "approve" },
      bearer: thief.accessToken,
    });
    expect((await end(who)).status).toBeLessThan(300);
    expect((await exchange(world, client, code)).body.error).toBe("invalid_grant");
    const poll = { grant_type: grant_types[0] ?? "", device_code: asked.device_code };
    expect((await sendForm(world, device, "token", poll)).body.error).toBe("invalid_grant");
  });
});

describe("the tokens of a client", () => {
  test("are refreshed, with an ID token for the same sign-in and no nonce", async () => {
    const client = await register(world);
    const who = await person();
    const first = await tokensFor(world, who, client, { nonce: "n" });
    await world.clock.advance(5_000);
    const { status, body } = await refreshFor(world, client, first.refresh_token);
    expect(status).toBe(200);
    expect(body.refresh_token).not.toBe(first.refresh_token);
    expect(body.scope).toBe("openid email");
    const [before, after] = [claimsOf(first.id_token), claimsOf(body.id_token)];
    for (const name of ["iss", "sub", "aud", "auth_time"])
      expect(after[name]).toEqual(before[name]);
    expect(after["iat"]).toBe(Number(before["iat"]) + 5);
    expect(after["nonce"]).toBeUndefined();
  });

  test("can be narrowed, for one token", async () => {
    const client = await register(world);
    const first = await tokensFor(world, await person(), client, { scope: "openid email profile" });
    const narrow = await refreshFor(world, client, first.refresh_token, { scope: "openid" });
    expect(narrow.body.scope).toBe("openid");
    expect(claimsOf(narrow.body.access_token)).toMatchObject({ scope: "openid", email: "" });
    const whole = await refreshFor(world, client, narrow.body.refresh_token);
    expect(whole.body.scope).toBe("openid email profile");
  });

  test("show the person as far as the scopes go", async () => {
    const client = await register(world);
    const who = await person();
    await world.send("PUT", "/auth/v1/user", {
      body: { data: { name: "Ada", avatar_url: "https://example.test/ada.png" } },
      bearer: who.accessToken,
    });
    const thin = await tokensFor(world, who, client, { scope: "openid" });
    expect((await userInfo(thin.access_token)).body).toEqual({ sub: who.userId });
    const full = await tokensFor(world, who, client, { scope: "openid email profile" });
    // Taken as confirmed by autoconfirm is not verified; what a mail has proven is.
    expect((await userInfo(full.access_token)).body.email_verified).toBe(false);
    await world.sql`update auth.users set proven_email = email where id = ${who.userId}`;
    expect((await userInfo(full.access_token)).body).toMatchObject({
      sub: who.userId,
      email: `oauth-flow-${count}@example.test`,
      email_verified: true,
      name: "Ada",
      picture: "https://example.test/ada.png",
    });
    await world.sql`
      update auth.users set email_change = 'new@example.test', phone_change = '4915112345678'
      where id = ${who.userId}`;
    await world.sql`
      insert into auth.mfa_factors
        (id, user_id, factor_type, status, phone, created_at, updated_at)
      values (gen_random_uuid(), ${who.userId}, 'phone', 'verified', '4915112345678',
        ${world.state.now()}, ${world.state.now()})`;
    const user = await world.send("GET", "/auth/v1/user", { bearer: thin.access_token });
    for (const hidden of ["new_email", "new_phone", "factors"]) {
      expect(user.body[hidden]).toBeUndefined();
    }
    expect(user.body).toMatchObject({
      id: who.userId,
      email: "",
      user_metadata: {},
      identities: [],
    });
    const own = await userInfo(who.accessToken);
    expect(own.body.email).toBe(`oauth-flow-${count}@example.test`);
  });

  test("carry the level and the ways of the sign-in that gave them", async () => {
    const client = await register(world);
    const who = await person();
    const { session_id: id } = claimsOf(who.accessToken) as { session_id: string };
    await world.sql`update auth.sessions set aal = 'aal2' where id = ${id}`;
    const { access_token: token } = await tokensFor(world, who, client);
    expect(claimsOf(token)).toMatchObject({ aal: "aal2" });
    const methods = (claimsOf(token)["amr"] as { method: string }[]).map(({ method }) => method);
    expect(methods).toEqual(["oauth_provider/authorization_code", "password"]);
  });
});

describe("a decision", () => {
  test("is remembered for a client at an https address, as far as its scopes go", async () => {
    const client = await register(world);
    const who = await person();
    await consent(world, who, client, { scope: "openid email" });
    const same = await describeRequest(world, who, await begin(world, client, { scope: "email" }));
    expect(new URL(same.body.redirect_url).searchParams.has("code")).toBe(true);
    const more = await describeRequest(
      world,
      who,
      await begin(world, client, { scope: "email profile" }),
    );
    expect(more.body.redirect_url).toBeUndefined();
    const asked = await begin(world, client, { scope: "email", prompt: "consent" });
    expect((await describeRequest(world, who, asked)).body.redirect_url).toBeUndefined();
    const other = await person();
    const theirs = await describeRequest(world, other, await begin(world, client));
    expect(theirs.body.redirect_url).toBeUndefined();
  });

  test("is asked for each time by a public client that any app on a machine could pose as", async () => {
    const client = await register(world, NATIVE);
    const who = await person();
    await consent(world, who, client);
    const { body } = await describeRequest(world, who, await begin(world, client));
    expect(body.authorization_id).toBeDefined();
    const kept = await createClient(world, NATIVE);
    await consent(world, who, kept);
    const known = await describeRequest(world, who, await begin(world, kept));
    expect(known.body.redirect_url).toBeDefined();
  });

  test("is listed and can be taken back, which ends the client's sessions and codes", async () => {
    const client = await register(world);
    const who = await person();
    const tokens = await tokensFor(world, who, client);
    const waiting = await codeFor(world, who, client);
    const { body: grants } = await grantsOf(who);
    expect(grants).toMatchObject([
      { client: { id: client.id, name: "Test app" }, scopes: ["openid", "email"] },
    ]);
    expect((await revoke(who, client.id)).status).toBe(204);
    expect((await grantsOf(who)).body).toEqual([]);
    expect((await refreshFor(world, client, tokens.refresh_token)).body.error).toBe(
      "invalid_grant",
    );
    expect((await exchange(world, client, waiting)).body.error).toBe("invalid_grant");
    const info = await userInfo(tokens.access_token);
    expect([info.status, info.body.error]).toEqual([401, "invalid_token"]);
    const repeat = await revoke(who, client.id);
    expect([repeat.status, repeat.body.code]).toEqual([404, "oauth_consent_not_found"]);
    expect((await world.send("GET", "/auth/v1/user", { bearer: who.accessToken })).status).toBe(
      200,
    );
    const asked = await describeRequest(world, who, await begin(world, client));
    expect(asked.body.redirect_url).toBeUndefined();
  });
});

describe("a new sign-in", () => {
  test("is asked for by prompt=login and max_age, and then enough", async () => {
    const who = await person();
    await world.clock.advance(100_000);
    for (const wanted of [{ prompt: "login" }, { max_age: "60" }]) {
      const client = await register(world);
      const id = await begin(world, client, wanted);
      const stale = await describeRequest(world, who, id);
      expect([stale.status, stale.body.code]).toEqual([403, "reauthentication_needed"]);
      const fresh = await again();
      expect((await describeRequest(world, fresh, id)).status).toBe(200);
      expect((await decide(world, who, id)).body.code).toBe("reauthentication_needed");
      expect((await decide(world, fresh, id)).status).toBe(200);
      await world.clock.advance(100_000);
    }
    const client = await register(world);
    const lenient = await begin(world, client, { max_age: "10000000" });
    expect((await describeRequest(world, who, lenient)).status).toBe(200);
  });
});

describe("introspection and revocation", () => {
  test("tell a client of its own tokens, and whether they still stand", async () => {
    const client = await createClient(world);
    const other = await createClient(world);
    const who = await person();
    const tokens = await tokensFor(world, who, client);
    const ask = (from: typeof client, token: string) =>
      sendForm(world, from, "introspect", { token });
    const { body } = await ask(client, tokens.access_token);
    expect(body).toMatchObject({
      active: true,
      sub: who.userId,
      client_id: client.id,
      scope: "openid email",
      token_type: "bearer",
    });
    expect((await ask(client, tokens.refresh_token)).body.active).toBe(true);
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      expect((await ask(other, token)).body).toEqual({ active: false });
    }
    for (const token of ["rubbish", "a.b.c", tokens.id_token, who.accessToken]) {
      expect((await ask(client, token)).body).toEqual({ active: false });
    }
    const theirs = await sendForm(world, other, "revoke", { token: tokens.refresh_token });
    expect([theirs.status, theirs.body.error]).toEqual([400, "unauthorized_client"]);
    expect((await ask(client, tokens.refresh_token)).body.active).toBe(true);
    expect((await sendForm(world, client, "revoke", { token: "unknown" })).status).toBe(200);
    const done = await sendForm(world, client, "revoke", { token: tokens.access_token });
    expect([done.status, done.body]).toEqual([200, null]);
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      expect((await ask(client, token)).body).toEqual({ active: false });
    }
    expect((await refreshFor(world, client, tokens.refresh_token)).body.error).toBe(
      "invalid_grant",
    );
  });

  test("know a token of somebody who was banned as what it is worth", async () => {
    const client = await createClient(world);
    const who = await person();
    const tokens = await tokensFor(world, who, client);
    await world.sql`update auth.users set banned_until = 'infinity' where id = ${who.userId}`;
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      const { body } = await sendForm(world, client, "introspect", { token });
      expect(body).toEqual({ active: false });
    }
  });

  test("are for confidential clients and the secret key", async () => {
    const client = await register(world);
    const tokens = await tokensFor(world, await person(), client);
    const refused = await sendForm(world, client, "introspect", { token: tokens.access_token });
    expect([refused.status, refused.body.error]).toEqual([401, "invalid_client"]);
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = new URLSearchParams({ token: tokens.access_token }).toString();
    const path = "/auth/v1/oauth/introspect";
    const known = await world.send("POST", path, { body, headers, bearer: SECRET_KEY });
    expect(known.body).toMatchObject({ active: true, client_id: client.id });
    const stranger = await world.send("POST", path, { body, headers, bearer: tokens.access_token });
    expect([stranger.status, stranger.body.error]).toEqual([401, "invalid_token"]);
  });
});
