/** `/_admin/vault` and `reactor vault` against a whole server: who may, what is refused, what is printed. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createBench } from "../cli/fake-host.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// A busy machine takes its time.
setDefaultTimeout(60_000);

const bench = createBench();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ only: ["auth"] });
});
afterAll(async () => {
  await server.stop();
  bench.remove();
});

const env = () => ({ REACTOR_URL: server.url, REACTOR_TOKEN: server.adminToken });
const run = (argv: readonly string[], more: Parameters<typeof bench.run>[1] = {}) =>
  bench.run(argv, { isTerminal: true, ...more, env: env() });
const ask = (method: string, path: string, body?: unknown, token = server.adminToken) =>
  fetch(`${server.url}/_admin/vault${path}`, {
    method,
    headers: {
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const signUp = (n: number) =>
  fetch(`${server.url}/auth/v1/signup`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: `vault-${n}@example.test`, password: "correct horse" }),
  });

describe("the routes", () => {
  test("answer the holder of the admin token, and nobody else", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/rotate"],
      ["POST", "/recovery-code"],
      ["GET", "/secrets"],
      ["PATCH", "/secrets"],
    ] as const) {
      const body = method === "GET" ? undefined : {};
      for (const token of ["", "wrong", server.secretKey, server.publishableKey]) {
        expect((await ask(method, path, body, token)).status).toBe(401);
      }
    }
    expect((await ask("GET", "")).status).toBe(200);
  });

  test.each([
    [{ key: "short" }, "vault_key_malformed"],
    [{ key: "z".repeat(64) }, "vault_key_malformed"],
    [{ passphrase: "elevenchars" }, "vault_passphrase_short"],
    [{ key: "a".repeat(64), passphrase: "twelve chars" }, "vault_choice"],
    [{ kye: "a".repeat(64) }, "validation_failed"],
    [{ key: 1 }, "validation_failed"],
  ])("refuse %p", async (body, code) => {
    const before = await (await ask("GET", "")).json();
    const response = await ask("POST", "/rotate", body);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(((await response.json()) as { code: string }).code).toBe(code);
    expect(await (await ask("GET", "")).json()).toEqual(before);
  });

  test("answer a rotation and a code that may be kept nowhere", async () => {
    const response = await ask("POST", "/recovery-code");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const { recovery_code: code } = (await response.json()) as { recovery_code: string };
    const rotated = await ask("POST", "/rotate", {});
    expect(rotated.headers.get("cache-control")).toBe("no-store");
    expect(await rotated.json()).toMatchObject({ takes_effect: "now" });
    expect(JSON.stringify(server.logs.buffer)).not.toContain(code);
  });
});

describe("reactor vault", () => {
  test("status tells where the key comes from, and nothing secret", async () => {
    const { exit, stdout } = await run(["vault", "status"]);
    expect(exit).toBe(0);
    expect(stdout).toContain("configuration");
    expect(stdout).not.toContain(server.vaultKey);
  });

  test("rotate goes on serving, and says what to do next", async () => {
    expect((await signUp(1)).status).toBe(200);
    const plain = await run(["vault", "rotate"]);
    expect([plain.exit, plain.stderr]).toEqual([0, ""]);
    expect(plain.stdout).toMatch(/Sealed \d+ secrets anew/);
    expect((await signUp(2)).status).toBe(200);
    const key = "ab".repeat(32);
    const next = await run(["vault", "rotate", "--to", "key"], { stdin: `${key}\n` });
    expect(next.exit).toBe(0);
    expect(next.stdout).toContain("Set vault.key to the new one and start the server again");
    expect(next.stdout).not.toContain(key);
    expect((await run(["vault", "status"])).stdout).toMatch(/pending +true/);
    expect((await signUp(3)).status).toBe(200);
  });

  test("rotate without a value, or with a bad one, changes nothing", async () => {
    expect((await run(["vault", "rotate", "--to", "key"], { stdin: "" })).exit).not.toBe(0);
    const bad = await run(["vault", "rotate", "--to", "key"], { stdin: "nonsense" });
    expect(bad.exit).toBe(4);
    expect(bad.stderr).not.toContain("nonsense");
    expect((await run(["vault", "rotate", "--to", "nothing"], { stdin: "x" })).exit).not.toBe(0);
  });

  test("recovery-code prints the code and nothing else", async () => {
    const { exit, stdout } = await run(["vault", "recovery-code"]);
    expect(exit).toBe(0);
    expect(stdout.trim()).toMatch(/^([0-9A-Z]{4}-){7}[0-9A-Z]{4}$/);
  });
});

describe("reactor auth keys", () => {
  test("lists, rotates and removes", async () => {
    const listed = await run(["auth", "keys", "list"]);
    expect(listed.exit).toBe(0);
    expect(listed.stdout).toMatch(/ES256 +active/);
    expect(listed.stdout).toMatch(/ES256 +next/);
    const rotated = await run(["auth", "keys", "rotate"]);
    expect([rotated.exit, rotated.stderr]).toEqual([0, ""]);
    expect(rotated.stdout).toContain("The next key signs from now on");
    const again = await run(["auth", "keys", "rotate"]);
    expect(again.exit).toBe(4);
    expect(again.stderr).toContain("has not been announced for long enough");
    expect((await run(["auth", "keys", "rotate", "--force"])).exit).toBe(0);
    const { data } = (await run(["auth", "keys", "list", "-o", "json"])).json() as {
      data: { keys: { kid: string; state: string }[] };
    };
    const old = data.keys.find((key) => key.state === "previous")?.kid ?? "";
    expect((await run(["auth", "keys", "remove", old])).exit).toBe(0);
    expect((await run(["auth", "keys", "remove", old])).exit).toBe(1);
  });
});

test("a setting that cannot work is told at the start", async () => {
  const start = (config: Record<string, Record<string, unknown>>) =>
    startTestServer({ only: ["auth"], config }).then(
      async (started) => {
        await started.stop();
        return "started";
      },
      (error: { code?: string }) => error.code,
    );
  expect(await start({ auth: { signing_algorithm: "HS256" } })).toBe("config_invalid");
  expect(await start({ vault: { passphrase: "correct horse battery" } })).toBe("config_invalid");
  expect(await start({ vault: { key: "", passphrase: "short" } })).toBe("config_invalid");
});

describe("secrets of settings", () => {
  test("are set from standard input, listed by path, changed and removed, and never shown", async () => {
    for (const value of ["first-value\n", "second-value"]) {
      const { exit, stdout } = await run(["vault", "set", "auth/github"], { stdin: value });
      expect([exit, stdout]).toEqual([0, "Set vault:auth/github\n"]);
    }
    expect((await run(["vault", "list"])).stdout).toBe("auth/github\n");
    const removed = await run(["vault", "unset", "auth/github"]);
    expect([removed.exit, removed.stdout]).toEqual([0, "Removed auth/github\n"]);
    expect((await run(["vault", "list"])).stdout).toBe("None are set\n");
    expect((await run(["vault", "set", "auth/github"], { stdin: "" })).exit).toBe(1);
    expect((await run(["vault", "set", "project/issuer"], { stdin: "x" })).exit).toBe(4);
    expect(JSON.stringify(server.logs.buffer)).not.toContain("second-value");
  });

  test.each([
    [{ "project/secret_key": "mine" }, 400, "secret_path_reserved"],
    [{ "database/authenticator": null }, 400, "secret_path_reserved"],
    [{ "functions/variables/x": "mine" }, 400, "secret_path_reserved"],
    [{ "auth/totp/x": "mine" }, 400, "secret_path_reserved"],
    [{ "good/one": "kept?", "project/issuer": "mine" }, 400, "secret_path_reserved"],
    [{ "Auth/GitHub": "x" }, 400, "secret_path_invalid"],
    [{ "../x": "x" }, 400, "secret_path_invalid"],
    [{ "good/one": "x".repeat(65_537) }, 400, "secret_value_invalid"],
    [{ "good/one": 7 }, 400, "validation_failed"],
    [{}, 400, "validation_failed"],
  ])(
    "refuse what has no place there (%#), and keep nothing of it",
    async (changes, status, code) => {
      const answer = await ask("PATCH", "/secrets", changes);
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
        status,
        code,
      ]);
      expect(await (await ask("GET", "/secrets")).json()).toEqual({ paths: [] });
    },
  );
});

test("a passphrase opens the vault of a server, and the wrong one does not", async () => {
  const vault = { key: "", passphrase: "correct horse battery" };
  const first = await startTestServer({ only: ["auth"], config: { vault } });
  try {
    const status = await fetch(`${first.url}/_admin/vault`, {
      headers: { authorization: `Bearer ${first.adminToken}` },
    });
    expect(await status.json()).toMatchObject({ source: "passphrase", roots: [1] });
    const options = { only: ["auth"], databaseUrl: first.ownerUrl };
    const second = await startTestServer({ ...options, config: { vault } });
    expect(second.secretKey).toBe(first.secretKey);
    await second.stop();
    const wrong = { key: "", passphrase: "correct horse batterie" };
    const refused = await startTestServer({ ...options, config: { vault: wrong } }).then(
      () => null,
      (error: { code?: string }) => error.code,
    );
    expect(refused).toBe("vault_key_mismatch");
  } finally {
    await first.stop();
  }
});
