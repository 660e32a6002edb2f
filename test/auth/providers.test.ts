/** Signing in through a real OpenID Connect provider, both flows, and linking by hand. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { challengeOf } from "../../src/capabilities/auth/flows/code-challenge.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";
import { CLIENT, type OidcIssuer, startOidcIssuer } from "./oidc-issuer.ts";
import { fragmentOf, ProviderBrowser } from "./provider-browser.ts";

const CALLBACK = "http://localhost/auth/v1/callback";
const APP = "https://app.example.test/welcome";
const VERIFIER = "verifier-".repeat(6);

let idp: OidcIssuer;
let world: AuthWorld;
let count = 0;
const fresh = () => `oidc-${++count}@example.test`;

beforeAll(async () => {
  idp = await startOidcIssuer([CALLBACK, `${CALLBACK}/own`]);
  world = await openAuthWorld({
    redirect_urls: [APP, "com.example.app:/callback"],
    provider_networks: ["127.0.0.0/8"],
    providers: {
      acme: { ...CLIENT, issuer: idp.issuer },
      own: { ...CLIENT, issuer: idp.issuer, own_callback: true },
      off: { ...CLIENT, issuer: idp.issuer, enabled: false },
    },
  });
  // The provider lives in the present.
  world.clock.step(Date.now() - world.clock.now());
});
afterAll(async () => {
  await world.close();
  await idp.close();
});

const pkce = { code_challenge: challengeOf(VERIFIER), code_challenge_method: "s256" };

function become(email: string, more: object = {}): void {
  idp.become(`account-${++count}`, { email, email_verified: true, name: "Ada", ...more });
}

const exchange = (code: string | null, verifier = VERIFIER) =>
  world.send("POST", "/auth/v1/token?grant_type=pkce", {
    body: { auth_code: code, code_verifier: verifier },
  });

describe("through a real provider", () => {
  test("a person signs in with PKCE and gets the provider's tokens once", async () => {
    const email = fresh();
    become(email);
    const browser = new ProviderBrowser(world);
    const at = await browser.signIn({ provider: "acme", redirect_to: APP, ...pkce });
    expect(`${at.origin}${at.pathname}`).toBe(APP);
    const { status, body } = await exchange(at.searchParams.get("code"));
    expect([status, body.user.email, body.user.app_metadata.provider]).toEqual([
      200,
      email,
      "acme",
    ]);
    expect(body.user.user_metadata).toMatchObject({ name: "Ada", iss: idp.issuer });
    expect(body.provider_token).toBeString();
    expect(body.user.identities[0]).toMatchObject({ provider: "acme", email });
  });

  test("and in the implicit flow, by the fragment alone", async () => {
    const email = fresh();
    become(email);
    const at = await new ProviderBrowser(world).signIn({ provider: "acme", redirect_to: APP });
    expect(at.search).toBe("");
    const session = fragmentOf(at);
    expect(Object.keys(session)).toContain("provider_token");
    const { body } = await world.send("GET", "/auth/v1/user", {
      bearer: session["access_token"] ?? "",
    });
    expect(body.email).toBe(email);
    const refreshed = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
      body: { refresh_token: session["refresh_token"] },
    });
    expect(refreshed.status).toBe(200);
  });

  test("and is the same person the next time", async () => {
    become(fresh());
    const browser = new ProviderBrowser(world);
    const ids = [];
    for (let i = 0; i < 2; i += 1) {
      const at = await browser.signIn({ provider: "acme", redirect_to: APP, ...pkce });
      ids.push((await exchange(at.searchParams.get("code"))).body.user.id);
    }
    expect(ids[0]).toBe(ids[1]);
  });

  test("who says no is sent back with the provider's error", async () => {
    become(fresh());
    idp.refuse();
    const at = await new ProviderBrowser(world).signIn({ provider: "acme", redirect_to: APP });
    expect(fragmentOf(at)).toEqual({
      error: "access_denied",
      error_code: "access_denied",
      error_description: "The person said no",
    });
    expect(at.searchParams.get("error")).toBe("access_denied");
  });

  test("without a verified address is refused with GoTrue's code", async () => {
    become(fresh(), { email_verified: false });
    const at = await new ProviderBrowser(world).signIn({ provider: "acme", redirect_to: APP });
    expect(fragmentOf(at)["error_code"]).toBe("provider_email_needs_verification");
  });

  test("a callback of its own works as well", async () => {
    become(fresh());
    const at = await new ProviderBrowser(world).signIn({ provider: "own", redirect_to: APP });
    expect(fragmentOf(at)["access_token"]).toBeString();
  });

  test("an app's own scheme is reached when it is listed", async () => {
    become(fresh());
    const redirect_to = "com.example.app:/callback";
    const at = await new ProviderBrowser(world).signIn({ provider: "acme", redirect_to, ...pkce });
    expect(at.href).toStartWith("com.example.app:/callback?code=");
  });

  test.each([
    "https://evil.example.test/",
    "javascript:alert(1)",
    `${APP}.evil.test`,
    "//evil.test",
  ])("nobody is sent to %p", async (redirect_to) => {
    become(fresh());
    const at = await new ProviderBrowser(world).signIn({ provider: "acme", redirect_to });
    expect(at.origin).toBe("http://localhost");
  });

  test("several sign-ins of one browser at a time do not disturb one another", async () => {
    const browser = new ProviderBrowser(world);
    const start = () =>
      browser.visit(
        `/auth/v1/authorize?${new URLSearchParams({ provider: "acme", redirect_to: APP })}`,
      );
    const [one, two] = [await start(), await start()];
    become(fresh());
    const back2 = await browser.visit(await browser.atProvider(two.location));
    become(fresh());
    const back1 = await browser.visit(await browser.atProvider(one.location));
    for (const back of [back1, back2]) expect(back.location).toContain("access_token=");
  });
});

describe("GET /authorize", () => {
  const visit = (query: Record<string, string>) =>
    new ProviderBrowser(world).visit(`/auth/v1/authorize?${new URLSearchParams(query)}`);

  test.each(["nope", "off", "", "__proto__", "email", "acme "])(
    "refuses the provider %p",
    async (provider) => {
      const { status, body } = await visit({ provider });
      expect([status, (body as { code: string }).code]).toEqual([400, "validation_failed"]);
    },
  );

  test("asks with state, nonce, PKCE, the scopes and what the caller adds, but not over them", async () => {
    const { location } = await visit({
      provider: "acme",
      scopes: "offline_access openid",
      prompt: "consent",
      login_hint: "ada@example.test",
      state: "mine",
      nonce: "mine",
      redirect_uri: "https://evil.example.test",
      client_id: "mine",
      response_type: "token",
      scope: "mine",
      request: "mine",
      request_uri: "mine",
      response_mode: "fragment",
      ...pkce,
    });
    const asked = Object.fromEntries(new URL(location).searchParams);
    expect(asked).toMatchObject({
      client_id: CLIENT.client_id,
      redirect_uri: CALLBACK,
      response_type: "code",
      code_challenge_method: "S256",
      scope: "openid email profile offline_access",
      prompt: "consent",
      login_hint: "ada@example.test",
    });
    expect(Object.values(asked)).not.toContain("mine");
    expect(asked["code_challenge"]).not.toBe(pkce.code_challenge);
    for (const name of ["request", "request_uri", "response_mode"])
      expect(name in asked).toBe(false);
    const again = new URL((await visit({ provider: "acme" })).location).searchParams;
    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(again.get(name)).not.toBe(asked[name] ?? "");
    }
  });

  test("is limited by address", async () => {
    world.refuse(1);
    expect((await visit({ provider: "acme" })).status).toBe(429);
  });
});

describe("linking by hand", () => {
  const leave = (browser: ProviderBrowser, ticket: string) => browser.visit(ticket, undefined, APP);
  const link = async (browser: ProviderBrowser, bearer: string, query: Record<string, string>) => {
    const { body } = await browser.visit(
      `/auth/v1/user/identities/authorize?${new URLSearchParams({ skip_http_redirect: "true", ...query })}`,
      bearer,
    );
    return (body as { url: string }).url.replace("http://localhost", "");
  };

  test("adds a way in, under PKCE once the verifier is shown", async () => {
    const email = fresh();
    const ada = await signUp(world, email);
    become(fresh());
    const browser = new ProviderBrowser(world);
    const ticket = await link(browser, ada.accessToken, {
      provider: "acme",
      redirect_to: APP,
      ...pkce,
    });
    const back = await browser.atProvider((await browser.visit(ticket)).location);
    const at = new URL((await browser.visit(back)).location);
    const before = await world.send("GET", "/auth/v1/user/identities", { bearer: ada.accessToken });
    expect(before.body.identities).toHaveLength(1);
    const { body } = await exchange(at.searchParams.get("code"));
    expect(body.user.id).toBe(ada.userId);
    expect(body.user.email).toBe(email);
    expect(body.user.app_metadata.providers).toEqual(["email", "acme"]);
  });

  test("adds it at once in the implicit flow, and tells the person by mail", async () => {
    const email = fresh();
    const ada = await signUp(world, email);
    become(fresh());
    const browser = new ProviderBrowser(world);
    const ticket = await link(browser, ada.accessToken, { provider: "acme", redirect_to: APP });
    const back = await browser.atProvider((await leave(browser, ticket)).location);
    const at = new URL((await browser.visit(back)).location);
    expect(fragmentOf(at)["access_token"]).toBeString();
    const after = await world.send("GET", "/auth/v1/user/identities", { bearer: ada.accessToken });
    expect(after.body.identities).toHaveLength(2);
    await world.state.outbox.idle();
    const told = world.mail.inbox.list(DEFAULT_TENANT).map(({ to }) => to);
    expect(told).toContain(email);
  });

  test("is refused when the identity is somebody's", async () => {
    become(fresh());
    const browser = new ProviderBrowser(world);
    await browser.signIn({ provider: "acme", redirect_to: APP });
    const ada = await signUp(world, fresh());
    const ticket = await link(browser, ada.accessToken, { provider: "acme", redirect_to: APP });
    const back = await browser.atProvider((await leave(browser, ticket)).location);
    const at = new URL((await browser.visit(back)).location);
    expect(fragmentOf(at)).toMatchObject({
      error_code: "identity_already_exists",
      error_description: "Identity is already linked to another user",
    });
  });

  test("needs a signed-in person, and a ticket works once", async () => {
    const browser = new ProviderBrowser(world);
    const anonymous = await browser.visit("/auth/v1/user/identities/authorize?provider=acme");
    expect(anonymous.status).toBe(401);
    const ada = await signUp(world, fresh());
    const ticket = await link(browser, ada.accessToken, { provider: "acme", redirect_to: APP });
    expect((await leave(browser, ticket)).status).toBe(302);
    expect((await leave(browser, ticket)).status).toBe(400);
    const forged = ticket.replace(/ticket=.*/, `ticket=${"A".repeat(43)}`);
    expect((await browser.visit(forged)).status).toBe(400);
  });

  test("can be undone, but not for the last way in, and the unlinked is nobody's again", async () => {
    const email = fresh();
    const ada = await signUp(world, email);
    const del = (id: string) =>
      world.send("DELETE", `/auth/v1/user/identities/${id}`, { bearer: ada.accessToken });
    const own = async () =>
      (await world.send("GET", "/auth/v1/user", { bearer: ada.accessToken })).body.identities;
    const [first] = await own();
    expect((await del(first.identity_id)).body.code).toBe("single_identity_not_deletable");
    become(fresh());
    const browser = new ProviderBrowser(world);
    const ticket = await link(browser, ada.accessToken, { provider: "acme", redirect_to: APP });
    await browser.visit(await browser.atProvider((await leave(browser, ticket)).location));
    const [, linked] = await own();
    const eve = await signUp(world, fresh());
    const foreign = await world.send("DELETE", `/auth/v1/user/identities/${linked.identity_id}`, {
      bearer: eve.accessToken,
    });
    expect(foreign.body.code).toBe("single_identity_not_deletable");
    expect((await del("no-uuid")).status).toBe(404);
    expect((await del("00000000-0000-0000-0000-000000000000")).body.code).toBe(
      "identity_not_found",
    );
    expect((await del(linked.identity_id)).status).toBe(200);
    expect(await own()).toHaveLength(1);
    await signIn(world, email);
    const at = await browser.signIn({ provider: "acme", redirect_to: APP, ...pkce });
    expect((await exchange(at.searchParams.get("code"))).body.user.id).not.toBe(ada.userId);
  });

  test("unlinking the address takes the password with it", async () => {
    const email = fresh();
    const ada = await signUp(world, email);
    become(fresh());
    const browser = new ProviderBrowser(world);
    const ticket = await link(browser, ada.accessToken, { provider: "acme", redirect_to: APP });
    await browser.visit(await browser.atProvider((await leave(browser, ticket)).location));
    const { body } = await world.send("GET", "/auth/v1/user", { bearer: ada.accessToken });
    const [first] = body.identities;
    const path = `/auth/v1/user/identities/${first.identity_id}`;
    expect((await world.send("DELETE", path, { bearer: ada.accessToken })).status).toBe(200);
    const again = await world.send("POST", "/auth/v1/token?grant_type=password", {
      body: { email, password: PASSWORD },
    });
    expect(again.body.code).toBe("invalid_credentials");
    const after = await world.send("GET", "/auth/v1/user", { bearer: ada.accessToken });
    expect(after.body.email).not.toBe(email);
  });
});

