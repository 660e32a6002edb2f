/** `reactor login --device` against a whole server: a code on one machine, a person on another. */
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SavedLogin } from "../../src/cli/contexts.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type Bench, createBench } from "./fake-host.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

const PASSWORD = "correct horse battery";
const EMAIL = "ada@example.test";
let server: TestServer;
let bench: Bench;
let token: string;

beforeAll(async () => {
  server = await startTestServer({ project: "test/fixtures/project" });
  const { access_token: made } = await post("/signup", { email: EMAIL, password: PASSWORD });
  token = made as string;
});
afterAll(() => server.stop());
beforeEach(() => {
  bench = createBench();
});
afterEach(() => bench.remove());

async function post(path: string, body: object, bearer?: string): Promise<Record<string, unknown>> {
  const authorization = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
  const answer = await fetch(`${server.url}/auth/v1${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...authorization },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as Record<string, unknown>;
}

/** A clock on which waiting takes no time, and lets others act. */
function clockThat(act: (waitedMs: number) => Promise<void>, aheadMs = 0): Clock {
  return {
    ...systemClock,
    now: () => systemClock.now() + aheadMs,
    monotonic: () => systemClock.monotonic(),
    after: (ms, run) => systemClock.after(ms, run),
    every: (ms, run) => systemClock.every(ms, run),
    sleep: (ms) => act(ms),
  };
}

/** Runs the command while a person elsewhere answers with `action`. */
function logIn(action: "approve" | "deny", argv: readonly string[] = []) {
  let shown = "";
  const waits: number[] = [];
  const clock = clockThat(async (ms) => {
    waits.push(ms);
    if (waits.length < 2) return;
    const code = /[A-Z]{4}-[A-Z]{4}/.exec(shown)?.[0] ?? "";
    await post("/oauth/device", { user_code: code, action }, token);
  });
  const onShown = (text: string) => {
    shown += text;
  };
  const run = bench.run(["login", "--device", "--url", server.url, ...argv], {
    host: { clock },
    onShown,
  });
  return run.then((ran) => ({ ...ran, waits }));
}

function saved(): { contexts: { name: string; login?: SavedLogin }[] } {
  const path = join(bench.home, ".config/reactor/contexts.json");
  return JSON.parse(readFileSync(path, "utf8"));
}

describe("login --device", () => {
  test("shows a code, waits as it is told, and saves the login of who agreed", async () => {
    const ran = await logIn("approve", ["--context", "pi"]);
    expect(ran.exit).toBe(0);
    expect(ran.stderr).toContain(`${server.url}/auth/ui/device`);
    // Asked at once after the first wait, the server says to slow down from then on.
    expect(ran.waits[0]).toBe(5_000);
    expect(ran.json()["data"]).toEqual({
      context: "pi",
      url: server.url,
      credential: "person",
      email: EMAIL,
    });
    const who = await bench.run(["whoami"]);
    expect(who.json()["data"]).toMatchObject({ credential: "person", email: EMAIL });
    const called = await bench.run(["fn", "invoke", "webhook", "--output", "json"]);
    expect(called.json()["data"]).toMatchObject({
      body: { caller: { role: "authenticated", claims: { scope: "openid email profile" } } },
    });
    const refused = await bench.run(["fn", "list"]);
    expect([refused.exit, (refused.json()["error"] as { code: string }).code]).toEqual([
      3,
      "service_role_required",
    ]);
    expect((await bench.run(["status"])).exit).toBe(3);
  });

  test("renews the access token before it ends, and keeps the new one", async () => {
    await logIn("approve");
    const before = saved().contexts[0]?.login;
    const later = { host: { clock: clockThat(async () => undefined, 3_590_000) } };
    expect((await bench.run(["whoami"], later)).exit).toBe(0);
    const after = saved().contexts[0]?.login;
    expect(after?.refresh_token).not.toBe(before?.refresh_token);
    expect((await bench.run(["whoami"], later)).exit).toBe(0);
  });

  test("says so when the person denied, and saves nothing", async () => {
    const ran = await logIn("deny");
    expect([ran.exit, (ran.json()["error"] as { code: string }).code]).toEqual([3, "login_denied"]);
    expect((await bench.run(["context", "list"])).json()["data"]).toEqual({ contexts: [] });
  });

  test("ends with logout, at the server too", async () => {
    await logIn("approve", ["--context", "pi"]);
    const login = saved().contexts[0]?.login;
    const out = await bench.run(["logout"]);
    expect(out.json()["data"]).toEqual({ context: "pi", logged_out: true });
    const info = await fetch(`${server.url}/auth/v1/oauth/userinfo`, {
      headers: { authorization: `Bearer ${login?.access_token}` },
    });
    expect(info.status).toBe(401);
    expect(saved().contexts).toEqual([{ name: "pi", url: server.url }] as never);
  });

  test("serves operators: an account of the role service_role manages functions", async () => {
    const email = "operator@example.test";
    const made = await post(
      "/admin/users",
      { email, password: PASSWORD, email_confirm: true, role: "service_role" },
      server.secretKey,
    );
    expect(made["role"]).toBe("service_role");
    const mine = token;
    const session = await post("/token?grant_type=password", { email, password: PASSWORD });
    token = session["access_token"] as string;
    try {
      await logIn("approve");
      expect((await bench.run(["fn", "list"])).exit).toBe(0);
    } finally {
      token = mine;
    }
  });

  test("needs a server that is reached safely", async () => {
    const ran = await bench.run(["login", "--device", "--url", "http://example.test"]);
    expect([ran.exit, (ran.json()["error"] as { code: string }).code]).toEqual([
      2,
      "insecure_target",
    ]);
  });
});
