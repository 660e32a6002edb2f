/** Mails and text messages: what they say, where their links lead, when they leave, who sees the inbox. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { type Caller, createAuthState } from "../../src/capabilities/auth/auth-state.ts";
import { authConfig } from "../../src/capabilities/auth/config.ts";
import { queueMessage } from "../../src/capabilities/auth/messages/queue-message.ts";
import { type Message, sendMessage } from "../../src/capabilities/auth/messages/send-message.ts";
import { canSendSms, sendSms } from "../../src/capabilities/auth/messages/send-sms.ts";
import { loadTemplates } from "../../src/capabilities/auth/messages/templates.ts";
import type { UserRow } from "../../src/capabilities/auth/schema.ts";
import { createStore } from "../../src/capabilities/auth/store.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";

setDefaultTimeout(60_000);

const defaults = Value.Create(authConfig);
const HASH = "0123456789abcdef";

function callerOf(world: AuthWorld, origin?: string): Caller {
  const where = origin === undefined ? {} : { origin };
  const who = { tenant: DEFAULT_TENANT, address: "192.0.2.7", userAgent: null, log: world.log };
  return { ...who, ...where, isService: false };
}

describe("a mail", () => {
  let world: AuthWorld;
  let user: UserRow;
  beforeAll(async () => {
    world = await openAuthWorld();
    const { userId } = await signUp(world, "ada@example.test");
    const found = await createStore(world.sql).findUserById(userId);
    if (!found) throw new Error("no user");
    user = found;
  });
  afterAll(() => world.close());

  async function mailOf(message: Partial<Message>, origin = "http://localhost:7890") {
    const to = "ada@example.test";
    const whole = {
      kind: "recovery" as const,
      to,
      user,
      otp: "123456",
      tokenHash: HASH,
      ...message,
    };
    await queueMessage(world.state, callerOf(world, origin), world.sql, whole);
    world.state.outbox.wake(DEFAULT_TENANT);
    await world.state.outbox.idle();
    const mail = world.mail.inbox.list(DEFAULT_TENANT).at(-1);
    if (!mail) throw new Error("no mail");
    return mail;
  }

  test.each([
    ["confirmation", "signup"],
    ["recovery", "recovery"],
    ["magiclink", "magiclink"],
    ["invite", "invite"],
    ["email_change", "email_change"],
  ] as const)("of kind %s has a link that verifies, and the code", async (kind, type) => {
    const mail = await mailOf({ kind, redirectTo: "https://app.example.test/a?b=c&d" });
    const link = `http://localhost:7890/auth/v1/verify?token=${HASH}&type=${type}&redirect_to=https%3A%2F%2Fapp.example.test%2Fa%3Fb%3Dc%26d`;
    expect(mail.text).toContain(link);
    expect(mail.html).toContain(`href="${link.replaceAll("&", "&amp;")}"`);
    for (const part of [mail.text, mail.html]) expect(part).toContain("123456");
  });

  test("that only tells has neither link nor code, and says what to do", async () => {
    const changed = await mailOf({
      kind: "mfa_changed",
      data: { factor_type: "totp", change: "removed" },
    });
    expect(changed.text).toContain(
      "A second factor (totp) of your account ada@example.test was removed.",
    );
    expect(changed.text).toContain("If this was not you");
    for (const part of [changed.text, changed.html]) {
      expect(part).not.toContain("123456");
      expect(part).not.toContain("/verify");
    }
  });

  test("to somebody without an account leads where the invitation is", async () => {
    const link = "https://app.example.test/invitations/abc";
    const data = { organization: "Analytical Engines", inviter: "Ada", role: "member", link };
    const mail = await mailOf({ kind: "org_invitation", user: null, to: "new@example.test", data });
    expect(mail.subject).toBe("You have been invited to Analytical Engines");
    expect(mail.text).toContain("Ada invites you to join Analytical Engines as member.");
    expect(mail.text).toContain(link);
  });

  test("goes to both ends of a change of address, each with its own code", async () => {
    const before = world.mail.inbox.list(DEFAULT_TENANT).length;
    await mailOf({
      kind: "email_change",
      to: "new@example.test",
      otp: "222222",
      current: { to: "ada@example.test", otp: "111111", tokenHash: "current" },
    });
    const both = world.mail.inbox.list(DEFAULT_TENANT).slice(before);
    expect(both.map(({ to }) => to)).toEqual(["new@example.test", "ada@example.test"]);
    expect(both[0]?.text).toContain("222222");
    expect(both[0]?.text).not.toContain("111111");
    expect(both[1]?.text).toContain("111111");
    expect(both[1]?.text).toContain("token=current");
    for (const { text } of both)
      expect(text).toContain("from ada@example.test to new@example.test");
  });

  test.each([
    "https://evil.example",
    "http://localhost.evil.example",
    "http://127.0.0.1.evil.example",
    "http://192.168.1.5:7890",
  ])("has no link for a request that calls this server %s", async (origin) => {
    const mail = await mailOf({}, origin);
    expect(`${mail.text}${mail.html}`).not.toContain("/verify");
    expect(`${mail.text}${mail.html}`).not.toContain("evil");
    expect(mail.text).toContain("123456");
  });

  test("can be told nothing by names: they are escaped, and stay on one line", async () => {
    const organization = '<a href="https://evil.example">\n\nYour account is closed';
    const data = { organization, link: "https://app.example.test/" };
    const mail = await mailOf({ kind: "org_invitation", data });
    expect(mail.subject).toBe(
      'You have been invited to <a href="https://evil.example"> Your account is closed',
    );
    expect(mail.html).not.toContain('href="https://evil.example"');
    expect(mail.text).not.toContain("\n\nYour account is closed");
  });

  test("that cannot be sent is an error only for who waits for it", async () => {
    const to = "not an address";
    const message = { kind: "invite" as const, to, user, otp: "1", tokenHash: HASH };
    await queueMessage(world.state, callerOf(world), world.sql, message);
    world.state.outbox.wake(DEFAULT_TENANT);
    await world.state.outbox.idle();
    expect(world.log.lines.at(-1)).toMatchObject({
      event: "auth.message_failed",
      fields: { what: "invite" },
    });
    const waiting = sendMessage(world.state, callerOf(world), message);
    await expect(waiting).rejects.toMatchObject({
      status: 500,
      code: "unexpected_failure",
      message: "Error sending invite email",
    });
  });

  test("with its code and its token is in no line of the log", async () => {
    await mailOf({ otp: "987654", tokenHash: "feedfacefeedface" });
    const log = JSON.stringify(world.log.lines);
    expect(log).not.toContain("987654");
    expect(log).not.toContain("feedface");
  });

  test("that was promised is sent though its server died after the answer", async () => {
    const { config, deps, client, orgs, outbox } = world.state;
    const { idle, wake } = outbox;
    Object.assign(outbox, { idle: async () => {}, wake: () => {} });
    const email = "ada@example.test";
    const before = world.mail.inbox.list(DEFAULT_TENANT).length;
    await world.send("POST", "/auth/v1/recover", { body: { email } });
    await world.send("POST", "/auth/v1/recover", { body: { email: "nobody@example.test" } });
    const rows = await world.sql`select m::text as row from auth.outgoing_messages m`;
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain("example.test");
    expect(world.mail.inbox.list(DEFAULT_TENANT)).toHaveLength(before);
    await createAuthState(config, deps, client, orgs).outbox.idle();
    const sent = world.mail.inbox.list(DEFAULT_TENANT).slice(before);
    expect(sent.map(({ to, subject }) => [to, subject])).toEqual([[email, "Reset your password"]]);
    expect(await world.sql`select 1 from auth.outgoing_messages`).toHaveLength(0);
    Object.assign(outbox, { idle, wake });
  });

  test("of a new number is sent to the address of the account", async () => {
    const own = await openAuthWorld({ sms_autoconfirm: true });
    try {
      const { accessToken: bearer } = await signUp(own, "joan@example.test");
      await own.send("PUT", "/auth/v1/user", { bearer, body: { phone: "+4917212345678" } });
      const mail = own.mail.inbox.list(DEFAULT_TENANT).at(-1);
      expect([mail?.to, mail?.subject]).toEqual([
        "joan@example.test",
        "Your phone number was changed",
      ]);
    } finally {
      await own.close();
    }
  });

  test("of a changed password is sent to the address of the account", async () => {
    const { accessToken: bearer } = await signUp(world, "grace@example.test");
    await world.send("PUT", "/auth/v1/user", { bearer, body: { password: "another long one" } });
    const mail = world.mail.inbox.list(DEFAULT_TENANT).at(-1);
    expect([mail?.to, mail?.subject]).toEqual(["grace@example.test", "Your password was changed"]);
  });
});

describe("a text message", () => {
  let world: AuthWorld;
  let user: UserRow;
  beforeAll(async () => {
    world = await openAuthWorld();
    const { userId } = await signUp(world, "ada@example.test");
    user = (await createStore(world.sql).findUserById(userId)) as UserRow;
  });
  afterAll(() => world.close());

  test("is refused where nobody sends any", async () => {
    expect(canSendSms(world.state)).toBe(false);
    const sending = sendSms(world.state, callerOf(world), { to: "15005550006", user, otp: "1" });
    await expect(sending).rejects.toMatchObject({ code: "phone_provider_disabled" });
  });

  test("is shown in the inbox of development", async () => {
    const development = { ...world.state.deps.server, development: true };
    const state = { ...world.state, deps: { ...world.state.deps, server: development } };
    await sendSms(state, callerOf(world), { to: "15005550006", user, otp: "654321" });
    expect(world.mail.inbox.list(DEFAULT_TENANT).at(-1)).toMatchObject({
      channel: "sms",
      to: "+15005550006",
      text: "Your code is 654321",
    });
  });

  test.each([
    "",
    "+",
    "0123456789",
    "+1 500 555",
    "15005550006,15005550007",
    "1500555000615005550006",
  ])("to %j is refused", async (to) => {
    const development = { ...world.state.deps.server, development: true };
    const state = { ...world.state, deps: { ...world.state.deps, server: development } };
    const sending = sendSms(state, callerOf(world), { to, user, otp: "1" });
    await expect(sending).rejects.toMatchObject({ status: 422, code: "sms_send_failed" });
  });

  interface Sent {
    readonly path: string;
    readonly headers: Headers;
    readonly text: string;
  }

  /** A local provider, and the state of a server that sends by it. */
  async function withProvider<T>(
    answer: () => Response,
    sms: (url: string) => Partial<typeof defaults.sms>,
    work: (send: () => Promise<void>, sent: readonly Sent[], log: AuthWorld["log"]) => Promise<T>,
  ): Promise<T> {
    const sent: Sent[] = [];
    const provider = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        sent.push({ path: pathname, headers: request.headers, text: await request.text() });
        return answer();
      },
    });
    const url = `http://127.0.0.1:${provider.port}`;
    const own = await openAuthWorld({ sms: { ...defaults.sms, ...sms(url) } });
    const message = { to: "15005550006", user, otp: "654321" };
    try {
      return await work(() => sendSms(own.state, callerOf(own), message), sent, own.log);
    } finally {
      await own.close();
      await provider.stop(true);
    }
  }

  const SID = `AC${"0123456789abcdef".repeat(2)}`;
  const twilio = (url: string) => ({
    provider: "twilio" as const,
    twilio_account_sid: SID,
    twilio_auth_token: "the-token",
    twilio_from: "+15005550001",
    twilio_url: url,
  });
  const taken = () =>
    Response.json(
      { sid: `SM${"0".repeat(32)}`, status: "queued", error_code: null },
      { status: 201 },
    );

  test("is sent by Twilio in the form its API documents", async () => {
    await withProvider(taken, twilio, async (send, sent) => {
      await send();
      const [request] = sent;
      expect(request?.path).toBe(`/2010-04-01/Accounts/${SID}/Messages.json`);
      expect(request?.headers.get("content-type")).toMatch(/^application\/x-www-form-urlencoded/);
      expect(request?.headers.get("authorization")).toBe(
        `Basic ${Buffer.from(`${SID}:the-token`).toString("base64")}`,
      );
      expect(Object.fromEntries(new URLSearchParams(request?.text))).toEqual({
        To: "+15005550006",
        From: "+15005550001",
        Body: "Your code is 654321",
      });
    });
  });

  test("goes by a messaging service where one is named", async () => {
    const service = `MG${"a".repeat(32)}`;
    const config = (url: string) => ({ ...twilio(url), twilio_from: service });
    await withProvider(taken, config, async (send, sent) => {
      await send();
      const form = new URLSearchParams(sent[0]?.text);
      expect([form.get("MessagingServiceSid"), form.get("From")]).toEqual([service, null]);
    });
  });

  test.each([
    [
      "a refusal",
      () =>
        Response.json(
          {
            code: 21211,
            message: "Invalid 'To' Phone Number: +15005550006",
            more_info: "",
            status: 400,
          },
          { status: 400 },
        ),
    ],
    [
      "a bad token",
      () => Response.json({ code: 20003, message: "Authenticate", status: 401 }, { status: 401 }),
    ],
    [
      "a message that failed at once",
      () => Response.json({ status: "failed", error_code: 30008 }, { status: 201 }),
    ],
    ["a page of a proxy", () => new Response("<html>", { status: 502 })],
  ])("that Twilio answers with %s is sms_send_failed", async (_what, answer) => {
    await withProvider(answer, twilio, async (send, _sent, log) => {
      await expect(send()).rejects.toMatchObject({ status: 422, code: "sms_send_failed" });
      expect(JSON.stringify(log.lines)).not.toContain("the-token");
    });
  });

  test("is sent by a signed webhook", async () => {
    const webhook = (url: string) => ({
      provider: "webhook" as const,
      webhook_url: `${url}/sms`,
      webhook_secrets: `v1,whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    });
    await withProvider(
      () => new Response(null, { status: 204 }),
      webhook,
      async (send, sent) => {
        await send();
        const { headers, text } = sent[0] ?? { headers: new Headers(), text: "" };
        expect(JSON.parse(text)).toEqual({
          to: "+15005550006",
          message: "Your code is 654321",
          otp: "654321",
        });
        const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${text}`;
        const mac = new Bun.CryptoHasher("sha256", Buffer.alloc(32, 7)).update(signed);
        expect(headers.get("webhook-signature")).toBe(`v1,${mac.digest("base64")}`);
      },
    );
    await withProvider(
      () => new Response(null, { status: 500 }),
      webhook,
      async (send) => {
        await expect(send()).rejects.toMatchObject({ code: "sms_send_failed" });
      },
    );
  });

  test.each([
    [
      "a webhook without a secret",
      { provider: "webhook" as const, webhook_url: "https://sms.example.test" },
    ],
    [
      "a webhook in the clear",
      { provider: "webhook" as const, webhook_url: "http://sms.example.test" },
    ],
    ["Twilio without an account", { provider: "twilio" as const }],
  ])("%s is told at the start", async (_what, sms) => {
    const open = openAuthWorld({ sms: { ...defaults.sms, ...sms } });
    await expect(open).rejects.toMatchObject({ code: "config_invalid" });
  });
});

