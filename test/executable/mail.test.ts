/** Mail out of the compiled executable: nodemailer, TLS, templates, the inbox, hooks. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

  test("shows its mails without any SMTP server, and runs hooks written in SQL", async () => {
    const shop = await bench.project();
    writeFileSync(
      join(shop, "migrations/0002_gate.sql"),
      `create function public.gate(event jsonb) returns jsonb language sql as $$
        select case when event -> 'user' ->> 'email' like '%@example.test' then '{}'::jsonb
          else '{"error": {"http_code": 403, "message": "Not from there"}}'::jsonb end $$;`,
    );
    const server = await bench.start(shop, ["dev", ...ANY_PORT], {
      env: {
        REACTOR_AUTH__HOOKS__BEFORE_USER_CREATED__URI: "pg-functions://postgres/public/gate",
      },
    });
    const refused = await send(server, "POST", "/signup", {
      email: "a@b.test",
      password: PASSWORD,
    });
    expect([refused.status, refused.body["message"]]).toEqual([403, "Not from there"]);
    await changePassword(server, "ada@example.test");
    const inbox = `${server.url}/auth/ui/_inbox`;
    const page = await until("the message", async () => {
      const text = await (await fetch(inbox)).text();
      return text.includes("Your password was changed") ? text : null;
    });
    expect(page).toContain("ada@example.test");
    expect(server.stdout()).toContain(inbox);
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
