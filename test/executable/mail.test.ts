/** Mail out of the compiled executable: nodemailer, TLS, templates, the inbox, hooks. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { decodeJwt } from "jose";
import { selfSigned } from "../server/self-signed.ts";
import type { RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { openSmtp } from "../support/smtp-server.ts";
import { until } from "../support/until.ts";

const bench = executableBench();
const ANY_PORT = ["--port", "0"];
const PASSWORD = "correct horse battery";

async function send(
  { url }: RunningExecutable,
  method: string,
  path: string,
  body: unknown,
  token = "",
) {
  const answer = await fetch(`${url}/auth/v1${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  const json = JSON.parse(text === "" ? "{}" : text) as Record<string, string>;
  return { status: answer.status, body: json };
}

/** Makes the server send one mail: to somebody whose password was changed. */
async function changePassword(server: RunningExecutable, email: string): Promise<void> {
  const { body } = await send(server, "POST", "/signup", { email, password: PASSWORD });
  const password = { password: "another long one" };
  const changed = await send(server, "PUT", "/user", password, body["access_token"]);
  expect(changed.status).toBe(200);
}

describe("the executable", () => {
  test("sends mail over STARTTLS with a login, and by the project's template", async () => {
    const pair = selfSigned("smtp");
    const smtp = await openSmtp({
      ...pair,
      authOptional: false,
      onAuth({ username, password }, _session, done) {
        if (username === "ada" && password === "secret") done(null, { user: username });
        else done(new Error("no"));
      },
    });
    const shop = await bench.project();
    writeFileSync(join(shop, "ca.pem"), pair.cert);
    mkdirSync(join(shop, "templates/auth"), { recursive: true });
    writeFileSync(
      join(shop, "templates/auth/password_changed.html"),
      "<title>Ahoy {{ .Email }}</title><p>Changed at {{ .Time }}.</p>",
    );
    const server = await bench.start(shop, ["serve", ...ANY_PORT], {
      env: {
        REACTOR_MAIL__SMTP_HOST: "127.0.0.1",
        REACTOR_MAIL__SMTP_PORT: String(smtp.port),
        REACTOR_MAIL__SMTP_SECURITY: "starttls",
        REACTOR_MAIL__SMTP_USER: "ada",
        REACTOR_MAIL__SMTP_PASSWORD: "secret",
        REACTOR_MAIL__SMTP_CA: join(shop, "ca.pem"),
        REACTOR_MAIL__FROM: "no-reply@example.test",
      },
    });
    await changePassword(server, "ada@example.test");
    const mail = await until("the mail", () => smtp.mails[0], 20_000);
    expect([mail.secure, mail.user, mail.to]).toEqual([true, "ada", ["ada@example.test"]]);
    expect(mail.parsed.subject).toBe("Ahoy ada@example.test");
    expect(mail.parsed.text).toMatch(/^Changed at \d{4}-/);
    expect(server.stderr()).not.toContain("secret");
    await smtp.close();
  });

  test("brings somebody back who forgot the password, by an unchanged auth-js", async () => {
    const smtp = await openSmtp();
    const shop = await bench.project();
    const server = await bench.start(shop, ["serve", ...ANY_PORT], {
      env: {
        REACTOR_MAIL__SMTP_HOST: "127.0.0.1",
        REACTOR_MAIL__SMTP_PORT: String(smtp.port),
        REACTOR_MAIL__FROM: "no-reply@example.test",
      },
    });
    const { auth } = createClient(server.url, server.status.publishable_key, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const email = "ada@example.test";
    expect((await auth.signUp({ email, password: PASSWORD })).error).toBeNull();
    await auth.signOut();
    expect((await auth.resetPasswordForEmail(email)).error).toBeNull();
    const mail = await until("the mail", () => smtp.mails[0], 20_000);
    expect(mail.parsed.text).toContain(`${server.url}/auth/v1/verify?token=`);
    const token = /Your code: (\d{6})/.exec(mail.parsed.text ?? "")?.[1] ?? "";
    expect((await auth.verifyOtp({ email, token, type: "recovery" })).error).toBeNull();
    expect((await auth.updateUser({ password: "another long one" })).error).toBeNull();
    const told = await until("the word of it", () => smtp.mails[1], 20_000);
    expect(told.parsed.subject).toBe("Your password was changed");
    const back = await auth.signInWithPassword({ email, password: "another long one" });
    expect(back.error).toBeNull();
    for (const secret of [token, "another long one"]) expect(server.stderr()).not.toContain(secret);
    await smtp.close();
  });

  test("sends what is on its way before it ends", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const smtp = await openSmtp({
      onMailFrom(_address, _session, done) {
        void held.then(() => done());
      },
    });
    const shop = await bench.project();
    const server = await bench.start(shop, ["serve", ...ANY_PORT], {
      env: {
        REACTOR_MAIL__SMTP_HOST: "127.0.0.1",
        REACTOR_MAIL__SMTP_PORT: String(smtp.port),
        REACTOR_MAIL__FROM: "no-reply@example.test",
      },
    });
    await changePassword(server, "grace@example.test");
    const stopping = server.stop();
    release();
    expect(await stopping).toBe(0);
    expect(smtp.mails.map(({ to }) => to)).toEqual([["grace@example.test"]]);
    await smtp.close();
  });

  test("shows its mails without any SMTP server, and runs hooks in SQL and in functions", async () => {
    const shop = await bench.project();
    writeFileSync(
      join(shop, "functions/claims.ts"),
      `export default async (request: Request) => {
        const { claims } = await request.json();
        return Response.json({ claims: { ...claims, plan: "pro" } });
      };`,
    );
    writeFileSync(
      join(shop, "migrations/0002_gate.sql"),
      `create function public.gate(event jsonb) returns jsonb language sql as $$
        select case when event -> 'user' ->> 'email' like '%@example.test' then '{}'::jsonb
          else '{"error": {"http_code": 403, "message": "Not from there"}}'::jsonb end $$;`,
    );
    const server = await bench.start(shop, ["dev", ...ANY_PORT], {
      env: {
        REACTOR_AUTH__HOOKS__BEFORE_USER_CREATED__URI: "pg-functions://postgres/public/gate",
        REACTOR_AUTH__HOOKS__CUSTOM_ACCESS_TOKEN__URI: "function:claims",
      },
    });
    const refused = await send(server, "POST", "/signup", {
      email: "a@b.test",
      password: PASSWORD,
    });
    expect([refused.status, refused.body["message"]]).toEqual([403, "Not from there"]);
    await changePassword(server, "ada@example.test");
    const credentials = { email: "ada@example.test", password: "another long one" };
    const { body } = await send(server, "POST", "/token?grant_type=password", credentials);
    expect(decodeJwt(body["access_token"] ?? "")["plan"]).toBe("pro");
    const inbox = `${server.url}/auth/ui/_inbox`;
    const page = await until("the message", async () => {
      const text = await (await fetch(inbox)).text();
      return text.includes("Your password was changed") ? text : null;
    });
    expect(page).toContain("ada@example.test");
    expect(server.stdout()).toContain(inbox);
  });

  test("asks captcha, range API, webhook and Twilio in their own forms", async () => {
    const asked: string[] = [];
    const services = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        asked.push(`${request.method} ${pathname.slice(0, 16)} ${await request.text()}`);
        if (pathname === "/captcha") return Response.json({ success: true });
        if (pathname === "/hook") return Response.json({});
        if (pathname.startsWith("/range/")) return new Response("");
        return Response.json({ status: "queued" }, { status: 201 });
      },
    });
    const url = `http://127.0.0.1:${services.port}`;
    const shop = await bench.project();
    const server = await bench.start(shop, ["serve", ...ANY_PORT], {
      env: {
        REACTOR_AUTH__CAPTCHA__PROVIDER: "turnstile",
        REACTOR_AUTH__CAPTCHA__SECRET: "site-secret",
        REACTOR_AUTH__CAPTCHA__URL: `${url}/captcha`,
        REACTOR_AUTH__BREACHED_PASSWORDS__MODE: "online",
        REACTOR_AUTH__BREACHED_PASSWORDS__URL: `${url}/range/`,
        REACTOR_AUTH__HOOKS__BEFORE_USER_CREATED__URI: `${url}/hook`,
        REACTOR_AUTH__HOOKS__BEFORE_USER_CREATED__SECRETS: `v1,whsec_${"c2VjcmV0".repeat(4)}`,
        REACTOR_AUTH__SMS__PROVIDER: "twilio",
        REACTOR_AUTH__SMS__TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
        REACTOR_AUTH__SMS__TWILIO_AUTH_TOKEN: "the-token",
        REACTOR_AUTH__SMS__TWILIO_FROM: "+15005550001",
        REACTOR_AUTH__SMS__TWILIO_URL: url,
      },
    });
    const { auth } = createClient(server.url, server.status.publishable_key, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const account = { email: "ada@example.test", password: PASSWORD };
    expect((await auth.signUp(account)).error?.code).toBe("captcha_failed");
    const options = { captchaToken: "solved" };
    expect((await auth.signUp({ ...account, options })).error).toBeNull();
    expect((await auth.signInWithOtp({ phone: "+15005550006", options })).error).toBeNull();
    const text = await until(
      "the message",
      () => asked.find((one) => one.includes("Body=")),
      20_000,
    );
    expect(text).toMatch(
      /^POST \/2010-04-01\/Acco To=%2B15005550006&Body=Your\+code\+is\+\d{6}&From=/,
    );
    const kinds = asked.map((one) => one.split(" ")[1]);
    expect(kinds.filter((one) => one === "/captcha")).toHaveLength(2);
    expect(kinds).toContain("/hook");
    expect(kinds.some((one) => /^\/range\/[0-9A-F]{5}$/.test(one ?? ""))).toBe(true);
    for (const secret of ["site-secret", "the-token"])
      expect(server.stderr()).not.toContain(secret);
    await services.stop(true);
  });

  test("refuses breached passwords by the filter that it made itself", async () => {
    const shop = await bench.project();
    writeFileSync(join(shop, "list.txt"), `password\n${PASSWORD}\n`);
    const made = await bench.run(shop, ["auth", "filter", "list.txt", "breached.filter"]);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const server = await bench.start(shop, ["serve", ...ANY_PORT], {
      env: {
        REACTOR_AUTH__BREACHED_PASSWORDS__MODE: "file",
        REACTOR_AUTH__BREACHED_PASSWORDS__FILE: "breached.filter",
      },
    });
    const email = "ada@example.test";
    const refused = await send(server, "POST", "/signup", { email, password: PASSWORD });
    expect([refused.status, refused.body["code"]]).toEqual([422, "weak_password"]);
    const taken = await send(server, "POST", "/signup", { email, password: "a good long one" });
    expect(taken.status).toBe(200);
  });
});
