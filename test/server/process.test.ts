/** The server as a process: how a boot fails, what signals do, in which order all of it ends. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { openDirect } from "../../src/postgres/databases.ts";
import { silentLog } from "../support/postgres.ts";
import { sliceOf } from "../support/slices.ts";
import { until } from "../support/until.ts";
import { selfSigned } from "./self-signed.ts";
import { processBench } from "./server-process.ts";

setDefaultTimeout(90_000);
const bench = processBench();

/** One sentence on what is wrong, without a stack. */
function message(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith('{"time"'));
  expect(lines.join("\n")).not.toMatch(/^\s+at /m);
  return lines.join("\n");
}

describe("a boot that fails", () => {
  test("on its configuration names every fault, and has touched nothing", async () => {
    const server = bench.serve({ toml: '[server]\nport = "many"\nhots = "a"\n' });
    const { code, stderr } = await server.ended();
    expect(code).toBe(2);
    expect(message(stderr)).toMatch(/port/);
    expect(message(stderr)).toMatch(/hots/);
    expect(existsSync(server.dataDir)).toBe(false);
  });

  test("on policies that do not do what their tests say names each, and has touched nothing", async () => {
    const toml = `[[policies]]
name = "closed"
effect = "allow"
actions = ["functions:hello:invoke"]
when = "false"
[[policies.tests]]
name = "everybody"
action = "functions:hello:invoke"
expect = "allow"
[[policies]]
name = "typo"
effect = "deny"
actions = ["functions:hello:invoke"]
when = "principal.orgrole == 1"
`;
    const server = bench.serve({ toml });
    const { code, stderr } = await server.ended();
    expect(code).toBe(2);
    expect(message(stderr)).toContain("policy 'closed': test 'everybody': expected allow");
    expect(message(stderr)).toContain("did you mean principal.org_role?");
    expect(existsSync(server.dataDir)).toBe(false);
  });

  test("on what it needs and has not, has started nothing", async () => {
    const server = bench.serve({ args: ["--only", "data"] });
    const { code, stderr } = await server.ended();
    expect(code).toBe(2);
    expect(message(stderr)).toContain("data needs 'auth', which nothing here provides");
    expect(message(stderr)).toContain("[auth] url");
    expect(existsSync(server.dataDir)).toBe(false);
  });

  test.each([
    ["is not there", () => undefined],
    ["is none", (path: string) => writeFileSync(path, "no certificate")],
  ])("on a certificate that %s leaves nothing running", async (_what, make) => {
    const cwd = bench.folder();
    const [cert, key] = [join(cwd, "a.pem"), join(cwd, "a.key")];
    for (const path of [cert, key]) make(path);
    const env = { REACTOR_SERVER__TLS__CERT: cert, REACTOR_SERVER__TLS__KEY: key };
    const server = bench.serve({ cwd, env });
    const { code, stderr } = await server.ended();
    expect(code).toBe(2);
    expect(message(stderr)).toMatch(/certificate|cannot be listened on/i);
    expect(await server.leftOver()).toEqual([]);
    expect(server.hasServerFile()).toBe(false);
  });

  test("on a port that is taken says so, and leaves nothing running", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    const server = bench.serve({ args: ["--port", String(port)] });
    const { code, stderr } = await server.ended();
    other.close();
    expect(code).toBe(2);
    expect(message(stderr)).toContain(
      `127.0.0.1:${port} cannot be listened on: another program does already`,
    );
    expect(await server.leftOver()).toEqual([]);
    expect(server.hasServerFile()).toBe(false);
  });
});

test("its thread is let in before others, where the kernel takes a wish for it", async () => {
  const server = bench.serve();
  const { pid } = await server.ready();
  // Where it does not, nothing is told of any thread.
  const told = sliceOf("self") !== null;
  expect(sliceOf(pid)).toBe(told ? 100_000 : null);
  await server.stop();
});