describe("templates of the project", () => {
  function projectWith(files: Readonly<Record<string, string>>): string {
    const dir = mkdtempSync(join(tmpdir(), "reactor-templates-"));
    mkdirSync(join(dir, "mails"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, "mails", name), text);
    return dir;
  }

  const load = (projectDir: string, fresh = false) =>
    loadTemplates({ dir: "mails", projectDir, fresh });
  const values = {
    ConfirmationURL: "https://x.test/verify?a=1&b=2",
    Token: "123456",
    Email: "ada@example.test",
    Data: { name: "<Ada>" },
  };

  test("stand in for the built-in ones, in the notation of Supabase's", () => {
    const dir = projectWith({
      "confirmation.html":
        '<title>Welcome, {{ .Data.name }}</title><h2>Confirm</h2><p><a href="{{ .ConfirmationURL }}">Go</a> {{if .Token}}({{.Token}}){{else}}no code{{end}}{{ .Data.nothing }}</p>',
      "invite.txt": "Subject: Come in, {{ .Email }}\n\nBy {{ .ConfirmationURL }}\n",
    });
    const templates = load(dir);
    expect(templates.render("confirmation", values)).toEqual({
      subject: "Welcome, <Ada>",
      html: '<title>Welcome, &lt;Ada&gt;</title><h2>Confirm</h2><p><a href="https://x.test/verify?a=1&amp;b=2">Go</a> (123456)</p>',
      text: "Confirm\nGo: https://x.test/verify?a=1&b=2 (123456)\n",
    });
    expect(templates.render("invite", values)).toEqual({
      subject: "Come in, ada@example.test",
      html: "",
      text: "By https://x.test/verify?a=1&b=2\n",
    });
    expect(templates.render("recovery", values).subject).toBe("Reset your password");
    rmSync(dir, { recursive: true });
  });

  test("are read anew in development, and only then", () => {
    const dir = projectWith({ "invite.txt": "Subject: one\n\n" });
    const [development, production] = [load(dir, true), load(dir)];
    writeFileSync(join(dir, "mails/invite.txt"), "Subject: two\n\n");
    expect(development.render("invite", values).subject).toBe("two");
    expect(production.render("invite", values).subject).toBe("one");
    rmSync(dir, { recursive: true });
  });

  test.each([
    ["an unknown name", { "invite.html": "{{ .Tokn }}" }, "{{ .Tokn }} is not known"],
    ["another function of Go's", { "invite.html": '{{ printf "%s" .Token }}' }, "is not known"],
    ["an if without an end", { "invite.html": "{{ if .Token }}" }, "has no {{ end }}"],
    ["an end without an if", { "invite.html": "{{ end }}" }, "is not known"],
    ["a file that is no template's", { "confirmaton.html": "" }, "is a template of no mail"],
    ["one that is too large", { "invite.html": "x".repeat(300_000) }, "larger than"],
  ])("with %s are told at the start", (_what, files, message) => {
    const dir = projectWith(files as Record<string, string>);
    expect(() => load(dir)).toThrow(message);
    rmSync(dir, { recursive: true });
  });
});

