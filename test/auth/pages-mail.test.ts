/** Coming in by mail and through a provider on the pages: codes, links, forgotten passwords. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";
import { lastTo, messagesTo } from "./mailbox.ts";
import { CLIENT, type OidcIssuer, startOidcIssuer } from "./oidc-issuer.ts";
import { ProviderBrowser } from "./provider-browser.ts";
import {
  assertionXml,
  encode,
  honest,
  idpMetadata,
  requestIdOf,
  responseXml,
  sign,
} from "./saml-idp.ts";
import { openUiBrowser, type UiBrowser } from "./ui-browser.ts";

let world: AuthWorld;
beforeAll(async () => {
  world = await openAuthWorld({ autoconfirm: false, site_url: "https://app.example.test" });
});
afterAll(() => world.close());

/** Path and query of the link in the last mail to an address. */
function linkTo(email: string): string {
  const [url = ""] =
    /http:\/\/localhost\/auth\/ui\/verify\?\S+/.exec(lastTo(world, email).text) ?? [];
  return url.slice("http://localhost".length);
}

const tokenOf = (link: string) => {
  const query = new URLSearchParams(link.split("?")[1]);
  return { type: query.get("type") ?? "", token_hash: query.get("token_hash") ?? "" };
};

/** Presses the button of the page that a link opens. */
const press = (browser: UiBrowser, link: string) => browser.submit(link, tokenOf(link));

const isSignedIn = async (browser: UiBrowser) =>
  (await browser.open("/auth/ui/account")).location === null;

async function confirmed(name: string): Promise<string> {
  const email = `${name}@mail.test`;
  await world.send("POST", "/auth/v1/admin/users", {
    headers: { apikey: world.project.secretKey },
    body: { email, password: PASSWORD, email_confirm: true },
  });
  return email;
}

const wayOn = (html: string) => {
  const url = /content="0;url=([^"]+)"/.exec(html)?.[1] ?? "";
  return new URL(url.replaceAll("&amp;", "&"));
};

test.each(["/auth/ui/code", "/auth/ui/recover"])(
  "%s does not answer as soon as it is ready: time would tell who has an account",
  async (path) => {
    const browser = openUiBrowser(world);
    const startedAt = performance.now();
    await browser.submit(path, { email: "even@mail.test" });
    expect(performance.now() - startedAt).toBeGreaterThan(24);
  },
);

describe("a sign-up whose address must be confirmed", () => {
  test("ends with the code that was sent", async () => {
    const browser = openUiBrowser(world);
    const email = "code@mail.test";
    const asked = await browser.submit("/auth/ui/sign-up", { email, password: PASSWORD });
    expect(asked.html).toContain("Check your mail");
    expect(await isSignedIn(browser)).toBe(false);
    const fields = { step: "code", type: "signup", email };
    const wrong = await browser.submit("/auth/ui/code", { ...fields, token: "000000" });
    expect([wrong.status, wrong.html.includes('aria-invalid="true"')]).toEqual([403, true]);
    const { code } = lastTo(world, email);
    const right = await browser.submit("/auth/ui/code", { ...fields, token: code });
    expect(right.location).toBe("/auth/ui/continue");
    expect(await isSignedIn(browser)).toBe(true);
  });

  test("or with the link, once its button is pressed, and not before", async () => {
    const browser = openUiBrowser(world);
    const email = "link@mail.test";
    await browser.submit("/auth/ui/sign-up?return_to=/auth/ui/device", {
      email,
      password: PASSWORD,
    });
    const link = linkTo(email);
    const phone = openUiBrowser(world);
    for (const _scanner of [1, 2]) await phone.open(link);
    const view = await press(phone, link);
    expect(view.location).toBe("/auth/ui/continue?return_to=%2Fauth%2Fui%2Fdevice");
    expect(await isSignedIn(phone)).toBe(true);
    const again = await press(openUiBrowser(world), link);
    expect([again.status, again.html.includes("This link does not work")]).toEqual([403, true]);
  });

  test("answers for an address that has an account as for a new one", async () => {
    const email = await confirmed("taken");
    const view = await openUiBrowser(world).submit("/auth/ui/sign-up", {
      email,
      password: PASSWORD,
    });
    expect([view.status, view.html.includes("Check your mail")]).toEqual([200, true]);
  });
});

