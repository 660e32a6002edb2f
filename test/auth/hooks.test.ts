/** Hooks of the project: what each is told, what its answer does, and what becomes of its failures. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import type { Server } from "bun";
import { decodeJwt } from "jose";
import { authConfig } from "../../src/capabilities/auth/config.ts";
import type { HookName } from "../../src/capabilities/auth/hooks/config.ts";
import { mfaAttempt } from "../../src/capabilities/auth/hooks/verification-attempts.ts";
import { sendMessage } from "../../src/capabilities/auth/messages/send-message.ts";
import { sendSms } from "../../src/capabilities/auth/messages/send-sms.ts";
import { createStore } from "../../src/capabilities/auth/store.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signIn, signUp } from "./auth-world.ts";

setDefaultTimeout(60_000);

const SECRET = `v1,whsec_${Buffer.from("a secret of thirty-two bytes, ok").toString("base64")}`;
const defaults = Value.Create(authConfig);

function hooksOf(uris: Partial<Record<HookName, string>>, more: { timeout_ms?: number } = {}) {
  const hooks = structuredClone(defaults.hooks);
  for (const [name, uri] of Object.entries(uris)) {
    const secrets = uri.startsWith("http") ? SECRET : "";
    hooks[name as HookName] = { timeout_ms: 0, ...more, uri, secrets };
  }
  return hooks;
}

/** Whoever receives hooks: answers what it is told to, keeps what it was sent. */
interface Receiver {
  readonly url: string;
  readonly got: { headers: Headers; text: string; body: Record<string, unknown> }[];
  answer: (path: string) => Response | Promise<Response>;
  stop(): Promise<void>;
}

