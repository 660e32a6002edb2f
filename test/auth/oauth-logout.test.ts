/** Signing out at an app's word (OpenID Connect RP-Initiated Logout 1.0): what ends, who is asked, where it leads. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";
import {
  claimsOf,
  createClient,
  refreshFor,
  register,
  type TestClient,
  tokensFor,
} from "./oauth-world.ts";
import { openUiBrowser, type UiBrowser } from "./ui-browser.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const AFTER = "https://app.example.test/bye";
const PAGE = "/auth/ui/logout";
let world: AuthWorld;
let app: TestClient;
let count = 0;

beforeAll(async () => {
  world = await openAuthWorld();
  app = await createClient(world, { post_logout_redirect_uris: [AFTER, `${AFTER}?from=here`] });
});
afterAll(() => world.close());

interface Visitor {
  readonly browser: UiBrowser;
  readonly idToken: string;
  readonly refreshToken: string;
}

/** Somebody who is signed in on the pages, and at a client. */
async function visitor(client = app): Promise<Visitor> {
  const email = `logout-${++count}@example.test`;
  await signUp(world, email);
  const browser = openUiBrowser(world);
  await browser.submit("/auth/ui/sign-in", { email, password: PASSWORD });
  const tokens = await tokensFor(world, await signIn(world, email), client);
  return { browser, idToken: tokens.id_token, refreshToken: tokens.refresh_token };
}

const path = (params: Record<string, string>) => `${PAGE}?${new URLSearchParams(params)}`;
const isSignedIn = async (browser: UiBrowser) =>
  (await browser.open("/auth/ui/account")).status === 200;
const isOpen = async (client: TestClient, token: string) =>
  (await refreshFor(world, client, token)).status === 200;

describe("with an ID token of who is signed in", () => {
  test("signs out here and there, and leads back with the client's state", async () => {
    const { browser, idToken, refreshToken } = await visitor();
    const asked = { id_token_hint: idToken, post_logout_redirect_uri: AFTER, state: "a&b" };
    const first = await browser.open(`/auth/v1/oauth/logout?${new URLSearchParams(asked)}`);
    expect([first.status, first.location]).toEqual([303, path(asked)]);
    const done = await browser.open(first.location ?? "");
    expect([done.status, done.location]).toEqual([303, `${AFTER}?state=a%26b`]);
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isOpen(app, refreshToken)).toBe(false);
    const [row] = await world.sql`
      select from auth.audit_log_entries where payload ->> 'action' = 'logout'
        and payload ->> 'actor_id' = ${String(claimsOf(idToken)["sub"])}`;
    expect(row).toBeDefined();
  });

  test("also long after it has expired, by a form, and to an address with a query", async () => {
    const { browser, idToken } = await visitor();
    await world.clock.advance(86_400_000);
    const asked = { id_token_hint: idToken, post_logout_redirect_uri: `${AFTER}?from=here` };
    const body = new URLSearchParams(asked).toString();
    const cross = { origin: "https://app.example.test", "sec-fetch-site": "cross-site" };
    const sent = await browser.post("/auth/v1/oauth/logout", body, cross);
    expect([sent.status, sent.location]).toEqual([303, path(asked)]);
    expect((await browser.open(path({ ...asked, state: "x" }))).location).toBe(
      `${AFTER}?from=here&state=x`,
    );
    expect(await isSignedIn(browser)).toBe(false);
  });

  test("and without an address ends on a page of ours", async () => {
    const { browser, idToken } = await visitor();
    const view = await browser.open(path({ id_token_hint: idToken }));
    expect([view.status, view.location]).toEqual([200, null]);
    expect(view.html).toContain("You are signed out");
    expect(await isSignedIn(browser)).toBe(false);
  });
});