describe("signing in by mail", () => {
  test("works with the code, on whatever way to an app", async () => {
    const email = await confirmed("otp");
    const browser = openUiBrowser(world);
    const path = "/auth/ui/code?return_to=/auth/ui/device";
    expect((await browser.submit(path, { email })).html).toContain("Check your mail");
    const { code } = lastTo(world, email);
    const fields = {
      step: "code",
      type: "email",
      email,
      token: ` ${code.slice(0, 3)} ${code.slice(3)}`,
    };
    const view = await browser.submit(path, fields);
    expect(view.location).toBe("/auth/ui/continue?return_to=%2Fauth%2Fui%2Fdevice");
  });

  test("says the same of an address without an account", async () => {
    const known = await confirmed("known");
    const [a, b] = await Promise.all(
      [known, "unknown@mail.test"].map(async (email) => {
        const { status, html } = await openUiBrowser(world).submit("/auth/ui/code", { email });
        return [status, html.replaceAll(email, "").replace(/csrf_token" value="[^"]+/, "")];
      }),
    );
    expect(a).toEqual(b);
  });

  test("sends nobody's link to another server than this one", async () => {
    const email = await confirmed("host");
    const browser = openUiBrowser(world);
    await browser.submit("/auth/ui/code?return_to=https://evil.example.test/", { email });
    expect(lastTo(world, email).text).not.toContain("evil");
  });
});

describe("a forgotten password", () => {
  const RECOVER = "/auth/ui/recover";
  const NEXT = "a new and long password";

  test("is replaced by who reads the mail, and the other devices are signed out", async () => {
    const email = await confirmed("forgot");
    const thief = openUiBrowser(world);
    await thief.submit("/auth/ui/sign-in", { email, password: PASSWORD });
    expect(await isSignedIn(thief)).toBe(true);
    const browser = openUiBrowser(world);
    await browser.submit(`${RECOVER}?return_to=/auth/ui/device`, { email });
    const arrived = await press(browser, linkTo(email));
    const page = (await browser.open(arrived.location ?? "")).location ?? "";
    expect(page).toStartWith("/auth/ui/new-password?");
    const short = await browser.submit(page, { password: "short" });
    expect(short.status).toBe(422);
    const done = await browser.submit(page, { password: NEXT });
    expect(done.location).toBe("/auth/ui/continue?return_to=%2Fauth%2Fui%2Fdevice");
    expect(await isSignedIn(thief)).toBe(false);
    const old = await openUiBrowser(world).submit("/auth/ui/sign-in", {
      email,
      password: PASSWORD,
    });
    expect(old.status).toBe(400);
    const now = await openUiBrowser(world).submit("/auth/ui/sign-in", { email, password: NEXT });
    expect(now.status).toBe(303);
  });

  test("is not asked for an unknown address, which nobody is told", async () => {
    const view = await openUiBrowser(world).submit(RECOVER, { email: "nobody@mail.test" });
    expect([view.status, view.html.includes("Check your mail")]).toEqual([200, true]);
    expect(messagesTo(world, "nobody@mail.test")).toEqual([]);
  });

  test("is only for who came that way, and shortly after", async () => {
    const email = await confirmed("not-forgot");
    const browser = openUiBrowser(world);
    await browser.submit("/auth/ui/sign-in", { email, password: PASSWORD });
    const path = "/auth/ui/new-password";
    expect((await browser.open(path)).location).toBe("/auth/ui/account/password");
    const token = await browser.csrf("/auth/ui/account/password");
    const body = new URLSearchParams({ csrf_token: token, password: NEXT });
    expect((await browser.post(path, `${body}`)).location).toBe("/auth/ui/account/password");
    expect(
      (await openUiBrowser(world).submit("/auth/ui/sign-in", { email, password: NEXT })).status,
    ).toBe(400);
    const late = openUiBrowser(world);
    await late.submit(RECOVER, { email });
    await press(late, linkTo(email));
    expect((await late.open(path)).location).toBeNull();
    await world.clock.advance(16 * 60_000);
    expect((await late.open(path)).location).toBe("/auth/ui/account/password");
  });
});

describe("through a provider", () => {
  let idp: OidcIssuer;
  let world2: AuthWorld;
  beforeAll(async () => {
    idp = await startOidcIssuer(["http://localhost/auth/v1/callback"]);
    world2 = await openAuthWorld({
      site_url: "https://app.example.test",
      provider_networks: ["127.0.0.0/8"],
      providers: { acme: { ...CLIENT, issuer: idp.issuer } },
      manual_linking: true,
    });
    world2.clock.step(Date.now() - world2.clock.now());
  });
  afterAll(async () => {
    await world2.close();
    await idp.close();
  });

  /** Out to the provider and back to our page; its path and query. */
  async function roundTrip(html: string): Promise<string> {
    const outside = new ProviderBrowser(world2);
    const { pathname, search } = wayOn(html);
    const { location } = await outside.visit(`${pathname}${search}`);
    const back = new URL((await outside.visit(await outside.atProvider(location))).location);
    expect(back.origin).toBe("http://localhost");
    return `${back.pathname}${back.search}`;
  }

  test("somebody comes in, and their browser alone", async () => {
    idp.become("acme-1", { email: "acme@mail.test", email_verified: true, name: "Ada" });
    const browser = openUiBrowser(world2);
    const path = "/auth/ui/sign-in?return_to=/auth/ui/device";
    expect((await browser.open(path)).html).toContain("Continue with Acme");
    const action = "/auth/ui/provider?return_to=/auth/ui/device";
    const left = await browser.submit(path, { provider: "acme" }, { action });
    const back = await roundTrip(left.html);
    expect((await openUiBrowser(world2).open(back)).status).toBe(400);
    const second = await browser.submit(path, { provider: "acme" }, { action });
    const arrived = await browser.open(await roundTrip(second.html));
    expect(arrived.location).toBe("/auth/ui/continue?return_to=%2Fauth%2Fui%2Fdevice");
    expect((await browser.open("/auth/ui/account")).html).toContain("acme@mail.test");
    expect(browser.cookies.has("reactor-verifier")).toBe(false);
  });

  test("who is signed in connects it, and disconnects it again", async () => {
    idp.become("acme-2", { email: "work@mail.test", email_verified: true, name: "Bea" });
    const email = "bea@mail.test";
    await signUp(world2, email);
    const browser = openUiBrowser(world2);
    await browser.submit("/auth/ui/sign-in", { email, password: PASSWORD });
    const path = "/auth/ui/account/providers";
    const { html } = await browser.open(path);
    const action = (/action="([^"]+connect[^"]+)"/.exec(html)?.[1] ?? "").replaceAll("&amp;", "&");
    const [verifier = ""] = [...html.matchAll(/name="verifier" value="([^"]+)"/g)].map((m) => m[1]);
    const before = browser.cookies.get("reactor-session");
    const forged = await browser.submit(path, { verifier: "x".repeat(43) }, { action });
    expect(forged.location).toBe(`${path}?done=unchanged`);
    const left = await browser.submit(path, { verifier }, { action });
    const arrived = await browser.open(await roundTrip(left.html));
    const done = (await browser.open(arrived.location ?? "")).location ?? "";
    expect(done).toBe(`${path}?done=added`);
    expect(browser.cookies.get("reactor-session")).toBe(before);
    const listed = await browser.open(done);
    expect(listed.html).toContain("work@mail.test");
    const [row] = await world2.sql`select id from auth.identities where provider_id = 'acme-2'`;
    await browser.submit(path, { identity_id: row?.["id"] });
    expect((await browser.open(path)).html).not.toContain("work@mail.test");
  });

  test("one that is not configured leads nowhere", async () => {
    const fields = { provider: "evil" };
    const action = "/auth/ui/provider";
    const view = await openUiBrowser(world2).submit("/auth/ui/sign-in", fields, { action });
    expect(view.location).toBe("/auth/ui/sign-in");
  });
});

describe("through the provider of an organisation", () => {
  test("somebody comes in by the domain of their address", async () => {
    await world.send("POST", "/auth/v1/admin/sso/providers", {
      bearer: world.project.secretKey,
      body: { type: "saml", metadata_xml: idpMetadata(), domains: ["corp.example.test"] },
    });
    const browser = openUiBrowser(world);
    const path = "/auth/ui/sso?return_to=/auth/ui/device";
    const unknown = await browser.submit(path, { email: "ada@elsewhere.example.test" });
    expect([unknown.status, unknown.html.includes('aria-invalid="true"')]).toEqual([404, true]);
    const left = await browser.submit(path, { email: "Ada@Corp.example.test" });
    const ticket = wayOn(left.html);
    const outside = new ProviderBrowser(world);
    const { location } = await outside.visit(`${ticket.pathname}${ticket.search}`);
    const said = honest(world.clock.now(), requestIdOf(location));
    Object.assign(said, { nameId: "ada", attributes: { mail: "ada@corp.example.test" } });
    const posted = await world.send("POST", "/auth/v1/sso/saml/acs", {
      body: new URLSearchParams({
        SAMLResponse: encode(sign(responseXml(said, assertionXml(said)))),
        RelayState: new URL(location).searchParams.get("RelayState") ?? "",
      }).toString(),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    const next = new URL(posted.headers.get("location") ?? "");
    const back = new URL((await outside.visit(`${next.pathname}${next.search}`)).location);
    const arrived = await browser.open(`${back.pathname}${back.search}`);
    expect(arrived.location).toBe("/auth/ui/continue?return_to=%2Fauth%2Fui%2Fdevice");
    expect((await browser.open("/auth/ui/account")).html).toContain("ada@corp.example.test");
  });
});
