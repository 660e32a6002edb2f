/**
 * Ways around a rate limit: other spellings of the client's address, of the path, of the account.
 * After the limit is spent by plain requests none of them may get another guess.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/server.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
const EMAIL = "dodge@example.test";
const PATH = "/auth/v1/token?grant_type=password";

type Headers_ = Readonly<Record<string, string>>;

/** What a guess that was let through answers; everything else did not look at the password. */
const isGuess = (status: number, code: string) =>
  status === 200 || code === "invalid_credentials" || code === "email_not_confirmed";

async function guess(
  server: TestServer,
  {
    path = PATH,
    headers = {},
    method = "POST",
    email = EMAIL,
    password = "wrong password",
  }: {
    readonly path?: string;
    readonly headers?: Headers_;
    readonly method?: string;
    readonly email?: string;
    readonly password?: string;
  } = {},
): Promise<boolean> {
  const all = { "content-type": "application/json", ...headers };
  const body = JSON.stringify({ email, password });
  const init = { method, headers: all, ...(method === "GET" ? {} : { body }) };
  const response = await fetch(`${server.url}${path}`, init);
  const text = await response.text();
  const { code = "" } = (text.startsWith("{") ? JSON.parse(text) : {}) as { code?: string };
  // The wrong grant type answers with the code of a wrong password, and has looked at nothing.
  return isGuess(response.status, code) && !text.includes("unsupported_grant_type");
}

const signUp = async (server: TestServer, email: string, headers: Headers_ = {}) => {
  const response = await fetch(`${server.url}/auth/v1/signup`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  return (await response.json()) as { access_token: string };
};

/** One guess a minute: what is let through sooner came around the limit. */
const MINUTE_MS = 60_000;
let letThroughAt = Number.NEGATIVE_INFINITY;

/** Guesses until the limit says no. */
async function exhaust(server: TestServer, more: Parameters<typeof guess>[1] = {}): Promise<void> {
  for (let tries = 0; tries < 5; tries += 1) {
    const sentAt = performance.now();
    if (!(await guess(server, more))) return;
    letThroughAt = sentAt;
  }
  throw new Error("the limit was never reached");
}

/** One more spelling is not one more guess, unless a busy machine let the minute pass. */
async function expectRefused(server: TestServer, spelled: Parameters<typeof guess>[1], plain = {}) {
  const sinceMs = performance.now() - letThroughAt;
  if (!(await guess(server, spelled))) return;
  expect(sinceMs).toBeGreaterThan(MINUTE_MS * 0.9);
  await exhaust(server, plain);
  expect(await guess(server, spelled)).toBe(false);
}

describe("by address, without a proxy", () => {
  let server: TestServer;
  let token = "";
  beforeAll(async () => {
    server = await startTestServer({
      only: ["auth"],
      config: { auth: { rate_limit_password: 1, rate_limit_password_identity: 1_000 } },
    });
    token = (await signUp(server, EMAIL)).access_token;
    await exhaust(server);
  });
  afterAll(() => server.stop());

  const headers = [
    "X-Forwarded-For",
    "x-forwarded-for",
    "X_Forwarded_For",
    "X-Forwarded",
    "Forwarded-For",
    "X-Real-IP",
    "X-Client-IP",
    "Client-IP",
    "X-Cluster-Client-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "Fastly-Client-IP",
    "X-Azure-ClientIP",
    "X-Originating-IP",
    "X-Remote-IP",
    "X-Remote-Addr",
    "X-ProxyUser-Ip",
    "Via",
  ];
  test.each(headers)("%s changes nothing", async (name) => {
    await expectRefused(server, { headers: { [name]: "203.0.113.7" } });
  });

  test.each([
    ["Forwarded", "for=203.0.113.7"],
    ["Forwarded", 'for="[2001:db8::7]:1234";proto=https'],
    ["X-Forwarded-For", "203.0.113.7, 198.51.100.2"],
    ["X-Forwarded-For", "127.0.0.1"],
    ["X-Forwarded-Host", "elsewhere.example.test"],
    ["X-HTTP-Method-Override", "PUT"],
    ["X-Original-URL", "/auth/v1/health"],
    ["X-Rewrite-URL", "/auth/v1/health"],
    ["Idempotency-Key", "another"],
    ["X-Request-Id", "another"],
    ["User-Agent", "another"],
  ])("%s: %s changes nothing", async (name, value) => {
    await expectRefused(server, { headers: { [name]: value } });
  });

  test.each([
    "/auth/v1//token?grant_type=password",
    "//auth/v1/token?grant_type=password",
    "/auth/v1/./token?grant_type=password",
    "/auth/v1/x/../token?grant_type=password",
    "/auth/v1/%74oken?grant_type=password",
    "/auth%2fv1%2ftoken?grant_type=password",
    "/AUTH/V1/TOKEN?grant_type=password",
    "/auth/v1/Token?grant_type=password",
    "/auth/v1/token/?grant_type=password",
    "/auth/v1/token;x=1?grant_type=password",
    "/auth/v1/token?grant_type=password&x=1",
    "/auth/v1/token?x=1&grant_type=password",
    "/auth/v1/token?grant_type=password&grant_type=refresh_token",
    "/auth/v1/token?grant%5Ftype=password",
    "/auth/v1/token?grant_type=PASSWORD",
    "/auth/v1/token?grant_type=password%00",
  ])("the path %s is no other route", async (path) => {
    await expectRefused(server, { path });
  });

  test("another account, a key or a token of a person changes nothing", async () => {
    await expectRefused(server, { email: "another@example.test" });
    await expectRefused(server, { headers: { authorization: `Bearer ${token}` } });
    await expectRefused(server, { headers: { apikey: server.publishableKey } });
    await expectRefused(server, { headers: { apikey: "sb_secret_guessed" } });
  });

  test("many at once get no more than one after the other", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => guess(server)));
    expect(answers.filter(Boolean).length).toBeLessThanOrEqual(1);
  });
});

