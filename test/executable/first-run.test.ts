/** From an empty folder to tables, sign-up and a function, with nothing but the executable. */
import { describe, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { logLines, type RunningExecutable, testUsers } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench();
const ANY_PORT = ["--port", "0"];

async function signUp({ url, status }: RunningExecutable, email: string) {
  const response = await fetch(`${url}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: status.publishable_key, "content-type": "application/json" },
    body: JSON.stringify({ email, password: "correct horse battery" }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as { access_token: string; user: { id: string } };
}

describe.each(testUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("`init shop && cd shop && dev` serves health, the sample's table and its function", async () => {
    const shop = await bench.project(user);
    const server = await bench.start(shop, ["dev", ...ANY_PORT], { user });
    const health = (await (await fetch(`${server.url}/health`)).json()) as object;
    expect(health).toMatchObject({
      status: "ok",
      parts: { auth: { status: "ok" }, data: { status: "ok" }, functions: { status: "ok" } },
    });
    const { access_token, user: account } = await signUp(server, "ada@example.com");
    const headers = { authorization: `Bearer ${access_token}`, "content-type": "application/json" };
    const notes = `${server.url}/data/v1/notes`;
    const body = JSON.stringify({ title: "First" });
    expect((await fetch(notes, { method: "POST", headers, body })).status).toBe(201);
    const rows = await (await fetch(`${notes}?select=title,user_id`, { headers })).json();
    expect(rows).toEqual([{ title: "First", user_id: account.id }]);
    const hello = await fetch(`${server.url}/fn/v1/hello`, {
      method: "POST",
      headers: { apikey: server.status.publishable_key },
      body: '{"name":"Ada"}',
    });
    expect(await hello.json()).toEqual({ message: "Hello, Ada!" });
    for (const part of [server.url, server.status.publishable_key, "/swagger", "curl "]) {
      expect(server.stdout()).toContain(part);
    }
  });

  test("a second boot has the rows, the keys and the accounts of the first", async () => {
    const shop = await bench.project(user);
    const first = await bench.start(shop, ["serve", ...ANY_PORT], { user });
    const { access_token } = await signUp(first, "ada@example.com");
    expect(await first.stop()).toBe(0);
    const second = await bench.start(shop, ["serve", ...ANY_PORT], { user });
    expect(second.status.secret_key).toBe(first.status.secret_key);
    expect(second.status.publishable_key).toBe(first.status.publishable_key);
    const me = await fetch(`${second.url}/auth/v1/user`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(me.status).toBe(200);
    expect(logLines(second).map(({ event }) => event)).not.toContain("migration.applied");
  });

  test("secrets in the data folder are for their owner only", async () => {
    const shop = await bench.project(user);
    await bench.start(shop, ["serve", ...ANY_PORT], { user });
    const open = ["admin.token", "vault.key", "server.json"].filter(
      (name) => (statSync(join(shop, ".reactor", name)).mode & 0o077) !== 0,
    );
    expect(open).toEqual([]);
  });

  test("what runs inside writes nothing into the folder a person stands in but `.reactor`", async () => {
    const empty = bench.folder(user);
    const server = await bench.start(empty, ["serve", ...ANY_PORT], { user });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    await server.stop();
    const made = readdirSync(empty).filter((name) => name !== ".cache");
    expect(made).toEqual([".reactor"]);
  });
});

test("a guarded route of the compiled file answers 401 and 200, never 500", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["serve", ...ANY_PORT]);
  const me = `${server.url}/auth/v1/user`;
  const { access_token } = await signUp(server, "ada@example.com");
  const statusOf = async (headers: Record<string, string>) => (await fetch(me, { headers })).status;
  expect(await statusOf({})).toBe(401);
  expect(await statusOf({ authorization: "Bearer nonsense" })).toBe(401);
  expect(await statusOf({ authorization: `Bearer ${access_token}` })).toBe(200);
});

test("a body that fails its schema is 400 with the flat error, and the docs page is there", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["serve", ...ANY_PORT]);
  const refused = await fetch(`${server.url}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: server.status.publishable_key, "content-type": "application/json" },
    body: '{"email":7}',
  });
  expect(refused.status).toBe(400);
  expect(Object.keys((await refused.json()) as object)).toEqual([
    "code",
    "message",
    "details",
    "hint",
  ]);
  const openapi = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: object };
  expect(Object.keys(openapi.paths)).toContain("/auth/v1/signup");
  const page = await fetch(`${server.url}/swagger`);
  expect(page.status).toBe(200);
  const html = await page.text();
  const asset = /(?:src|href)="([^"]+\.(?:js|css))"/.exec(html)?.[1] ?? "";
  expect((await fetch(new URL(asset, `${server.url}/swagger/`))).status).toBe(200);
});

