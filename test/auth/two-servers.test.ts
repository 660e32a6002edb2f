/** Two servers on one database: keys that change on one count on the other, and nobody is turned away. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(120_000);

const PASSWORD = "correct horse battery";
const EMAIL = "two@example.test";
let one: TestServer;
let two: TestServer;

beforeAll(async () => {
  const auth = {
    rate_limit_password: 1_000_000,
    rate_limit_password_identity: 1_000_000,
    rate_limit_refresh: 1_000_000,
    hash_queue_max: 1_000,
  };
  const options = { only: ["auth"], config: { auth } };
  one = await startTestServer(options);
  const shared = { databaseUrl: one.ownerUrl, vaultKey: one.vaultKey };
  two = await startTestServer({ ...options, ...shared });
  await send(one, "/signup", { email: EMAIL, password: PASSWORD });
});
afterAll(async () => {
  await two.stop();
  await one.stop();
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  readonly body: any;
}

async function send(
  server: TestServer,
  path: string,
  body?: unknown,
  bearer?: string,
): Promise<Answer> {
  const response = await fetch(`${server.url}/auth/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

const signIn = async (server: TestServer) => {
  const body = { email: EMAIL, password: PASSWORD };
  return (await send(server, "/token?grant_type=password", body)).body;
};
const kidOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()).kid as string;
const rotate = (server: TestServer) =>
  send(server, "/admin/keys/rotate", { force: true }, server.secretKey);

test("a rotation on one is the other's without a restart", async () => {
  const before = await signIn(two);
  const { body } = await rotate(one);
  const active = body.keys[0].kid;
  expect(kidOf(before.access_token)).not.toBe(active);
  // Whatever the bus does: a token of the new key is good at once.
  const fresh = await signIn(one);
  expect(kidOf(fresh.access_token)).toBe(active);
  expect((await send(two, "/user", undefined, fresh.access_token)).status).toBe(200);
  expect((await send(two, "/user", undefined, before.access_token)).status).toBe(200);
  await until("the other server signs with the new key", async () => {
    return kidOf((await signIn(two)).access_token) === active;
  });
  const published = (await send(two, "/.well-known/jwks.json")).body.keys;
  expect(published.map((key: { kid: string }) => key.kid)).toContain(active);
});

test("ten rotations under load, on both in turn: not one good token is refused", async () => {
  const refused: string[] = [];
  let checked = 0;
  let going = true;
  const tokens: string[] = [(await signIn(one)).access_token];
  const verify = async (server: TestServer, name: string) => {
    while (going) {
      const token = tokens[checked % tokens.length] ?? "";
      const { status } = await send(server, "/_verify", {}, token);
      if (status !== 200) refused.push(`${name}: ${status}`);
      checked += 1;
    }
  };
  const login = async (server: TestServer) => {
    while (going) tokens.push((await signIn(server)).access_token);
  };
  const load = [verify(one, "one"), verify(two, "two"), login(one), login(two)];
  const keys = () => new Set(tokens.map(kidOf)).size;
  for (let turn = 0; turn < 10; turn += 1) {
    const before = keys();
    expect((await rotate(turn % 2 === 0 ? one : two)).status).toBe(200);
    await until("a token of the new key", () => keys() > before);
    const so = checked;
    await until("some tokens are verified", () => checked > so + 10);
  }
  going = false;
  await Promise.all(load);
  expect(refused).toEqual([]);
  expect(checked).toBeGreaterThan(100);
  expect(keys()).toBeGreaterThan(10);
});

test("a refresh token that races on both has one successor", async () => {
  let { refresh_token: token } = await signIn(one);
  for (let turn = 0; turn < 5; turn += 1) {
    const path = "/token?grant_type=refresh_token";
    const answers = await Promise.all(
      [one, two, one, two, one, two].map((server) => send(server, path, { refresh_token: token })),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(6).fill(200));
    const successors = new Set(answers.map((answer) => answer.body.refresh_token));
    expect(successors.size).toBe(1);
    [token] = [...successors];
  }
});
