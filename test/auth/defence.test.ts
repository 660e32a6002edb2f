/** Breached passwords and captcha: who is asked what, and what happens when nobody answers. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Value } from "@sinclair/typebox/value";
import { authConfig } from "../../src/capabilities/auth/config.ts";
import { openFilter } from "../../src/capabilities/auth/defence/open-filter.ts";
import { buildBreachFilter } from "../../src/core/breach-filter.ts";
import { type AuthWorld, openAuthWorld, PASSWORD, signUp } from "./auth-world.ts";

setDefaultTimeout(60_000);

const defaults = Value.Create(authConfig);
const sha1 = (text: string) =>
  new Bun.CryptoHasher("sha1").update(text).digest("hex").toUpperCase();

interface Service {
  readonly url: string;
  readonly asked: { path: string; headers: Headers; body: string }[];
  answer: (path: string) => Response | Promise<Response>;
  stop(): Promise<void>;
}

function openService(): Service {
  const service = { asked: [] as Service["asked"], answer: (_path: string) => new Response("") };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      service.asked.push({ path, headers: request.headers, body: await request.text() });
      return service.answer(path);
    },
  });
  return Object.assign(service, {
    url: `http://127.0.0.1:${server.port}`,
    stop: () => server.stop(true),
  });
}

let count = 0;
const nextEmail = () => `person-${++count}@example.test`;

const BREACHED = "correct horse battery";

/** What each way to a new password answers for `password`. */
async function everyWay(world: AuthWorld, password: string) {
  const { accessToken: bearer } = await signUp(world, nextEmail());
  const admin = { apikey: world.project.secretKey };
  const signedUp = await world.send("POST", "/auth/v1/signup", {
    body: { email: nextEmail(), password },
  });
  const changed = await world.send("PUT", "/auth/v1/user", { bearer, body: { password } });
  const made = await world.send("POST", "/auth/v1/admin/users", {
    headers: admin,
    body: { email: nextEmail(), password },
  });
  return [signedUp, changed, made];
}

