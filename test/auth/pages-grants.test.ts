/** Consent and devices on the pages: what is asked, whom it is asked, and what an answer does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";
import {
  begin,
  CALLBACK,
  createClient,
  exchange,
  register,
  type TestClient,
  VERIFIER,
} from "./oauth-world.ts";
import { openUiBrowser, type UiBrowser } from "./ui-browser.ts";

let world: AuthWorld;
let client: TestClient;
beforeAll(async () => {
  world = await openAuthWorld();
  client = await register(world, { client_name: `<b>Bold</b> & "quoted"` });
});
afterAll(() => world.close());

async function person(name: string): Promise<UiBrowser> {
  const email = `${name}@grants.test`;
  await signUp(world, email);
  const browser = openUiBrowser(world);
  await browser.submit("/auth/ui/sign-in", { email, password: PASSWORD });
  return browser;
}

const pageOf = (id: string) => `/auth/ui/consent?authorization_id=${id}`;

const wayOn = (html: string) => {
  const url = /content="0;url=([^"]+)"/.exec(html)?.[1];
  return url === undefined ? null : new URL(url.replaceAll("&amp;", "&"));
};

describe("consent", () => {
  test("is asked of who is signed in, with everything that is asked for as text", async () => {
    const id = await begin(world, client, { scope: "openid email offline_access" });
    const guest = await openUiBrowser(world).open(pageOf(id));
    expect(guest.location).toBe(
      `/auth/ui/continue?${new URLSearchParams({ return_to: pageOf(id) })}`,
    );
    const { html, headers } = await (await person("ada")).open(pageOf(id));
    expect(html).toContain("&lt;b&gt;Bold&lt;/b&gt; &amp; &quot;quoted&quot;");
    expect(html).toContain("See your e-mail address");
    expect(html).toContain("app.example.test");
    expect(html).toContain("This app registered itself.");
    expect(html).toContain("whatever you can yourself");
    expect(headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
  });

  test("given leads back with a code, which the client can use", async () => {
    const id = await begin(world, client);
    const browser = await person("bea");
    const fields = { authorization_id: id, decision: "approve" };
    const { html } = await browser.submit(pageOf(id), fields, { action: "/auth/ui/consent" });
    const target = wayOn(html);
    expect(target?.href).toStartWith(CALLBACK);
    expect(target?.searchParams.get("state")).toBe("a-state");
    const code = target?.searchParams.get("code") ?? "";
    const { status } = await exchange(world, client, code, { code_verifier: VERIFIER });
    expect(status).toBe(200);
  });

  test("denied, or anything that is not a yes, leads back without one", async () => {
    for (const decision of ["deny", "", "APPROVE", "yes"]) {
      const id = await begin(world, client);
      const browser = await person(`no-${decision}`);
      const fields = { authorization_id: id, decision };
      const view = await browser.submit(pageOf(id), fields, { action: "/auth/ui/consent" });
      expect(wayOn(view.html)?.searchParams.get("error")).toBe("access_denied");
      expect(wayOn(view.html)?.searchParams.get("code")).toBeNull();
    }
  });

  test("is the person's own: nobody else sees or answers the request", async () => {
    const id = await begin(world, client);
    await (await person("first")).open(pageOf(id));
    const other = await person("second");
    expect((await other.open(pageOf(id))).status).toBe(404);
    const token = await other.csrf("/auth/ui/sign-out");
    const body = new URLSearchParams({
      csrf_token: token,
      authorization_id: id,
      decision: "approve",
    });
    const view = await other.post("/auth/ui/consent", `${body}`);
    expect([view.status, wayOn(view.html)]).toEqual([404, null]);
  });

  test("goes to who signs in next where the one who opened it says that it is not them", async () => {
    const id = await begin(world, client);
    const browser = await person("not-me");
    const fields = { authorization_id: id, decision: "leave" };
    const left = await browser.submit(pageOf(id), fields, { action: "/auth/ui/consent" });
    expect(left.location).toStartWith("/auth/ui/sign-out?return_to=");
    await browser.submit(left.location ?? "", {});
    await signUp(world, "me@grants.test");
    const login = `/auth/ui/sign-in?${new URL(left.location ?? "", "http://localhost").searchParams}`;
    await browser.submit(login, { email: "me@grants.test", password: PASSWORD });
    const { status, html } = await browser.open(pageOf(id));
    expect([status, html.includes("me@grants.test")]).toEqual([200, true]);
  });

  test("cannot be given by another site, nor without the form's token", async () => {
    const id = await begin(world, client);
    const browser = await person("clicked");
    const body = `authorization_id=${id}&decision=approve`;
    expect((await browser.post("/auth/ui/consent", body)).status).toBe(403);
    const cross = { "sec-fetch-site": "cross-site" };
    const token = await browser.csrf(pageOf(id));
    const forged = await browser.post("/auth/ui/consent", `${body}&csrf_token=${token}`, cross);
    expect(forged.status).toBe(403);
    expect((await browser.open(pageOf(id))).status).toBe(200);
  });

  test("that was given to an app nobody can pose as is not asked for again", async () => {
    const known = await createClient(world, { client_name: "Known" });
    const browser = await person("again");
    const first = await begin(world, known);
    const fields = { authorization_id: first, decision: "approve" };
    const asked = await browser.submit(pageOf(first), fields, { action: "/auth/ui/consent" });
    expect(wayOn(asked.html)?.searchParams.has("code")).toBe(true);
    const { html } = await browser.open(pageOf(await begin(world, known)));
    expect(wayOn(html)?.searchParams.has("code")).toBe(true);
  });

  test("waits for a new sign-in where the app wants one", async () => {
    const browser = await person("stale");
    await world.clock.advance(120_000);
    const id = await begin(world, client, { prompt: "login" });
    const view = await browser.open(pageOf(id));
    expect(view.html).toContain("Please sign in again");
    expect(view.html).not.toContain('value="approve"');
    const body = new URLSearchParams({
      csrf_token: await browser.csrf("/auth/ui/sign-out"),
      authorization_id: id,
      decision: "approve",
    });
    const answer = await browser.post("/auth/ui/consent", `${body}`);
    expect([answer.status, wayOn(answer.html)]).toEqual([404, null]);
  });
});

describe("a device", () => {
  const PATH = "/auth/ui/device";
  async function ask() {
    const grant = "urn:ietf:params:oauth:grant-type:device_code";
    const device = await register(world, { client_name: "Television", grant_types: [grant] });
    const send = (path: string, fields: Record<string, string>) =>
      world.send("POST", `/auth/v1/oauth/${path}`, {
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ client_id: device.id, ...fields }).toString(),
      });
    const { body } = await send("device_authorization", { scope: "openid" });
    const poll = async () => {
      await world.clock.advance(10_000);
      return (await send("token", { grant_type: grant, device_code: body.device_code })).body;
    };
    return { userCode: body.user_code as string, poll };
  }

  test("is signed in by its code, after its person has seen who asks", async () => {
    const { userCode, poll } = await ask();
    const browser = await person("greta");
    const filled = await browser.open(`${PATH}?user_code=${userCode}`);
    expect(filled.html).toContain(`value="${userCode}"`);
    expect((await poll()).error).toBe("authorization_pending");
    const asked = await browser.submit(PATH, { user_code: userCode.toLowerCase() });
    expect(asked.html).toContain("Television");
    expect((await poll()).error).toBe("authorization_pending");
    const done = await browser.submit(PATH, { user_code: userCode, decision: "approve" });
    expect(done.html).toContain("Your device is connected");
    expect((await poll()).access_token).toBeString();
    const again = await browser.submit(PATH, { user_code: userCode, decision: "approve" });
    expect(again.status).toBe(404);
  });

  test("that is denied gets nothing", async () => {
    const { userCode, poll } = await ask();
    const browser = await person("hugo");
    await browser.submit(PATH, { user_code: userCode, decision: "deny" });
    expect((await poll()).error).toBe("access_denied");
  });

  test("with a wrong code is told at the field", async () => {
    const view = await (await person("ida")).submit(PATH, { user_code: "AAAA-BBBB" });
    expect(view.status).toBe(404);
    expect(view.html).toContain('aria-invalid="true"');
  });
});