describe("the inbox of a server", () => {
  let development: TestServer;
  let production: TestServer;
  beforeAll(async () => {
    development = await startTestServer({ only: ["auth"], development: true });
    production = await startTestServer({ only: ["auth"] });
  });
  afterAll(async () => {
    await development.stop();
    await production.stop();
  });

  async function changePassword({ url }: TestServer, email: string) {
    const send = (method: string, path: string, body: unknown, token?: string) =>
      fetch(`${url}/auth/v1${path}`, {
        method,
        headers: {
          "content-type": "application/json",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(body),
      });
    const signedUp = await send("POST", "/signup", { email, password: PASSWORD });
    const { access_token: token } = (await signedUp.json()) as { access_token: string };
    await send("PUT", "/user", { password: "another long one" }, token);
  }

  const get = (server: TestServer, path = "", headers: Record<string, string> = {}) =>
    fetch(`${server.url}/auth/ui/_inbox${path}`, { headers });
  interface Listed {
    readonly messages: readonly { id: string; to: string; subject: string }[];
  }
  const list = async (server: TestServer, headers: Record<string, string> = {}) =>
    (await (await get(server, "", { accept: "application/json", ...headers })).json()) as Listed;

  test("shows every message to whoever works on this machine in development", async () => {
    await changePassword(development, "ada@example.test");
    const { id } = await until("the message", async () => (await list(development)).messages[0]);
    const page = await get(development);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await page.text()).toContain(
      `<a href="/auth/ui/_inbox/${id}">Your password was changed</a>`,
    );
    const one = await get(development, `/${id}`);
    expect(await one.text()).toContain("To ada@example.test");
    expect(one.headers.get("content-security-policy")).toContain("default-src 'none'");
    const html = await get(development, `/${id}/html`);
    expect(html.headers.get("content-security-policy")).toMatch(/^sandbox allow-popups/);
    expect(await html.text()).toContain("<h1");
    expect((await get(development, "/nothing")).status).toBe(404);
  });

  test.each([
    ["through a proxy", { "x-forwarded-for": "203.0.113.9" }],
    ["by a name that others can own", { host: "rebound.example" }],
    ["for another site's script", { "sec-fetch-site": "cross-site", "sec-fetch-dest": "empty" }],
  ])("shows nothing %s", async (_what, headers) => {
    expect((await get(development, "", headers)).status).toBe(401);
  });

  test("is for the secret key alone in production", async () => {
    await changePassword(production, "grace@example.test");
    const key = { authorization: `Bearer ${production.secretKey}` };
    await until("the message", async () => (await list(production, key)).messages[0]);
    expect((await get(production)).status).toBe(401);
    const anon = await get(production, "", { apikey: production.publishableKey });
    expect(anon.status).toBe(403);
  });

  test("has no CORS: a page of another origin cannot read it", async () => {
    const answer = await get(development, "", { origin: "https://evil.example" });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  });
});