describe("breached passwords, by a range API", () => {
  const service = openService();
  let world: AuthWorld;
  const SAFE = "another wholly unknown one";
  beforeAll(async () => {
    service.answer = () => new Response("");
    world = await openAuthWorld({
      breached_passwords: {
        ...defaults.breached_passwords,
        mode: "online",
        url: `${service.url}/range/`,
        min_count: 3,
      },
    });
  });
  afterAll(async () => {
    await world.close();
    await service.stop();
  });

  const rangeWith = (password: string, times: number) => () => {
    const lines = ["0".repeat(35), "F".repeat(35)].map((suffix) => `${suffix}:7`);
    return new Response([...lines, `${sha1(password).slice(5)}:${times}`].join("\r\n"));
  };

  test("are refused, wherever a new one is set", async () => {
    service.answer = rangeWith(SAFE, 3);
    for (const { status, body } of await everyWay(world, SAFE)) {
      expect([status, body.code, body.weak_password]).toEqual([
        422,
        "weak_password",
        { reasons: ["pwned"] },
      ]);
    }
  });

  test("are told by five digits of a hash, with padding, and nothing else", async () => {
    service.asked.length = 0;
    service.answer = () => new Response("");
    await signUp(world, nextEmail());
    expect(service.asked.map(({ path }) => path)).toEqual([`/range/${sha1(PASSWORD).slice(0, 5)}`]);
    expect(service.asked[0]?.headers.get("add-padding")).toBe("true");
    expect(service.asked[0]?.headers.get("user-agent")).toMatch(/^Reactor\//);
    expect([...(service.asked[0]?.headers.keys() ?? [])]).not.toContain("authorization");
  });

  test.each([
    ["padding, which has the count 0", 0],
    ["those seen less often than min_count", 2],
  ])("are not %s", async (_what, times) => {
    service.answer = rangeWith(SAFE, times);
    for (const { status } of await everyWay(world, SAFE)) expect(status).toBe(200);
  });

  test.each([
    ["fails", () => new Response(null, { status: 500 })],
    ["is too long", () => new Response("x".repeat(2_000_000))],
    ["redirects", () => Response.redirect("http://127.0.0.1:1/", 302)],
  ])("are let through, and that is told, where the answer %s", async (_what, answer) => {
    service.answer = answer;
    await signUp(world, nextEmail());
    expect(world.log.lines.map(({ event }) => event)).toContain("auth.breach_check_failed");
  });

  test("are not let through with fail_closed", async () => {
    service.answer = () => new Response(null, { status: 500 });
    const breached = { ...world.state.config.breached_passwords, fail_closed: true };
    const closed = await openAuthWorld({ breached_passwords: breached });
    const refused = await closed.send("POST", "/auth/v1/signup", {
      body: { email: nextEmail(), password: PASSWORD },
    });
    expect([refused.status, refused.body.code]).toEqual([500, "unexpected_failure"]);
    await closed.close();
  });

  test("do not keep anybody from signing in", async () => {
    service.answer = () => new Response("");
    const email = nextEmail();
    await signUp(world, email);
    service.answer = rangeWith(PASSWORD, 1000);
    const answer = await world.send("POST", "/auth/v1/token?grant_type=password", {
      body: { email, password: PASSWORD },
    });
    expect(answer.status).toBe(200);
  });
});

describe("breached passwords, by a filter on this machine", () => {
  const dir = mkdtempSync(join(tmpdir(), "reactor-filter-"));
  afterAll(() => rmSync(dir, { recursive: true }));
  const config = { ...defaults.breached_passwords, mode: "file" as const };

  test("are refused without any network", async () => {
    const builder = buildBreachFilter(2, 0.000001);
    for (const one of [BREACHED, "password"]) {
      builder.add(new Bun.CryptoHasher("sha1").update(one).digest());
    }
    const file = join(dir, "breached.filter");
    writeFileSync(file, builder.finish());
    const world = await openAuthWorld({ breached_passwords: { ...config, file } });
    const send = (password: string) =>
      world.send("POST", "/auth/v1/signup", { body: { email: nextEmail(), password } });
    expect((await send(BREACHED)).body.weak_password).toEqual({ reasons: ["pwned"] });
    expect((await send("a good long password")).status).toBe(200);
    await world.close();
  });

  test.each([
    ["none is named", ""],
    ["there is none", "nothing.filter"],
    ["it is none", "list.txt"],
  ])("are a fault at the start where %s", (_what, file) => {
    writeFileSync(join(dir, "list.txt"), "password\n");
    expect(() => openFilter({ ...config, file }, dir)).toThrow("cannot be used");
  });

  test("are not looked at by default", () => {
    expect(defaults.breached_passwords.mode).toBe("off");
    expect(openFilter(defaults.breached_passwords, dir)).toBeNull();
  });
});

test.each([
  ["captcha", { captcha: { ...defaults.captcha, provider: "turnstile" as const } }],
  ["captcha", { captcha: { ...defaults.captcha, url: "http://captcha.example.test" } }],
  [
    "breached_passwords",
    {
      breached_passwords: {
        ...defaults.breached_passwords,
        mode: "online" as const,
        url: "ftp://x",
      },
    },
  ],
])("settings of %s that cannot work are told at the start", async (_what, config) => {
  await expect(openAuthWorld(config)).rejects.toMatchObject({ code: "config_invalid" });
});

describe.each(["hcaptcha", "turnstile"] as const)("captcha by %s", (provider) => {
  const service = openService();
  let world: AuthWorld;
  beforeAll(async () => {
    world = await openAuthWorld({
      captcha: {
        ...defaults.captcha,
        provider,
        secret: "site-secret",
        url: `${service.url}/verify`,
      },
    });
  });
  afterAll(async () => {
    await world.close();
    await service.stop();
  });

  const WAYS = [
    ["/auth/v1/signup", () => ({ email: nextEmail(), password: PASSWORD })],
    [
      "/auth/v1/token?grant_type=password",
      () => ({ email: "nobody@example.test", password: PASSWORD }),
    ],
  ] as const;
  const solved = { gotrue_meta_security: { captcha_token: "solved" } };

  test.each(WAYS)("is asked for by %s, before anything else is done", async (path, body) => {
    service.asked.length = 0;
    const refused = await world.send("POST", path, { body: body() });
    expect([refused.status, refused.body.code, refused.body.message]).toEqual([
      400,
      "captcha_failed",
      "captcha protection: request disallowed (no captcha_token found)",
    ]);
    expect(service.asked).toEqual([]);
    service.answer = () =>
      Response.json({ success: false, "error-codes": ["invalid-input-response"] });
    const wrong = await world.send("POST", path, { body: { ...body(), ...solved } });
    expect([wrong.status, wrong.body.message]).toEqual([
      400,
      "captcha protection: request disallowed (invalid-input-response)",
    ]);
    service.answer = () => Response.json({ success: true });
    const passed = await world.send("POST", path, { body: { ...body(), ...solved } });
    expect(passed.body.code).not.toBe("captcha_failed");
  });

  test("is checked in the provider's form, with the address of the caller", async () => {
    service.asked.length = 0;
    service.answer = () => Response.json({ success: true });
    const body = { email: nextEmail(), password: PASSWORD, ...solved };
    expect((await world.send("POST", "/auth/v1/signup", { body })).status).toBe(200);
    expect(service.asked).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(service.asked[0]?.body))).toEqual({
      secret: "site-secret",
      response: "solved",
      remoteip: "127.0.0.1",
    });
  });

  test.each([
    ["fails", () => new Response("no", { status: 500 })],
    ["is no JSON", () => new Response("<html>")],
    ["is too long", () => new Response("x".repeat(100_000))],
  ])("lets nobody through when the check %s", async (_what, answer) => {
    service.answer = answer;
    const body = { email: nextEmail(), password: PASSWORD, ...solved };
    const refused = await world.send("POST", "/auth/v1/signup", { body });
    expect([refused.status, refused.body.code]).toEqual([500, "unexpected_failure"]);
    expect(JSON.stringify([refused.body, world.log.lines])).not.toContain("site-secret");
  });

  test.each([
    ["success that is no true", { success: "true" }],
    ["a list", []],
    ["nothing", null],
  ])("lets nobody through for %s", async (_what, json) => {
    service.answer = () => Response.json(json);
    const body = { email: nextEmail(), password: PASSWORD, ...solved };
    expect((await world.send("POST", "/auth/v1/signup", { body })).status).not.toBe(200);
  });

  test("is not asked for from the secret key, nor for a refresh", async () => {
    service.answer = () => Response.json({ success: false });
    const body = { email: nextEmail(), password: PASSWORD };
    const headers = { apikey: world.project.secretKey };
    const made = await world.send("POST", "/auth/v1/signup", { body, headers });
    expect(made.status).toBe(200);
    const refreshed = await world.send("POST", "/auth/v1/token?grant_type=refresh_token", {
      body: { refresh_token: made.body.refresh_token },
    });
    expect(refreshed.status).toBe(200);
  });
});