function openReceiver(): Receiver {
  const receiver = { got: [] as Receiver["got"], answer: (_path: string) => Response.json({}) };
  const server: Server<undefined> = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const text = await request.text();
      receiver.got.push({ headers: request.headers, text, body: JSON.parse(text) });
      return receiver.answer(new URL(request.url).pathname);
    },
  });
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${server.port}`,
    stop: () => server.stop(true),
  });
}

const caller = (world: AuthWorld) => ({
  tenant: DEFAULT_TENANT,
  address: "192.0.2.7",
  userAgent: null,
  origin: "http://localhost",
  isService: false,
  log: world.log,
});

describe("hooks in SQL", () => {
  let world: AuthWorld;
  beforeAll(async () => {
    world = await openAuthWorld({
      hooks: hooksOf({
        before_user_created: "pg-functions://postgres/public/check_user",
        custom_access_token: "pg-functions://postgres/public/add_claims",
        password_verification_attempt: "pg-functions://postgres/public/count_attempts",
      }),
    });
    await world.sql.unsafe(`
      create function public.check_user(event jsonb) returns jsonb language sql as $$
        select case when event -> 'user' ->> 'email' like '%@refused.test'
          then '{"error": {"http_code": 403, "message": "Not from there"}}'::jsonb
          else '{}'::jsonb end $$;
      create function public.add_claims(event jsonb) returns jsonb language sql as $$
        select jsonb_set(jsonb_set(event, '{claims,plan}', '"pro"'), '{claims,sub}', '"somebody"') $$;
      create table public.attempts (user_id uuid, valid boolean);
      create function public.count_attempts(event jsonb) returns jsonb language plpgsql as $$
        begin
          insert into public.attempts values ((event ->> 'user_id')::uuid, (event ->> 'valid')::boolean);
          if (select count(*) from public.attempts
              where user_id = (event ->> 'user_id')::uuid and not valid) > 2 then
            return '{"decision": "reject", "message": "Come back tomorrow", "should_logout_user": true}';
          end if;
          return '{"decision": "continue"}';
        end $$;`);
  });
  afterAll(() => world.close());

  test("refuse an account before it is made", async () => {
    const send = (email: string) =>
      world.send("POST", "/auth/v1/signup", { body: { email, password: PASSWORD } });
    const refused = await send("eve@refused.test");
    expect([refused.status, refused.body.code, refused.body.message]).toEqual([
      403,
      "unknown",
      "Not from there",
    ]);
    const [row] = await world.sql`
      select count(*)::int from auth.users where email = 'eve@refused.test'`;
    expect(row?.["count"]).toBe(0);
    expect((await send("ada@welcome.test")).status).toBe(200);
  });

  test("add claims, but do not make a token somebody else's", async () => {
    const { accessToken, userId } = await signUp(world, "claims@welcome.test");
    expect(decodeJwt(accessToken)).toMatchObject({ plan: "pro", sub: userId });
  });

  test("count attempts, refuse past their limit, and end the sessions", async () => {
    const email = "counted@welcome.test";
    const { accessToken: bearer, userId } = await signUp(world, email);
    const attempt = (password: string) =>
      world.send("POST", "/auth/v1/token?grant_type=password", { body: { email, password } });
    const messages: string[] = [];
    for (let n = 0; n < 3; n += 1) messages.push((await attempt("wrong")).body.message);
    expect(messages).toEqual([
      "Invalid login credentials",
      "Invalid login credentials",
      "Come back tomorrow",
    ]);
    const right = await attempt(PASSWORD);
    expect([right.status, right.body.code]).toEqual([400, "invalid_credentials"]);
    expect((await world.send("GET", "/auth/v1/user", { bearer })).body.code).toBe(
      "session_not_found",
    );
    const [row] = await world.sql`
      select count(*)::int from public.attempts where user_id = ${userId} and valid`;
    expect(row?.["count"]).toBe(1);
  });

  test("run for unknown addresses too, for nobody", async () => {
    const body = { email: "nobody@welcome.test", password: "wrong" };
    await world.send("POST", "/auth/v1/token?grant_type=password", { body });
    const [row] = await world.sql`
      select user_id from public.attempts order by user_id limit 1`;
    expect(row?.["user_id"]).toBe("00000000-0000-0000-0000-000000000000");
  });
});

describe("an SQL hook that fails", () => {
  test("is a 500 that tells nothing of the database, one that takes too long a 422", async () => {
    const world = await openAuthWorld({
      hooks: hooksOf(
        { before_user_created: "pg-functions://postgres/public/broken" },
        { timeout_ms: 50 },
      ),
    });
    const send = () =>
      world.send("POST", "/auth/v1/signup", { body: { email: "a@b.test", password: PASSWORD } });
    const missing = await send();
    expect([missing.status, missing.body.code]).toEqual([500, "unexpected_failure"]);
    expect(JSON.stringify(missing.body)).not.toContain("does not exist");
    await world.sql.unsafe(`create function public.broken(event jsonb) returns jsonb
      language plpgsql as $$ begin perform pg_sleep(30); return '{}'; end $$`);
    const slow = await send();
    expect([slow.status, slow.body.code]).toEqual([422, "hook_timeout"]);
    await world.close();
  });
});

describe("hooks by address", () => {
  const receiver = openReceiver();
  let world: AuthWorld;
  beforeAll(async () => {
    const at = (name: HookName) => `${receiver.url}/${name}`;
    world = await openAuthWorld({
      hooks: hooksOf({
        before_user_created: at("before_user_created"),
        mfa_verification_attempt: at("mfa_verification_attempt"),
        send_email: at("send_email"),
        send_sms: at("send_sms"),
      }),
    });
  });
  afterAll(async () => {
    await world.close();
    await receiver.stop();
  });

  async function personOf(email: string) {
    receiver.answer = () => Response.json({});
    const { userId } = await signUp(world, email);
    const user = await createStore(world.sql).findUserById(userId);
    receiver.got.length = 0;
    if (!user) throw new Error("no user");
    return user;
  }

  test("get a signature that Standard Webhooks verifies", async () => {
    await personOf("signed@example.test");
    receiver.answer = () => Response.json({});
    await signUp(world, "signed-2@example.test");
    const { headers, text, body } = receiver.got[0] ?? {
      headers: new Headers(),
      text: "",
      body: {},
    };
    const key = Buffer.from("a secret of thirty-two bytes, ok");
    const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${text}`;
    const mac = new Bun.CryptoHasher("sha256", key).update(signed).digest("base64");
    expect(headers.get("webhook-signature")).toBe(`v1,${mac}`);
    expect(headers.get("webhook-timestamp")).toBe(String(Math.floor(world.clock.now() / 1000)));
    expect(body["metadata"]).toMatchObject({
      name: "before-user-created",
      ip_address: "127.0.0.1",
    });
    expect(body["user"]).toMatchObject({ email: "signed-2@example.test" });
  });

  test("send mails in place of the server, with GoTrue's payload", async () => {
    const user = await personOf("mail@example.test");
    await sendMessage(world.state, caller(world), {
      kind: "recovery",
      to: user.email ?? "",
      user,
      otp: "123456",
      tokenHash: "abc",
      redirectTo: "https://app.example.test/",
    });
    await world.state.outbox.idle();
    expect(receiver.got[0]?.body).toMatchObject({
      user: { id: user.id, identities: [{ provider: "email" }] },
      email_data: {
        token: "123456",
        token_hash: "abc",
        redirect_to: "https://app.example.test/",
        email_action_type: "recovery",
        site_url: "http://localhost/auth/v1",
        token_new: "",
        token_hash_new: "",
      },
    });
    expect(world.mail.inbox.list(DEFAULT_TENANT)).toEqual([]);
  });

  test("are told of both ends of a change of address at once", async () => {
    const user = await personOf("both@example.test");
    await sendMessage(world.state, caller(world), {
      kind: "email_change",
      to: "new@example.test",
      user,
      otp: "222222",
      tokenHash: "new",
      current: { to: user.email ?? "", otp: "111111", tokenHash: "current" },
    });
    expect(receiver.got.map(({ body }) => body["email_data"])).toMatchObject([
      { token: "111111", token_hash: "new", token_new: "222222", token_hash_new: "current" },
    ]);
  });

  test("send text messages", async () => {
    const user = await personOf("sms@example.test");
    await sendSms(world.state, caller(world), {
      to: "+15005550006",
      user,
      otp: "654321",
    });
    expect(receiver.got[0]?.body).toMatchObject({
      user: { id: user.id },
      sms: { otp: "654321", phone: "15005550006" },
    });
  });

  test("refuse a second factor, which ends the person's sessions", async () => {
    const email = "factor@example.test";
    const user = await personOf(email);
    const { accessToken: bearer } = await signIn(world, email);
    receiver.answer = () => Response.json({ decision: "reject" });
    const attempt = {
      userId: user.id,
      factorId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
      factorType: "totp",
      valid: false,
    };
    await expect(mfaAttempt(world.state, caller(world), attempt)).rejects.toMatchObject({
      status: 403,
      code: "mfa_verification_rejected",
    });
    expect(receiver.got[0]?.body).toMatchObject({
      user_id: attempt.userId,
      factor_id: attempt.factorId,
      factor_type: "totp",
      valid: false,
    });
    expect((await world.send("GET", "/auth/v1/user", { bearer })).status).toBe(403);
  });

  test.each([
    [
      "no JSON",
      () => new Response("ok", { headers: { "content-type": "text/plain" } }),
      400,
      "hook_payload_invalid_content_type",
    ],
    [
      "no type at all",
      () => new Response(new Uint8Array([123, 125])),
      400,
      "hook_payload_invalid_content_type",
    ],
    [
      "too much",
      () => Response.json({ a: "x".repeat(210_000) }),
      422,
      "hook_payload_over_size_limit",
    ],
    [
      "JSON that is none",
      () => new Response("{", { headers: { "content-type": "application/json" } }),
      500,
      "unexpected_failure",
    ],
    ["a list", () => Response.json([]), 500, "unexpected_failure"],
    ["a redirect", () => Response.redirect("http://127.0.0.1:1/", 302), 500, "unexpected_failure"],
    ["a 400", () => new Response(null, { status: 400 }), 500, "unexpected_failure"],
    [
      "a 503 without Retry-After",
      () => new Response(null, { status: 503 }),
      500,
      "unexpected_failure",
    ],
    [
      "an error of its own",
      () => Response.json({ error: { http_code: 429, message: "Slow down" } }),
      429,
      "unknown",
    ],
    [
      "an error with a status that is none",
      () => Response.json({ error: { http_code: 200, message: "No" } }),
      500,
      "unexpected_failure",
    ],
    ["a decision", () => Response.json({ decision: "reject", message: "No" }), 403, "unknown"],
  ])("that answer %s refuse the sign-up", async (_what, answer, status, code) => {
    receiver.got.length = 0;
    receiver.answer = answer;
    const refused = await world.send("POST", "/auth/v1/signup", {
      body: { email: "refused@example.test", password: PASSWORD },
    });
    expect([refused.status, refused.body.code]).toEqual([status, code]);
    expect(receiver.got).toHaveLength(1);
  });

  test("that answer 204 without a body let it pass", async () => {
    receiver.answer = () => new Response(null, { status: 204 });
    await signUp(world, "no-content@example.test");
  });
});

