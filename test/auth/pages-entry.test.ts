/** The pages by which people come in: sessions in cookies, forms from ourselves only, safe ways on. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sweepSessions } from "../../src/capabilities/auth/tasks.ts";
import { browserUser } from "../../src/capabilities/auth/ui/browser-session.ts";
import { attachContext, type RequestContext } from "../../src/core/context.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";
import { challengeOf, VERIFIER } from "./oauth-world.ts";
import { ORIGIN, openUiBrowser, type UiBrowser } from "./ui-browser.ts";

let world: AuthWorld;
beforeAll(async () => {
  world = await openAuthWorld({ session_inactivity_s: 86_400 });
});
afterAll(() => world.close());

const SIGN_IN = "/auth/ui/sign-in";
const CONTINUE = "/auth/ui/continue";
const ACCOUNT = "/auth/ui/account";

async function newcomer(name: string): Promise<{ email: string; userId: string }> {
  const email = `${name}@example.test`;
  return { email, userId: (await signUp(world, email)).userId };
}

async function signedIn(name: string): Promise<UiBrowser & { userId: string; email: string }> {
  const person = await newcomer(name);
  const browser = openUiBrowser(world);
  const { status } = await browser.submit(SIGN_IN, { email: person.email, password: PASSWORD });
  expect(status).toBe(303);
  return { ...browser, ...person };
}

/** Whom the cookies of a browser name. */
async function whoIs(browser: UiBrowser): Promise<string | null> {
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const request = new Request(`${ORIGIN}/`, { headers: { cookie } });
  const context: Partial<RequestContext> = {
    tenant: DEFAULT_TENANT,
    address: "127.0.0.1",
    origin: ORIGIN,
    log: world.log,
  };
  attachContext(request, context as RequestContext);
  return (await browserUser(world.state, request))?.user.id ?? null;
}

