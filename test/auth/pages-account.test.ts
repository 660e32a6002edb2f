/** The account's pages: what people change by themselves, and that it is theirs alone. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { adminOf } from "./admin-client.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";
import { totpCode, wrongCode } from "./factors/factor-world.ts";
import { lastTo } from "./mailbox.ts";
import { register, tokensFor } from "./oauth-world.ts";
import { refusal } from "./org-world.ts";
import { openUiBrowser, type UiBrowser } from "./ui-browser.ts";

let world: AuthWorld;
beforeAll(async () => {
  world = await openAuthWorld();
});
afterAll(() => world.close());

const ACCOUNT = "/auth/ui/account";
let count = 0;

async function member(): Promise<UiBrowser & { email: string; userId: string }> {
  const email = `member-${++count}@account.test`;
  const { userId } = await signUp(world, email);
  const browser = openUiBrowser(world);
  await browser.submit("/auth/ui/sign-in", { email, password: PASSWORD });
  return { ...browser, email, userId };
}

const hidden = (html: string, name: string) =>
  [...html.matchAll(new RegExp(`name="${name}" value="([^"]*)"`, "g"))].map(
    ([, value]) => value ?? "",
  );

const SECTIONS = [
  "",
  "/profile",
  "/password",
  "/two-factor",
  "/passkeys",
  "/sessions",
  "/providers",
  "/apps",
  "/organizations",
  "/api-keys",
];

describe("every section", () => {
  test.each(SECTIONS)("%p is shown to who is signed in, and to nobody else", async (section) => {
    const path = `${ACCOUNT}${section}`;
    const view = await (await member()).open(path);
    expect([view.status, view.location]).toEqual([200, null]);
    expect(view.html).toContain('aria-current="page"');
    const guest = await openUiBrowser(world).open(path);
    const wanted = new URLSearchParams({ return_to: path });
    expect(guest.location).toBe(`/auth/ui/continue?${wanted}`);
  });

  test("the bare address leads to the first", async () => {
    expect((await openUiBrowser(world).open("/auth/ui")).location).toBe(ACCOUNT);
  });

  test("says only what it may of what was done", async () => {
    const { html } = await (await member()).open(`${ACCOUNT}?done=<script>alert(1)</script>`);
    expect(html).not.toContain("alert(1)");
  });

  test.each([
    "/profile",
    "/password",
    "/two-factor/app",
    "/api-keys",
    "/sessions",
    "/organizations",
  ])("%p takes no form of a guest", async (section) => {
    const guest = openUiBrowser(world);
    const token = await guest.csrf("/auth/ui/sign-in");
    const view = await guest.post(`${ACCOUNT}${section}`, `csrf_token=${token}&name=x`);
    expect(view.location).toStartWith("/auth/ui/continue?");
  });
});

describe("profile and password", () => {
  test("name and address change", async () => {
    const browser = await member();
    const email = `new-${browser.email}`;
    const view = await browser.submit(`${ACCOUNT}/profile`, { full_name: "Ada L.", email });
    expect(view.location).toBe(`${ACCOUNT}/profile?done=saved`);
    const { html } = await browser.open(`${ACCOUNT}/profile`);
    expect(html).toContain('value="Ada L."');
    expect(html).toContain(`value="${email}"`);
  });

  test("a new address waits for its confirmation where those are confirmed", async () => {
    const world2 = await openAuthWorld({ autoconfirm: false });
    try {
      const admin = adminOf(world2);
      const email = "wait@account.test";
      await admin("POST", "/users", { email, password: PASSWORD, email_confirm: true });
      const browser = openUiBrowser(world2);
      await browser.submit("/auth/ui/sign-in", { email, password: PASSWORD });
      const change = { full_name: "", email: "next@account.test" };
      const view = await browser.submit(`${ACCOUNT}/profile`, change);
      expect(view.location).toBe(`${ACCOUNT}/profile?done=mail`);
      expect((await browser.open(`${ACCOUNT}/profile`)).html).toContain(`value="${email}"`);
      expect(lastTo(world2, "next@account.test").text).toContain("/auth/ui/verify?");
    } finally {
      await world2.close();
    }
  });

  test("the password changes for who knows the old one, and signs the others out", async () => {
    const browser = await member();
    const other = await signIn(world, browser.email);
    const path = `${ACCOUNT}/password`;
    const next = "a completely new one";
    const wrong = await browser.submit(path, { current_password: "guess guess", password: next });
    expect([wrong.status, wrong.html.includes("This is not your password.")]).toEqual([400, true]);
    const right = await browser.submit(path, { current_password: PASSWORD, password: next });
    expect(right.location).toBe(`${path}?done=saved`);
    const me = await world.send("GET", "/auth/v1/user", { bearer: other.accessToken });
    expect(me.body.code).toBe("session_not_found");
    expect((await browser.open(path)).status).toBe(200);
  });

  test("guesses at the old one count as sign-ins do", async () => {
    const browser = await member();
    const before = world.limited.length;
    const path = `${ACCOUNT}/password`;
    await browser.submit(path, { current_password: "guess guess", password: "whatever it is" });
    const keys = world.limited.slice(before).map(({ key }) => key);
    expect(keys.some((key) => key.startsWith("auth:password:identity:"))).toBe(true);
  });
});

describe("devices", () => {
  test("are listed and signed out, one or all others", async () => {
    const browser = await member();
    const [one, two] = [await signIn(world, browser.email), await signIn(world, browser.email)];
    const path = `${ACCOUNT}/sessions`;
    const { html } = await browser.open(path);
    expect(html).toContain("(this device)");
    const ids = hidden(html, "session_id");
    const claims = JSON.parse(atob(one.accessToken.split(".")[1] ?? ""));
    expect(ids).toContain(claims.session_id);
    await browser.submit(path, { session_id: claims.session_id });
    const alive = async (token: string) =>
      (await world.send("GET", "/auth/v1/user", { bearer: token })).status === 200;
    expect([await alive(one.accessToken), await alive(two.accessToken)]).toEqual([false, true]);
    await browser.submit(path, {});
    expect(await alive(two.accessToken)).toBe(false);
    expect((await browser.open(path)).location).toBeNull();
  });

  test("of another person are not theirs to end", async () => {
    const [browser, other] = [await member(), await member()];
    const [row] = await world.sql`select id from auth.sessions where user_id = ${other.userId}`;
    const view = await browser.submit(`${ACCOUNT}/sessions`, { session_id: row?.["id"] });
    expect(view.status).toBe(404);
    expect((await other.open(ACCOUNT)).status).toBe(200);
  });
});

describe("two-factor sign-in", () => {
  test("is turned on with an app, gives recovery codes, and is turned off again", async () => {
    const browser = await member();
    const path = `${ACCOUNT}/two-factor`;
    const begun = await browser.submit(path, {}, { action: `${path}/app` });
    const [factorId = "", secret = "", qr = ""] = ["factor_id", "secret", "qr"].map(
      (name) => hidden(begun.html, name)[0],
    );
    expect(begun.html).toContain("data:image/svg+xml;base64,");
    const app = { factor_id: factorId, secret, qr };
    const before = browser.cookies.get("reactor-session");
    const wrong = await browser.submit(
      path,
      { ...app, code: wrongCode(world, secret) },
      { action: `${path}/app` },
    );
    expect([wrong.status, wrong.html.includes(secret)]).toEqual([422, true]);
    const right = await browser.submit(
      path,
      { ...app, code: totpCode(world, secret) },
      { action: `${path}/app` },
    );
    expect(right.location).toBe(`${path}?done=added`);
    expect(browser.cookies.get("reactor-session")).not.toBe(before);
    const codes = await browser.submit(path, {}, { action: `${path}/recovery-codes` });
    const listed = [...codes.html.matchAll(/<li>([a-z0-9-]{8,})<\/li>/gi)].map(([, code]) => code);
    expect(listed).toHaveLength(8);
    const { html } = await browser.open(path);
    expect(html).toContain("8 of 8 codes are left.");
    for (const code of listed) expect(html).not.toContain(code ?? "none");
    const only = await browser.submit(path, { factor_id: factorId });
    expect(only.status).toBe(422);
    const action = `${path}/recovery-codes`;
    expect((await browser.submit(path, { action: "remove" }, { action })).location).toBe(
      `${path}?done=removed`,
    );
    expect((await browser.submit(path, { factor_id: factorId })).location).toBe(
      `${path}?done=removed`,
    );
    expect((await browser.open(path)).html).toContain("It is off.");
  });
});

describe("keys, organizations and apps", () => {
  test("a key is shown once, works, and is revoked", async () => {
    const browser = await member();
    const path = `${ACCOUNT}/api-keys`;
    const fields = { name: "Backup <script>", kind: "user", scopes: "", days: "30" };
    const made = await browser.submit(path, fields);
    const key = /<code>(rk_[^<]+)<\/code>/.exec(made.html)?.[1] ?? "";
    expect(key).toStartWith("rk_");
    const { html } = await browser.open(path);
    expect(html).toContain("Backup &lt;script&gt;");
    expect(html).not.toContain(key);
    const verify = () =>
      world.send("POST", "/auth/v1/_verify", { headers: { apikey: key }, bearer: key });
    expect((await verify()).body.user_id).toBe(browser.userId);
    const [id = ""] = hidden(html, "key_id");
    await browser.submit(path, { key_id: id });
    expect((await browser.open(path)).html).toContain("You have no keys.");
    await world.clock.advance(1000);
    expect((await verify()).status).toBe(401);
  });

  test("an agent's key waits for its approval", async () => {
    const browser = await member();
    const path = `${ACCOUNT}/api-keys`;
    await browser.submit(path, {
      name: "Agent",
      kind: "agent",
      scopes: "data:todos:read",
      days: "0",
    });
    const { html } = await browser.open(path);
    const [id = ""] = hidden(html, "key_id");
    if (html.includes("(pending)")) {
      await browser.submit(path, { key_id: id, action: "approve" });
    }
    expect((await browser.open(path)).html).not.toContain("(pending)");
  });

  test("one request of an agent is shown as it is, and approved or denied", async () => {
    const browser = await member();
    const path = `${ACCOUNT}/api-keys`;
    const fields = { name: "Agent", kind: "asking", scopes: "data:*:*", days: "30" };
    const made = await browser.submit(path, fields);
    const apikey = /<code>(rk_[^<]+)<\/code>/.exec(made.html)?.[1] ?? "";
    const action = (target: string, approvalId: string | null) => ({
      ...{ approvalId, method: "POST", target, headers: "prefer: <b>\u202e", body: '{"a":"<i>"}' },
      ...{ bodyBytes: 11, digest: new Bun.CryptoHasher("sha256").update(target).digest("hex") },
    });
    const use = (target: string, approvalId: string | null) =>
      refusal(world, { apikey, action: action(target, approvalId) });
    for (const [target, decision, outcome] of [
      ["/data/v1/yes", "approve", "accepted"],
      ["/data/v1/no", "deny", "approval_denied"],
    ] as const) {
      expect(await use(target, null)).toBe("approval_required");
      const { html } = await browser.open(path);
      for (const text of [target, "prefer: &lt;b&gt;\\u202e", "&lt;i&gt;"])
        expect(html).toContain(text);
      const [id = ""] = hidden(html, "approval_id");
      expect(await use(target, id)).toBe("approval_waiting");
      const done = await browser.submit(path, { approval_id: id, action: decision });
      expect(done.location).toBe(`${path}?done=saved`);
      expect((await browser.open(path)).html).not.toContain(target);
      expect(await use(target, id)).toBe(outcome);
    }
  });

  test("another person's key cannot be revoked", async () => {
    const [browser, other] = [await member(), await member()];
    const path = `${ACCOUNT}/api-keys`;
    await other.submit(path, { name: "Mine", kind: "user", scopes: "", days: "0" });
    const [id = ""] = hidden((await other.open(path)).html, "key_id");
    expect((await browser.submit(path, { key_id: id })).status).toBe(404);
    expect((await other.open(path)).html).toContain("Mine");
  });

  test("an organization is made, made default and left", async () => {
    const browser = await member();
    const path = `${ACCOUNT}/organizations`;
    const made = await browser.submit(path, { action: "create", name: "Acme & Co" });
    expect(made.location).toBe(`${path}?done=saved`);
    const { html } = await browser.open(path);
    expect(html).toContain("Acme &amp; Co");
    const [org = ""] = hidden(html, "org");
    const left = await browser.submit(path, { action: "leave", org });
    expect([left.status, left.html.includes('role="alert"')]).toEqual([409, true]);
    const joined = await browser.submit(path, { action: "join", token: "no such code" });
    expect([joined.status, joined.html.includes('aria-invalid="true"')]).toEqual([404, true]);
  });

  test("an app that was let in is shown, and disconnected", async () => {
    const browser = await member();
    const client = await register(world, { client_name: "Calendar" });
    await tokensFor(world, await signIn(world, browser.email), client);
    const path = `${ACCOUNT}/apps`;
    const { html } = await browser.open(path);
    expect(html).toContain("Calendar");
    await browser.submit(path, { client_id: client.id });
    expect((await browser.open(path)).html).toContain("No app is connected.");
  });
});