test("a hook's secret may stand in the vault, and is looked up for each call", async () => {
  const receiver = openReceiver();
  const hooks = hooksOf({ before_user_created: receiver.url });
  hooks.before_user_created.secrets = "vault:hooks/gate";
  const world = await openAuthWorld({ hooks });
  const send = (email: string) =>
    world.send("POST", "/auth/v1/signup", { body: { email, password: PASSWORD } });
  const without = await send("a@example.test");
  expect([without.status, receiver.got.length]).toEqual([500, 0]);
  const rotated = Buffer.alloc(32, 9);
  const secrets = `${SECRET}|v1,whsec_${rotated.toString("base64")}`;
  await world.state.deps.vault.put(DEFAULT_TENANT, "hooks/gate", secrets);
  expect((await send("b@example.test")).status).toBe(200);
  const { headers, text } = receiver.got[0] ?? { headers: new Headers(), text: "" };
  const signatures = headers.get("webhook-signature")?.split(" ") ?? [];
  const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${text}`;
  const mac = new Bun.CryptoHasher("sha256", rotated).update(signed).digest("base64");
  expect(signatures).toHaveLength(2);
  expect(signatures[1]).toBe(`v1,${mac}`);
  await world.close();
  await receiver.stop();
});

test.each([
  ["an address without a secret", "https://hooks.example.test/", ""],
  ["an address in the clear", "http://hooks.example.test/", SECRET],
  ["an address with a password in it", "https://a:b@hooks.example.test/", SECRET],
  ["a secret that is none", "https://hooks.example.test/", "hunter2"],
  ["a secret that is too short", "https://hooks.example.test/", "v1,whsec_YWJj"],
  ["SQL in place of a name", "pg-functions://postgres/public/f(null);drop", ""],
  ["a path in place of a function's name", "function:../admin", ""],
  ["another scheme", "file:///etc/passwd", SECRET],
])("%s is told at the start", async (_what, uri, secrets) => {
  const hooks = structuredClone(defaults.hooks);
  hooks.send_email = { uri, secrets, timeout_ms: 0 };
  await expect(openAuthWorld({ hooks })).rejects.toMatchObject({ code: "config_invalid" });
});