test("settings tell which providers there are", async () => {
  const { body } = await world.send("GET", "/auth/v1/settings");
  expect(body.external).toMatchObject({ acme: true, own: true, email: true });
  expect("off" in body.external).toBe(false);
});

describe("providers that are added while the server runs", () => {
  const admin = (method: string, path: string, body?: unknown, bearer = "sb_secret_test") =>
    world.send(method, `/auth/v1/admin/custom-providers${path}`, {
      ...(body === undefined ? {} : { body }),
      ...(bearer === "" ? {} : { bearer }),
    });
  const oidc = () => ({
    provider_type: "oidc",
    identifier: `custom:p${++count}`,
    name: "P",
    ...CLIENT,
    issuer: idp.issuer,
  });

  test("need the secret key", async () => {
    const made = oidc();
    await admin("POST", "", made);
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["POST", "", oidc()],
      ["GET", `/${made.identifier}`, undefined],
      ["PUT", `/${made.identifier}`, {}],
      ["DELETE", `/${made.identifier}`, undefined],
    ] as const) {
      expect((await admin(method, path, body, "")).status).toBe(401);
    }
  });

  test.each([
    { provider_type: "saml" },
    { identifier: "acme" },
    { identifier: "custom:" },
    { identifier: "custom:A B" },
    { client_id: "" },
    { client_id: 7 },
    { issuer: "" },
    { issuer: "javascript:alert(1)" },
    { provider_type: "oauth2" },
    { provider_type: "oauth2", issuer: undefined, authorization_url: "https://a.test/" },
    { scopes: "openid" },
    { attribute_mapping: { email: 7 } },
    { authorization_params: { prompt: [] } },
  ])("are not made of %p", async (wrong) => {
    const { status } = await admin("POST", "", { ...oidc(), ...wrong });
    expect(status).toBe(400);
  });

  test("have an identifier once, and keep their secret in the vault alone", async () => {
    const made = oidc();
    expect((await admin("POST", "", made)).status).toBe(201);
    expect((await admin("POST", "", made)).status).toBe(422);
    const rows = JSON.stringify(await world.sql`select * from auth.custom_oauth_providers`);
    expect(rows).not.toContain(CLIENT.client_secret);
  });

  test("sign nobody in when they are off or gone", async () => {
    const made = oidc();
    await admin("POST", "", made);
    const browser = new ProviderBrowser(world);
    const { identifier } = made;
    const leave = () => browser.visit(`/auth/v1/authorize?provider=${identifier}`);
    const { location } = await leave();
    become(fresh());
    const back = await browser.atProvider(location);
    await admin("PUT", `/${identifier}`, { enabled: false });
    const at = new URL((await browser.visit(back)).location);
    expect("access_token" in fragmentOf(at)).toBe(false);
    expect((await leave()).status).toBe(400);
    expect((await admin("DELETE", `/${identifier}`)).status).toBe(204);
    expect((await admin("GET", `/${identifier}`)).status).toBe(404);
  });
});