test("bunfig.toml and .env of the folder a person stands in run nothing and set nothing", async () => {
  const shop = await bench.project();
  writeFileSync(
    join(shop, "bunfig.toml"),
    'preload = ["./evil.ts"]\n[test]\npreload = ["./evil.ts"]\n',
  );
  writeFileSync(join(shop, "evil.ts"), 'require("fs").writeFileSync("evil.was.here", "");');
  writeFileSync(join(shop, ".env"), "REACTOR_SERVER__PORT=1\nREACTOR_LOG__LEVEL=debug\n");
  const server = await bench.start(shop, ["serve", ...ANY_PORT]);
  const headers = { apikey: server.status.secret_key };
  expect((await fetch(`${server.url}/fn/v1/hello`, { method: "POST", headers })).status).toBe(200);
  expect(readdirSync(shop)).not.toContain("evil.was.here");
  expect(logLines(server).filter(({ level }) => level === "debug")).toEqual([]);
  const config = await bench.run(shop, ["config", "server.port", "-o", "json"]);
  expect(config.stdout).toContain("7890");
});

test("the environment sets a setting as REACTOR_SECTION__KEY", async () => {
  const shop = await bench.project();
  const env = { REACTOR_LOG__LEVEL: "debug" };
  const { stdout } = await bench.run(shop, ["config", "log.level", "-o", "json"], { env });
  expect(stdout).toContain('"debug"');
});

describe("the ready line", () => {
  test("has the URL and the milliseconds of each step of the boot", async () => {
    const shop = await bench.project();
    const server = await bench.start(shop, ["serve", ...ANY_PORT]);
    const form = /^ready http:\/\/127\.0\.0\.1:\d+ in \d+ ms \(((?:[a-z]+ \d+(?:, )?)+)\)$/;
    const steps = form.exec(server.readyLine)?.[1]?.replace(/ \d+/g, "").split(", ");
    expect(steps).toEqual(["postgres", "schema", "mount", "services", "listen", "project"]);
    expect(server.stdout()).toBe(`${server.readyLine}\n`);
  });
});

test("`status --output json` prints one object with exactly the keys that scripts rely on", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["serve", ...ANY_PORT]);
  expect(Object.keys(server.status)).toEqual([
    "url",
    "pid",
    "publishable_key",
    "secret_key",
    "admin_token",
    "jwks_url",
    "database_url",
    "version",
    "capabilities",
  ]);
  expect(server.status).toMatchObject({ url: server.url, pid: server.pid });
  expect(server.status.database_url).toMatch(/^postgresql:\/\/postgres@\/postgres\?host=\//);
  const keys = (await (await fetch(server.status.jwks_url)).json()) as { keys: object[] };
  // The one that signs, and the next.
  expect(keys.keys).toHaveLength(2);
  const admin = await fetch(`${server.url}/_admin/version`, {
    headers: { authorization: `Bearer ${server.status.admin_token}` },
  });
  expect(admin.status).toBe(200);
});

test("`--only auth,data` mounts these and no others", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["serve", ...ANY_PORT, "--only", "auth,data"]);
  const headers = { apikey: server.status.secret_key };
  expect((await fetch(`${server.url}/fn/v1/hello`, { headers })).status).toBe(404);
  expect((await fetch(`${server.url}/data/v1/notes`, { headers })).status).toBe(200);
  expect(Object.keys(server.status.capabilities).sort()).toEqual(["auth", "data"]);
});