describe("the person is asked first", () => {
  const asks = async (browser: UiBrowser, params: Record<string, string>) => {
    const view = await browser.open(path(params));
    expect([view.status, view.html.includes("Sign out?")]).toEqual([200, true]);
    expect(view.html).not.toContain("http-equiv");
    expect(await isSignedIn(browser)).toBe(true);
  };

  test("without a token: and then leads where the client registered", async () => {
    const { browser } = await visitor();
    const params = { client_id: app.id, post_logout_redirect_uri: AFTER };
    await asks(browser, params);
    const forged = await browser.post(path(params), "");
    expect(forged.status).toBe(403);
    expect(await isSignedIn(browser)).toBe(true);
    const done = await browser.submit(path(params), {});
    expect(done.html).toContain(`content="0;url=${AFTER}"`);
    expect(await isSignedIn(browser)).toBe(false);
  });

  test("with a token of somebody else, whose sign-in at the app then stays", async () => {
    const { browser } = await visitor();
    const other = await visitor();
    await asks(browser, { id_token_hint: other.idToken, post_logout_redirect_uri: AFTER });
    await browser.submit(path({ id_token_hint: other.idToken }), {});
    expect(await isSignedIn(browser)).toBe(false);
    expect(await isSignedIn(other.browser)).toBe(true);
    expect(await isOpen(app, other.refreshToken)).toBe(true);
  });

  test("while the second factor is still to be shown", async () => {
    const { browser, idToken } = await visitor();
    const { sub } = claimsOf(idToken);
    const now = world.state.now();
    await world.sql`
      insert into auth.mfa_factors (id, user_id, factor_type, status, created_at, updated_at)
      values (gen_random_uuid(), ${String(sub)}, 'totp', 'verified', ${now}, ${now})`;
    const view = await browser.open(path({ client_id: app.id }));
    expect(view.html).toContain("Sign out?");
  });
});

describe("nobody is led away", () => {
  test("to what the client did not register, and nobody is signed out", async () => {
    const { browser, idToken } = await visitor();
    const near = [
      `${AFTER}/`,
      `${AFTER}?x`,
      AFTER.toUpperCase(),
      "https://evil.example",
      "//evil.example",
    ];
    for (const post_logout_redirect_uri of near) {
      const view = await browser.open(path({ id_token_hint: idToken, post_logout_redirect_uri }));
      expect([view.status, view.location]).toEqual([400, null]);
      expect(view.html).not.toContain("evil");
    }
    const nameless = await browser.open(path({ post_logout_redirect_uri: AFTER }));
    expect(nameless.status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });

  test("by what is no ID token of ours, or another client's", async () => {
    const { browser, idToken } = await visitor();
    const [head = "", body = "", signature = ""] = idToken.split(".");
    const person = await signUp(world, `logout-${++count}@example.test`);
    const hints = [
      "rubbish",
      `${head}.${body}.`,
      `${head}.${body}.${signature.slice(2)}AA`,
      `${btoa('{"alg":"none"}')}.${body}.`,
      person.accessToken,
      "x".repeat(9000),
    ];
    for (const id_token_hint of hints) {
      const { status } = await browser.open(
        path({ id_token_hint, post_logout_redirect_uri: AFTER }),
      );
      expect(status).toBe(400);
    }
    const other = await createClient(world);
    const mixed = await browser.open(path({ id_token_hint: idToken, client_id: other.id }));
    expect(mixed.status).toBe(400);
    expect((await browser.open(path({ client_id: "rubbish" }))).status).toBe(400);
    expect(await isSignedIn(browser)).toBe(true);
  });

  test("who is not signed in, by a client that nobody vouches for", async () => {
    const lure = await register(world, { post_logout_redirect_uris: ["https://evil.example/"] });
    const { idToken, refreshToken } = await visitor(lure);
    const asked = { id_token_hint: idToken, post_logout_redirect_uri: "https://evil.example/" };
    const stranger = await openUiBrowser(world).open(path(asked));
    expect([stranger.status, stranger.location]).toEqual([200, null]);
    expect(stranger.html).not.toContain("http-equiv");
    expect(await isOpen(lure, refreshToken)).toBe(false);
    const known = await visitor();
    const back = { id_token_hint: known.idToken, post_logout_redirect_uri: AFTER };
    expect((await openUiBrowser(world).open(path(back))).location).toBe(AFTER);
  });
});

test("discovery names the address, where there are pages", async () => {
  const read = async () =>
    (await world.send("GET", "/auth/v1/.well-known/openid-configuration")).body;
  expect((await read()).end_session_endpoint).toBe(
    "https://auth.example.test/auth/v1/oauth/logout",
  );
  Object.assign(world.state.config.ui, { enabled: false });
  expect((await read()).end_session_endpoint).toBeUndefined();
  expect((await world.send("GET", "/auth/v1/oauth/logout")).status).toBe(404);
  Object.assign(world.state.config.ui, { enabled: true });
});