describe("by address, behind a proxy", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      only: ["auth"],
      config: {
        server: { trusted_proxies: ["127.0.0.1", "10.0.0.0/8"] },
        auth: { rate_limit_password: 1, rate_limit_password_identity: 1_000 },
      },
    });
    await signUp(server, EMAIL, { "X-Forwarded-For": "198.51.100.99" });
  });
  afterAll(() => server.stop());

  const by = (list: string) => ({ headers: { "X-Forwarded-For": list } });

  test("people behind it are counted one by one", async () => {
    await exhaust(server, by("192.0.2.1"));
    expect(await guess(server, by("192.0.2.2"))).toBe(true);
  });

  test.each([
    "198.51.100.1, 203.0.113.7",
    "127.0.0.1, 203.0.113.7",
    "10.1.2.3, 203.0.113.7",
    "unknown, 203.0.113.7",
    " , 203.0.113.7",
    "203.0.113.7, 10.1.2.3",
    "203.0.113.7:4711",
    "::ffff:203.0.113.7",
    "[::ffff:203.0.113.7]:80",
    "::FFFF:CB00:7107",
    "  203.0.113.7  ",
  ])("%p is the same client", async (list) => {
    const plain = by("203.0.113.7");
    await exhaust(server, plain);
    await expectRefused(server, by(list), plain);
  });

  test.each([
    "2001:db8:1:2::1",
    "2001:db8:1:2:ffff:ffff:ffff:ffff",
    "2001:0DB8:0001:0002:0000:0000:0000:0009",
    "[2001:db8:1:2::a]:443",
    "2001:db8:1:2::192.0.2.1",
  ])("%p is of the same network", async (list) => {
    const plain = by("2001:db8:1:2::7");
    await exhaust(server, plain);
    await expectRefused(server, by(list), plain);
  });

  test("what is no address counts as the proxy's own, once for all of them", async () => {
    const rubbish = [
      "unknown",
      "203.0.113.007",
      "0x7f.1",
      "2130706433",
      "_hidden",
      "a".repeat(200),
    ];
    await exhaust(server, by("unknown"));
    for (const list of rubbish) await expectRefused(server, by(list), by("unknown"));
  });

  test("two headers that disagree are nobody's word", async () => {
    const both = (n: number) => ({
      headers: { "X-Forwarded-For": `203.0.113.${n}`, Forwarded: `for=198.51.100.${n}` },
    });
    await exhaust(server, both(1));
    for (let n = 2; n < 8; n += 1) await expectRefused(server, both(n), both(1));
  });
});

describe("by account", () => {
  let server: TestServer;
  let clients = 0;
  /** A client that was never seen before. */
  const elsewhere = () => {
    clients += 1;
    return { "X-Forwarded-For": `100.64.${clients >> 8}.${clients & 255}` };
  };
  beforeAll(async () => {
    server = await startTestServer({
      only: ["auth"],
      config: {
        server: { trusted_proxies: ["127.0.0.1"] },
        auth: { rate_limit_password: 1_000, rate_limit_password_identity: 1 },
      },
    });
    await signUp(server, EMAIL, elsewhere());
    await signUp(server, "calm@example.test", elsewhere());
  });
  afterAll(() => server.stop());

  test.each([
    EMAIL,
    "Dodge@Example.test",
    "DODGE@EXAMPLE.TEST",
    "ｄｏｄｇｅ@example.test",
    "dodge＠example.test",
    "dodge@example．test",
    "dodge@EXAMPLE.TEST",
  ])("%p is the same account from anywhere", async (email) => {
    await exhaust(server, { headers: elsewhere() });
    await expectRefused(server, { email, headers: elsewhere() }, { headers: elsewhere() });
  });

  test.each([
    " dodge@example.test",
    "dodge@example.test ",
    "dodge@example.test\t",
    "dodge@example.test\0",
  ])("%p is no account at all, so it may be guessed at without end", async (email) => {
    const answer = await fetch(`${server.url}${PATH}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...elsewhere() },
      body: JSON.stringify({ email, password: PASSWORD }),
    });
    expect(answer.status).toBe(400);
    await answer.arrayBuffer();
  });

  test("with the right password too: guessing is not told from knowing", async () => {
    await exhaust(server, { headers: elsewhere() });
    const right = { password: PASSWORD, headers: elsewhere() };
    await expectRefused(server, right, { headers: elsewhere() });
  });

  test("and others are not kept out", async () => {
    expect(await guess(server, { email: "calm@example.test", headers: elsewhere() })).toBe(true);
  });
});