describe("signals", () => {
  test("SIGTERM ends all in order: answers and streams, services, PostgreSQL; nothing stays", async () => {
    const server = bench.serve({ args: ["--log-level", "debug"] });
    const { url, admin_token } = await server.ready();
    expect(server.hasServerFile()).toBe(true);
    const headers = { authorization: `Bearer ${admin_token}`, "content-type": "application/json" };
    const follow = await fetch(`${url}/_admin/logs?follow=1`, { headers });
    const migrations = [{ name: "0001_slow", sql: "select pg_sleep(1.5)" }];
    const slow = fetch(`${url}/_admin/migrate`, {
      method: "POST",
      headers,
      body: JSON.stringify({ migrations }),
    });
    const { database_url } = (await (await fetch(`${url}/_admin/status`, { headers })).json()) as {
      database_url: string;
    };
    const sql = openDirect(database_url, silentLog);
    await until("the migration to run", async () => {
      const rows =
        await sql`select 1 from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()`;
      return rows.length > 0;
    });
    await sql.end();
    const { code } = await server.stop();
    expect(code).toBe(0);
    expect((await slow).status).toBe(200);
    // A stream that would go on for ever ended with the listener, not with the process.
    expect(await follow.text()).toContain("server.stopping");
    const at = (what: string) => server.stderr.lastIndexOf(what);
    const order = ["server.stopping", "/_admin/migrate", "received fast shutdown request"];
    order.push("database system is shut down", "server.stopped");
    expect(order.map(at)).toEqual(order.map(at).sort((left, right) => left - right));
    expect(order.map(at)).not.toContain(-1);
    expect(server.stderr).not.toContain("_failed");
    expect(server.hasServerFile()).toBe(false);
    expect(await server.leftOver()).toEqual([]);
  });

  test("SIGTERM during the boot ends it in order, and a second one at once", async () => {
    const patient = bench.serve();
    await until("its data folder", () => existsSync(patient.dataDir));
    const { code, stdout } = await patient.stop();
    // Before its handlers stand the signal ends the process; after that the boot is undone.
    expect([0, 143]).toContain(code);
    expect(stdout).not.toContain("ready");
    expect(patient.hasServerFile()).toBe(false);
    expect(await patient.leftOver()).toEqual([]);
    const hasty = bench.serve();
    await until("its data folder", () => existsSync(hasty.dataDir));
    hasty.kill("SIGTERM");
    hasty.kill("SIGTERM");
    expect((await hasty.ended()).stdout).not.toContain("ready");
    expect(await hasty.leftOver()).toEqual([]);
  });

  test("SIGUSR1 reads the schema again, at any time, and ends nothing", async () => {
    const server = bench.serve();
    await until("its data folder", () => existsSync(server.dataDir));
    server.kill("SIGUSR1");
    const { url } = await server.ready();
    const count = (event: string) => server.events().filter((seen) => seen === event).length;
    await until("the first load", () => count("data.schema_loaded") > 0);
    const before = count("data.schema_loaded");
    server.kill("SIGUSR1");
    await until("another load", () => count("server.refreshed") === 1);
    expect(count("data.schema_loaded")).toBeGreaterThan(before);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await server.stop()).code).toBe(0);
  });

  test("SIGTERM ends one whose database is somebody else's and away", async () => {
    const server = bench.serve({
      args: ["--only", "data"],
      toml: '[data]\ndb_uri = "postgres://nobody@127.0.0.1:1/none"\n',
    });
    const { url } = await server.ready();
    expect((await fetch(`${url}/health`)).status).toBe(503);
    expect((await fetch(`${url}/data/v1/films`)).status).toBe(503);
    expect(readdirSync(server.dataDir).sort()).toEqual(["admin.token", "server.json"]);
    expect((await server.stop()).code).toBe(0);
    expect(await server.leftOver()).toEqual([]);
  });

  test("SIGUSR2 goes on with the changed file, and with the old one when that is no good", async () => {
    const cwd = bench.folder();
    const put = (origin: string) =>
      writeFileSync(
        join(cwd, "reactor.toml"),
        `[data]\nserver_cors_allowed_origins = "${origin}"\n`,
      );
    put("https://before.test");
    const server = bench.serve({ cwd });
    const { url } = await server.ready();
    const allows = async (origin: string) => {
      const response = await fetch(`${url}/data/v1/none`, { headers: { origin } });
      return response.headers.get("access-control-allow-origin") === origin;
    };
    expect(await allows("https://before.test")).toBe(true);
    put("https://after.test");
    server.kill("SIGUSR2");
    const count = (event: string) => server.events().filter((seen) => seen === event).length;
    await until("it is read", () => count("server.reconfigured") === 1);
    expect([await allows("https://before.test"), await allows("https://after.test")]).toEqual([
      false,
      true,
    ]);
    writeFileSync(join(cwd, "reactor.toml"), "[data]\njwt_secret = 'short'\n");
    server.kill("SIGUSR2");
    await until("it is refused", () => count("server.not_reconfigured") === 1);
    expect(await allows("https://after.test")).toBe(true);
    writeFileSync(
      join(cwd, "reactor.toml"),
      '[[policies]]\nname = "none"\neffect = "deny"\nactions = ["functions:x:invoke"]\nwhen = "nobody"\n',
    );
    server.kill("SIGUSR2");
    await until("its policies are refused", () => count("server.not_reconfigured") === 2);
    expect((await server.stop()).code).toBe(0);
  });

  test("SIGUSR2 reads a reactor.toml that came after the start", async () => {
    const cwd = bench.folder();
    mkdirSync(join(cwd, "migrations"));
    const server = bench.serve({ cwd });
    const { url } = await server.ready();
    const allowed = async () => {
      const headers = { origin: "https://app.test" };
      const response = await fetch(`${url}/data/v1/none`, { headers });
      return response.headers.get("access-control-allow-origin");
    };
    expect(await allowed()).toBe("*");
    const toml = '[data]\nserver_cors_allowed_origins = "https://app.test"\n';
    writeFileSync(join(cwd, "reactor.toml"), toml);
    server.kill("SIGUSR2");
    await until("it is read", () => server.events().includes("server.reconfigured"));
    expect(await allowed()).toBe("https://app.test");
    expect((await server.stop()).code).toBe(0);
  });

  test("SIGHUP without TLS is the end of a terminal: an orderly stop", async () => {
    const server = bench.serve();
    await server.ready();
    server.kill("SIGHUP");
    expect((await server.ended()).code).toBe(0);
    expect(await server.leftOver()).toEqual([]);
  });

  test("SIGHUP with TLS takes the new certificate, and keeps the old when the new is none", async () => {
    const cwd = bench.folder();
    const [cert, key] = [join(cwd, "a.pem"), join(cwd, "a.key")];
    const put = (pair: { cert: string; key: string }) => {
      writeFileSync(cert, pair.cert);
      writeFileSync(key, pair.key);
    };
    const pairs = ["one.test", "two.test"].map(selfSigned);
    const [one, two] = pairs;
    if (!one || !two) throw new Error("two certificates");
    put(one);
    const env = { REACTOR_SERVER__TLS__CERT: cert, REACTOR_SERVER__TLS__KEY: key };
    const server = bench.serve({ cwd, env });
    const { url } = await server.ready();
    expect(url).toStartWith("https://");
    const port = Number(new URL(url).port);
    const ca = pairs.map((pair) => pair.cert);
    const name = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connectTls({ port, host: "127.0.0.1", ca }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on("error", reject);
      });
    const count = (event: string) => server.events().filter((seen) => seen === event).length;
    expect(await name()).toBe("one.test");
    writeFileSync(cert, "no certificate");
    server.kill("SIGHUP");
    await until("the refusal", () => count("server.certificates_not_reloaded") === 1);
    expect(await name()).toBe("one.test");
    put(two);
    server.kill("SIGHUP");
    await until("the swap", () => count("server.certificates_reloaded") === 1);
    for (let n = 0; n < 5; n += 1) expect(await name()).toBe("two.test");
    const health = await fetch(`${url}/health`, { tls: { ca } });
    expect(health.status).toBe(200);
    expect((await server.stop()).code).toBe(0);
  });
});

test("a second server on the data folder is refused with a database elsewhere too", async () => {
  const first = bench.serve();
  await first.ready();
  const status = await bench.run(["status", "--data-dir", first.dataDir, "--output", "json"]);
  const text = JSON.parse(status.stdout) as {
    data?: { database_url: string };
    database_url?: string;
  };
  const database = text.data?.database_url ?? text.database_url ?? "";
  const cwd = bench.folder();
  const env = {
    REACTOR_DATABASE__URL: database,
    REACTOR_VAULT__KEY: readFileSync(join(first.dataDir, "vault.key"), "utf8").trim(),
  };
  const second = bench.serve({ cwd, env });
  const { url } = await second.ready();
  const third = bench.serve({ cwd, env });
  const { code, stderr } = await third.ended();
  expect(code).toBe(2);
  expect(message(stderr)).toContain("Another Reactor is using the data folder");
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(second.serverFile().url).toBe(url);
  expect((await second.stop()).code).toBe(0);
});