describe("signing in", () => {
  test("gives the browser a session that no script reads, and keeps only its hash", async () => {
    const { email, userId } = await newcomer("ada");
    const browser = openUiBrowser(world);
    const view = await browser.submit(SIGN_IN, { email, password: PASSWORD });
    expect([view.status, view.location]).toEqual([303, CONTINUE]);
    const [line = ""] = view.headers.getSetCookie();
    expect(line).toMatch(
      /^reactor-session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax$/,
    );
    expect(await whoIs(browser)).toBe(userId);
    const stored = JSON.stringify(await world.sql`select * from auth.browser_sessions`);
    expect(stored).not.toContain(browser.cookies.get("reactor-session") ?? "none");
  });

  test("says what is wrong beside the form, keeps the address, never the password", async () => {
    const { email } = await newcomer("bob");
    const view = await openUiBrowser(world).submit(SIGN_IN, { email, password: "not this one" });
    expect(view.status).toBe(400);
    expect(view.html).toContain("Invalid login credentials.");
    expect(view.html).toContain(`value="${email}"`);
    expect(view.html).not.toContain("not this one");
  });

  test("answers an unknown address as it answers a wrong password", async () => {
    const { email } = await newcomer("carol");
    const [known, unknown] = await Promise.all(
      [email, "nobody@example.test"].map(async (address) => {
        const browser = openUiBrowser(world);
        const view = await browser.submit(SIGN_IN, { email: address, password: "wrong wrong" });
        const html = view.html.replaceAll(address, "").replace(/csrf_token" value="[^"]+/g, "");
        return [view.status, html];
      }),
    );
    expect(known).toEqual(unknown);
  });

  test("takes text in fields as text", async () => {
    const email = `"><script>alert(1)</script>`;
    const view = await openUiBrowser(world).submit(SIGN_IN, { email, password: "x" });
    expect(view.html).not.toContain("<script>alert");
    expect(view.html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  test("gives another cookie than one that was planted before, whose session ends", async () => {
    const mallory = await signedIn("mallory");
    const victim = openUiBrowser(world);
    const planted = mallory.cookies.get("reactor-session") ?? "";
    const { email, userId } = await newcomer("victim");
    const token = await victim.csrf(SIGN_IN);
    victim.cookies.set("reactor-session", planted);
    const body = new URLSearchParams({ csrf_token: token, email, password: PASSWORD });
    expect((await victim.post(SIGN_IN, `${body}`)).status).toBe(403);
    victim.cookies.delete("reactor-session");
    await victim.submit(SIGN_IN, { email, password: PASSWORD });
    expect(victim.cookies.get("reactor-session")).not.toBe(planted);
    expect(await whoIs(victim)).toBe(userId);
  });
});

describe("a browser's session", () => {
  test("ends with a sign-out, on the server as well", async () => {
    const browser = await signedIn("dora");
    const kept = new Map(browser.cookies);
    const view = await browser.submit("/auth/ui/sign-out", {});
    expect([view.status, view.location]).toEqual([303, SIGN_IN]);
    expect(browser.cookies.has("reactor-session")).toBe(false);
    expect(await whoIs({ ...browser, cookies: kept })).toBeNull();
  });

  test("is not ended by a link", async () => {
    const browser = await signedIn("emil");
    await browser.open("/auth/ui/sign-out");
    expect(await whoIs(browser)).toBe(browser.userId);
  });

  test("ends when the person signs out everywhere, is banned or is removed", async () => {
    const [one, two, three] = [
      await signedIn("frida"),
      await signedIn("gustav"),
      await signedIn("hilda"),
    ];
    await world.sql`delete from auth.sessions where user_id = ${one.userId}`;
    await world.sql`update auth.users set banned_until = '2999-01-01' where id = ${two.userId}`;
    await world.sql`update auth.users set deleted_at = now() where id = ${three.userId}`;
    expect(await Promise.all([one, two, three].map(whoIs))).toEqual([null, null, null]);
  });

  test("ends after its time, and sooner when it is not used", async () => {
    const world2 = await openAuthWorld({ session_inactivity_s: 3600 });
    try {
      const browser = openUiBrowser(world2);
      const { userId } = await signUp(world2, "ida@example.test");
      await browser.submit(SIGN_IN, { email: "ida@example.test", password: PASSWORD });
      const location = async () => (await browser.open(SIGN_IN)).location;
      await world2.clock.advance(3_000_000);
      expect(await location()).toBe(CONTINUE);
      await world2.clock.advance(3_000_000);
      expect(await location()).toBe(CONTINUE);
      await world2.clock.advance(3_600_000);
      expect(await location()).toBeNull();
      expect(userId).toBeString();
    } finally {
      await world2.close();
    }
  });
});

test("a browser's session whose cookie has expired is swept", async () => {
  const world2 = await openAuthWorld();
  try {
    const email = "swept@example.test";
    const { userId } = await signUp(world2, email);
    const browser = openUiBrowser(world2);
    await browser.submit(SIGN_IN, { email, password: PASSWORD });
    const tags = () =>
      world2.sql`select tag from auth.sessions where user_id = ${userId} order by created_at`;
    await sweepSessions(world2.state, DEFAULT_TENANT);
    expect((await tags()).map(({ tag }) => tag)).toEqual([null, "cookie"]);
    await world2.clock.advance(8 * 86_400_000);
    await sweepSessions(world2.state, DEFAULT_TENANT);
    expect((await tags()).map(({ tag }) => tag)).toEqual([null]);
  } finally {
    await world2.close();
  }
});

describe("a form that is not ours", () => {
  beforeAll(async () => {
    await newcomer("form");
  });

  const cases: readonly [string, Readonly<Record<string, string>>, number][] = [
    ["of another site", { "sec-fetch-site": "cross-site" }, 403],
    ["of a neighbour on the same site", { "sec-fetch-site": "same-site" }, 403],
    ["of another origin", { origin: "https://evil.example.test" }, 403],
    ["of a page without an origin", { origin: "null" }, 403],
    ["of the same host by another scheme", { origin: "https://localhost" }, 403],
    ["as JSON", { "content-type": "application/json" }, 415],
    ["as text", { "content-type": "text/plain" }, 415],
    ["as multipart", { "content-type": "multipart/form-data; boundary=x" }, 415],
  ];
  test.each(cases)("%s is refused", async (_what, headers, status) => {
    const browser = openUiBrowser(world);
    const { email } = { email: "form@example.test" };
    const view = await browser.submit(SIGN_IN, { email, password: PASSWORD }, { headers });
    expect(view.status).toBe(status);
    expect(browser.cookies.has("reactor-session")).toBe(false);
  });

  test("without a token, with another browser's, or one of before a sign-in is refused", async () => {
    const fields = { email: "form@example.test", password: PASSWORD };
    const other = await openUiBrowser(world).csrf(SIGN_IN);
    for (const token of ["", other, `${other}x`]) {
      const browser = openUiBrowser(world);
      await browser.open(SIGN_IN);
      const body = new URLSearchParams({ ...fields, csrf_token: token });
      expect((await browser.post(SIGN_IN, `${body}`)).status).toBe(403);
    }
    const browser = openUiBrowser(world);
    const early = await browser.csrf(SIGN_IN);
    await browser.submit(SIGN_IN, fields);
    const body = new URLSearchParams({ csrf_token: early });
    expect((await browser.post("/auth/ui/sign-out", `${body}`)).status).toBe(403);
  });

  test("with a field twice or a NUL is refused", async () => {
    const browser = openUiBrowser(world);
    const token = await browser.csrf(SIGN_IN);
    for (const extra of ["&email=a@b.test&email=c@d.test", "&email=a%00@b.test"]) {
      expect((await browser.post(SIGN_IN, `csrf_token=${token}${extra}`)).status).toBe(400);
    }
  });
});

describe("where people are sent afterwards", () => {
  test("a page of ours that they wanted", async () => {
    const browser = await signedIn("page-wanted");
    const to = "/auth/ui/account/sessions?from=mail";
    const view = await browser.open(`${SIGN_IN}?${new URLSearchParams({ return_to: to })}`);
    expect((await browser.open(view.location ?? "")).location).toBe(to);
  });

  test("an authorization request of an app, by a page that leads there", async () => {
    const browser = await signedIn("request-wanted");
    const to = "/auth/v1/oauth/authorize?client_id=a&state=%22%3E%3Cscript%3E";
    const view = await browser.open(`${CONTINUE}?${new URLSearchParams({ return_to: to })}`);
    expect(view.html).toContain(`content="0;url=${to.replace("&", "&amp;")}"`);
  });

  test("anything else leads to the account", async () => {
    const browser = await signedIn("lost");
    for (const to of [
      "https://evil.example.test",
      "//evil.example.test",
      "/\\evil.example.test",
      "\\/evil.example.test",
      "/auth/ui//evil.example.test",
      "/auth/ui/../../evil",
      "/auth/ui/%2e%2e/%2e%2e/evil",
      "/auth/ui/\tsign-in",
      "/auth/ui@evil.example.test",
      "/auth/v1/logout",
      "/auth/v1/oauth/authorize/../admin",
      "javascript:alert(1)",
      "http://localhost/auth/ui/account",
      "/fn/v1/phish",
      "",
    ]) {
      const view = await browser.open(`${CONTINUE}?${new URLSearchParams({ return_to: to })}`);
      expect([to, view.location]).toEqual([to, ACCOUNT]);
    }
  });
});

describe("an app that has its sign-in done here", () => {
  const APP = "https://app.example.test/callback";
  const NATIVE = "com.example.app:/callback";
  const query = (changes: Record<string, string> = {}) =>
    new URLSearchParams({
      redirect_to: APP,
      code_challenge: challengeOf(VERIFIER),
      code_challenge_method: "s256",
      state: "of the app",
      ...changes,
    });
  let world2: AuthWorld;
  beforeAll(async () => {
    world2 = await openAuthWorld({ redirect_urls: [APP, NATIVE] });
    await signUp(world2, "sso@example.test");
  });
  afterAll(() => world2.close());

  const wayOn = (html: string) => {
    const url = /content="0;url=([^"]+)"/.exec(html)?.[1] ?? "";
    return new URL(url.replaceAll("&amp;", "&"));
  };

  test("gets a code for a session, and its own word back", async () => {
    const { userId } = await signUp(world2, "hosted@example.test");
    const browser = openUiBrowser(world2);
    const fields = { email: "hosted@example.test", password: PASSWORD };
    const view = await browser.submit(`${SIGN_IN}?${query()}`, fields);
    const target = wayOn((await browser.open(view.location ?? "")).html);
    expect(target.origin + target.pathname).toBe(APP);
    expect(target.searchParams.get("state")).toBe("of the app");
    const code = target.searchParams.get("code");
    const exchange = (verifier: string) =>
      world2.send("POST", "/auth/v1/token?grant_type=pkce", {
        body: { auth_code: code, code_verifier: verifier },
      });
    const answer = await exchange(VERIFIER);
    expect([answer.status, answer.body.user.id]).toEqual([200, userId]);
    expect((await exchange(VERIFIER)).status).not.toBe(200);
  });

  test("is answered without a form when somebody is signed in, each time with another code", async () => {
    const browser = openUiBrowser(world2);
    await browser.submit(SIGN_IN, { email: "sso@example.test", password: PASSWORD });
    const codes = [1, 2].map(async () => {
      const { location } = await browser.open(`${SIGN_IN}?${query()}`);
      return wayOn((await browser.open(location ?? "")).html).searchParams.get("code");
    });
    expect(new Set(await Promise.all(codes)).size).toBe(2);
  });

  test("and that others could pose as is answered when its person presses the button", async () => {
    const browser = openUiBrowser(world2);
    await browser.submit(SIGN_IN, { email: "sso@example.test", password: PASSWORD });
    const { html } = await browser.open(`${CONTINUE}?${query({ redirect_to: NATIVE })}`);
    expect(html).not.toContain("http-equiv");
    expect(html).toContain("sso@example.test");
    expect(html).toMatch(/href="com\.example\.app:\/callback\?code=[\w-]{43}&amp;state=/);
  });

  test.each([
    ["an address that is not listed", { redirect_to: "https://evil.example.test/callback" }],
    ["one that only begins alike", { redirect_to: `${APP}.evil.example.test` }],
    ["a script", { redirect_to: "javascript:alert(1)" }],
    ["no challenge", { code_challenge: "", code_challenge_method: "" }],
    ["a plain challenge", { code_challenge_method: "plain" }],
  ])("is refused before a form is shown: %s", async (_what, changes) => {
    const guest = await openUiBrowser(world2).open(`${SIGN_IN}?${query(changes)}`);
    expect([guest.status, guest.html.includes("<form")]).toEqual([400, false]);
    const browser = openUiBrowser(world2);
    await browser.submit(SIGN_IN, { email: "sso@example.test", password: PASSWORD });
    const view = await browser.open(`${CONTINUE}?${query(changes)}`);
    expect([view.status, view.location]).toEqual([400, null]);
    expect(view.html).not.toContain("http-equiv");
  });
});

describe("every page", () => {
  test("is kept by no cache, framed by nobody and loads nothing from elsewhere", async () => {
    const view = await openUiBrowser(world).open("/auth/ui/sign-up");
    const policy = view.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain("unsafe");
    expect(view.headers.get("cache-control")).toBe("no-store");
    expect(view.html).not.toMatch(/ style=|<style| on[a-z]+=|https?:/);
  });

  test("counts no bearer token", async () => {
    const { accessToken } = await signUp(world, "bearer@example.test");
    const headers = { authorization: `Bearer ${accessToken}` };
    expect((await openUiBrowser(world).open("/auth/ui/sign-out", headers)).location).toBe(SIGN_IN);
  });
});

describe("behind TLS", () => {
  test("the cookies are Secure and only those with the __Host- prefix count", async () => {
    const world2 = await openAuthWorld();
    try {
      Object.assign(world2.project, { issuer: "https://localhost/auth/v1" });
      const browser = openUiBrowser(world2);
      const headers = { origin: "https://localhost" };
      await world2.sql`select 1`;
      const fields = { email: "tls@example.test", password: PASSWORD };
      const view = await browser.submit("/auth/ui/sign-up", fields, { headers });
      expect(view.status).toBe(303);
      expect(view.headers.getSetCookie()[0]).toMatch(/^__Host-reactor-session=.*; Secure$/);
      const value = browser.cookies.get("__Host-reactor-session") ?? "";
      browser.cookies.delete("__Host-reactor-session");
      browser.cookies.set("reactor-session", value);
      expect((await browser.open(SIGN_IN)).location).toBeNull();
    } finally {
      await world2.close();
    }
  });
});
