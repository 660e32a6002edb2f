/** What each command does, against a server that speaks the admin contract. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createBench } from "./fake-host.ts";
import { ADMIN_TOKEN, SECRET_KEY, startFakeServer } from "./fake-server.ts";

const bench = createBench();
const server = startFakeServer();
server.announce(join(bench.dir, ".reactor"));
const project = join(bench.dir, "shop");
afterAll(() => {
  server.stop();
  bench.remove();
});
beforeEach(() => {
  server.calls.length = 0;
  server.deploys.length = 0;
  server.parts.clear();
  server.answers.clear();
  server.failFunctions = null;
});

/** A fresh project made by `init`, whose server is the fake one. */
async function newProject(): Promise<void> {
  rmSync(project, { recursive: true, force: true });
  await bench.run(["init", "shop"]);
  server.announce(join(project, ".reactor"));
}

describe("init", () => {
  test("makes a project, and its next steps", async () => {
    rmSync(project, { recursive: true, force: true });
    const { exit, json } = await bench.run(["init", "shop"]);
    expect(exit).toBe(0);
    expect(json()["data"]).toEqual({
      project,
      files: [
        "reactor.toml",
        "functions/hello.ts",
        "migrations/0001_notes.sql",
        ".gitignore",
        "README.md",
      ],
      next: ["cd shop", "reactor dev"],
    });
    const sql = readFileSync(join(project, "migrations/0001_notes.sql"), "utf8");
    expect(sql).toContain("enable row level security");
    expect(sql.match(/create policy/g)?.length).toBe(4);
    const hello = (await import(join(project, "functions/hello.ts"))).default as {
      fetch(request: Request): Promise<Response>;
    };
    const call = new Request("http://localhost/", { method: "POST", body: '{"name":"Ada"}' });
    expect(await (await hello.fetch(call)).json()).toEqual({ message: "Hello, Ada!" });
    expect((await bench.run(["config", "--changed"], { cwd: project })).json()).toMatchObject({
      data: { file: join(project, "reactor.toml"), values: [] },
    });
  });

  test("refuses a folder that is not empty, and with --force keeps what is there", async () => {
    await newProject();
    writeFileSync(join(project, "README.md"), "mine");
    const refused = await bench.run(["init", "shop"]);
    expect(refused.exit).toBe(1);
    expect(refused.json()).toMatchObject({ error: { code: "folder_not_empty" } });
    rmSync(join(project, "reactor.toml"));
    const forced = await bench.run(["init", "--force"], { cwd: project });
    expect(forced.json()).toMatchObject({
      data: { files: ["reactor.toml"], next: ["reactor dev"] },
    });
    expect(readFileSync(join(project, "README.md"), "utf8")).toBe("mine");
  });
});

describe("status, stop, doctor, config, logs", () => {
  test("status prints one flat object for scripts and a table for people", async () => {
    const { stdout, json } = await bench.run(["status"]);
    expect(Object.keys(json())).toEqual([
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
    expect(json()["admin_token"]).toBe(ADMIN_TOKEN);
    expect(stdout.trimEnd().split("\n").length).toBe(1);
    const people = await bench.run(["status"], { isTerminal: true });
    expect(people.stdout).toContain(`url              ${server.url}`);
    expect(people.stdout).toContain("capabilities     data ok");
  });

  test("stop asks for a shutdown and waits until the process is gone", async () => {
    const child = Bun.spawn(["sleep", "60"]);
    const dir = join(bench.dir, "stopping");
    server.announce(dir, child.pid);
    server.answers.set("POST /_admin/shutdown", () => {
      child.kill();
      return Response.json({ status: "stopping" }, { status: 202 });
    });
    const { exit, json } = await bench.run(["stop", "--data-dir", dir]);
    expect(exit).toBe(0);
    expect(json()["data"]).toEqual({ stopped: true, url: server.url, pid: child.pid });
    expect(child.killed || child.signalCode !== null).toBe(true);
  });

  test("stop says when the server is still there after the wait", async () => {
    const dir = join(bench.dir, "staying");
    server.announce(dir, process.pid);
    const { exit, json } = await bench.run(["stop", "--data-dir", dir, "--timeout", "0.05"]);
    expect(exit).toBe(5);
    expect(json()).toMatchObject({ error: { code: "still_running" } });
  });

  test("stop of a server elsewhere waits until it no longer answers", async () => {
    const other = startFakeServer();
    other.answers.set("GET /_admin/version", () => {
      other.stop();
      return new Response();
    });
    const argv = ["stop", "--url", other.url, "--token", ADMIN_TOKEN];
    expect((await bench.run(argv)).exit).toBe(0);
    expect(other.calls).toContain("GET /_admin/version as admin");
  });

  test("doctor shows findings with hints; a failed one is exit code 5", async () => {
    const warned = await bench.run(["doctor"], { isTerminal: true, env: { NO_COLOR: "1" } });
    expect(warned.exit).toBe(0);
    expect(warned.stdout).toBe("! disk  Low\n        Free some\n");
    const checks = [{ name: "keys", status: "failed", message: "Gone", hint: null }];
    server.answers.set("GET /_admin/doctor", () => Response.json({ status: "failed", checks }));
    const failed = await bench.run(["doctor"]);
    expect(failed.exit).toBe(5);
    expect(failed.json()).toMatchObject({ ok: true, data: { status: "failed" } });
  });

  test("config shows value and origin, of one key or section, here or of the server", async () => {
    const env = { REACTOR_ADMIN__TOKEN: "hunter2", REACTOR_SERVER__PORT: "81" };
    const changed = await bench.run(["config", "--changed"], { env });
    expect(changed.json()["data"]).toMatchObject({
      values: [
        { key: "server.port", value: 81, origin: "env:REACTOR_SERVER__PORT" },
        { key: "admin.token", value: "********", origin: "env:REACTOR_ADMIN__TOKEN" },
      ],
    });
    const one = await bench.run(["config", "server.port"], { isTerminal: true });
    expect(one.stdout).toBe("server.port  7890  default\n");
    const section = await bench.run(["config", "server.cors"]);
    expect((section.json()["data"] as { values: unknown[] }).values.length).toBe(4);
    expect((await bench.run(["config", "server.prot"])).json()).toMatchObject({
      error: { code: "setting_not_found", hint: "Did you mean server.port?" },
    });
    expect((await bench.run(["config", "--server"])).json()["data"]).toEqual({
      file: null,
      values: [{ key: "server.port", value: 1, origin: "flag" }],
    });
  });

  test("config with faults is exit code 2 and names them all", async () => {
    const env = { REACTOR_SERVER__PORT: "x", REACTOR_SERVER__HOSST: "y" };
    const { exit, json } = await bench.run(["config"], { env });
    expect(exit).toBe(2);
    const { message } = json()["error"] as { message: string };
    expect(message).toContain("REACTOR_SERVER__PORT");
    expect(message).toContain("did you mean REACTOR_SERVER__HOST?");
  });

  test("logs are filtered by the server, printed as an envelope or as text", async () => {
    const argv = ["logs", "--level", "warn", "--since", "2026-01-01T00:00:00Z", "--limit", "5"];
    const { json } = await bench.run([...argv, "--capability", "data"]);
    expect((json()["data"] as { lines: unknown[] }).lines.length).toBe(2);
    expect(server.calls[0]).toBe(
      "GET /_admin/logs?level=warn&capability=data&since=2026-01-01T00%3A00%3A00.000Z&limit=5 as admin",
    );
    const text = await bench.run(["logs"], { isTerminal: true, env: { NO_COLOR: "1" } });
    expect(text.stdout).toMatch(
      /INFO {2}boot\.ready +ms=12\n.* WARN {2}data\.slow +capability=data\n$/,
    );
  });

  test("logs since longer ago than there is time are all of them", async () => {
    const { exit } = await bench.run(["logs", "--since", "999999999d"]);
    expect(exit).toBe(0);
    expect(server.calls[0]).toContain("since=1970-01-01T00%3A00%3A00.000Z");
  });

  test("followed logs are one line each, and end with the stream", async () => {
    const { exit, stdout } = await bench.run(["logs", "-f"]);
    expect(exit).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.event)).toEqual(["boot.ready", "data.slow"]);
  });

  test("Ctrl-C ends following without a failure", async () => {
    const aborter = new AbortController();
    server.answers.set("GET /_admin/logs", () => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(": open\n\n"));
          queueMicrotask(() => aborter.abort());
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
    const { exit } = await bench.run(["logs", "-f"], { interrupted: aborter.signal });
    expect([0, 130]).toContain(exit);
  });
});

describe("deploy and migrate", () => {
  test("deploy uploads only what the server lacks, by sha256", async () => {
    await newProject();
    const first = await bench.run(["deploy"], { cwd: project });
    expect(first.exit).toBe(0);
    expect(first.json()).toMatchObject({ ok: true, data: { status: "complete" } });
    expect(server.deploys.length).toBe(2);
    expect(server.deploys[0]).toMatchObject({
      dry_run: false,
      whole: true,
      migrations: [{ name: "0001_notes" }],
      sections: { functions: [{ name: "hello", settings: { runtime: "bun" } }] },
    });
    for (const [sha256, bytes] of server.parts) {
      expect(new Bun.CryptoHasher("sha256").update(bytes).digest("hex")).toBe(sha256);
    }
    expect(server.parts.size).toBe(2);
    server.calls.length = 0;
    writeFileSync(join(project, "functions", "second.ts"), "export default () => new Response();");
    await bench.run(["deploy"], { cwd: project });
    expect(server.calls.filter((call) => call.startsWith("PUT")).length).toBe(1);
  });

  test("a dry run uploads nothing", async () => {
    await newProject();
    const { json } = await bench.run(["deploy", "--dry-run"], { cwd: project });
    expect(json()).toMatchObject({ data: { status: "planned" } });
    expect(server.parts.size).toBe(0);
    const text = await bench.run(["deploy", "--dry-run"], {
      cwd: project,
      isTerminal: true,
      env: { NO_COLOR: "1" },
    });
    expect(text.stdout).toMatch(
      /^migrations planned\n {2}create {2}0001_notes \w{12}\nfunctions planned\n {2}create {2}hello \w{12}\n$/,
    );
  });

  test("a partial deploy is told as it is: 4 for the project's fault, 5 for the server's", async () => {
    await newProject();
    server.failFunctions = { code: "function_invalid", message: "no export" };
    const mine = await bench.run(["deploy"], { cwd: project });
    expect(mine.exit).toBe(4);
    expect(mine.json()).toMatchObject({
      ok: false,
      error: { code: "function_invalid" },
      data: { status: "partial", phases: [{ status: "complete" }, { status: "failed" }] },
    });
    const one = await bench.run(["fn", "deploy", "hello"], { cwd: project });
    const hint = "What is complete stays; `reactor fn deploy hello` again goes on from here";
    expect(one.json()).toMatchObject({ error: { hint } });
    server.failFunctions = { code: "internal_error", message: "x" };
    expect((await bench.run(["deploy"], { cwd: project })).exit).toBe(5);
  });

  test("a project with faults is not sent", async () => {
    await newProject();
    writeFileSync(join(project, "migrations", "notes.sql"), "select 1");
    writeFileSync(join(project, "functions", "Bad Name.ts"), "");
    const { exit, json } = await bench.run(["deploy"], { cwd: project });
    expect(exit).toBe(4);
    const { message } = json()["error"] as { message: string };
    expect(message).toContain("notes.sql");
    expect(message).toContain("Bad Name.ts");
    expect(server.calls).toEqual([]);
  });

  test("a folder without a project is exit code 2", async () => {
    const { exit, json } = await bench.run(["deploy"]);
    expect(exit).toBe(2);
    expect(json()).toMatchObject({ error: { code: "project_not_found" } });
  });

  test("a server that keeps losing parts does not make deploy loop", async () => {
    await newProject();
    server.answers.set("POST /_admin/deploy", async (request) => {
      const body = (await request.json()) as { migrations: { sha256: string }[] };
      const missing = body.migrations.map(({ sha256 }) => sha256);
      return Response.json({ deploy_id: "d", status: "needs_parts", missing, phases: [] });
    });
    expect((await bench.run(["deploy"], { cwd: project })).exit).toBe(5);
  });

  test("migrate sends the project's files in order", async () => {
    await newProject();
    writeFileSync(join(project, "migrations", "0002_more.sql"), "select 2");
    let sent: unknown;
    server.answers.set("POST /_admin/migrate", async (request) => {
      sent = await request.json();
      const applied = [{ area: "app", name: "0002_more", ms: 1.4 }];
      return Response.json({ status: "complete", applied, pending: [], missing: [] });
    });
    const { stdout } = await bench.run(["migrate", "--dry-run"], {
      cwd: project,
      isTerminal: true,
    });
    expect(stdout).toBe("applied  0002_more  1 ms\n");
    expect(sent).toMatchObject({
      dry_run: true,
      migrations: [{ name: "0001_notes" }, { name: "0002_more", sql: "select 2" }],
    });
  });

  test("a refused migration keeps the server's code", async () => {
    await newProject();
    const refusal = { code: "migration_drift", message: "Changed", details: "0001", hint: null };
    server.answers.set("POST /_admin/migrate", () => Response.json(refusal, { status: 409 }));
    const { exit, json } = await bench.run(["migrate"], { cwd: project });
    expect(exit).toBe(4);
    expect(json()).toMatchObject({ error: { code: "migration_drift", message: "Changed: 0001" } });
  });
});

describe("fn", () => {
  test("list asks with the secret key, which it learns from the server", async () => {
    const { json } = await bench.run(["fn", "list"]);
    expect(json()).toMatchObject({ data: { functions: [{ name: "hello" }] } });
    expect(server.calls).toEqual([
      "GET /_admin/status as admin",
      "GET /fn/v1/_admin?limit=1000 as key",
    ]);
    server.calls.length = 0;
    await bench.run(["fn", "list", "--url", server.url, "--token", SECRET_KEY]);
    expect(server.calls).toEqual(["GET /fn/v1/_admin?limit=1000 as key"]);
  });

  test("list follows the pages to the end", async () => {
    server.answers.set("GET /fn/v1/_admin", (request) => {
      const isSecond = new URL(request.url).searchParams.get("after") === "a";
      return Response.json(
        isSecond
          ? { functions: [{ name: "b" }], next: null }
          : { functions: [{ name: "a" }], next: "a" },
      );
    });
    const { json } = await bench.run(["fn", "list"]);
    expect(json()["data"]).toEqual({ functions: [{ name: "a" }, { name: "b" }] });
  });

  test("deploy sends the functions named and no migrations", async () => {
    await newProject();
    writeFileSync(join(project, "functions", "second.ts"), "export default () => new Response();");
    await bench.run(["fn", "deploy", "second"], { cwd: project });
    expect(server.deploys.at(-1)).toMatchObject({
      whole: false,
      migrations: [],
      sections: { functions: [{ name: "second" }] },
    });
    const { json } = await bench.run(["fn", "deploy", "secnod"], { cwd: project });
    expect(json()).toMatchObject({ error: { hint: "Did you mean second?" } });
  });

  test("invoke sends text, a file or standard input, and prints the bytes that come back", async () => {
    const people = { isTerminal: true, env: { NO_COLOR: "1" } };
    const bytes = Uint8Array.from([0, 255, 10]);
    writeFileSync(join(bench.dir, "in.bin"), bytes);
    expect((await bench.run(["fn", "invoke", "echo", "-d", "hi"], people)).stdout).toBe("hi");
    const piped = await bench.run(["fn", "invoke", "echo", "-d", "-"], { ...people, stdin: "in" });
    expect(piped.stdout).toBe("in");
    const file = await bench.run(["fn", "invoke", "echo", "--data", "@in.bin"]);
    expect(file.json()["data"]).toMatchObject({ status: 200, body: "AP8K", encoding: "base64" });
    const json = await bench.run(["fn", "invoke", "echo", "--data", '{"a":1}']);
    expect(json.json()["data"]).toMatchObject({ body: { a: 1 } });
    server.calls.length = 0;
    await bench.run(["fn", "invoke", "echo/sub path", "--anon", "-X", "get"]);
    expect(server.calls).toEqual(["GET /fn/v1/echo/sub%20path as nobody"]);
    await bench.run(["fn", "invoke", "echo/a?b=c/d&e=#1", "--anon", "-X", "get"]);
    expect(server.calls.at(-1)).toBe("GET /fn/v1/echo/a?b=c/d&e=%231 as nobody");
  });

  test("invoke prints an answer as it comes, and one that breaks off is no defect of the command", async () => {
    const people = { isTerminal: true, env: { NO_COLOR: "1" } };
    const printed = Promise.withResolvers<void>();
    const breaking = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode("data: 1\n\n"));
        await printed.promise;
        controller.error(new Error("planted"));
      },
    });
    server.answers.set("POST /fn/v1/streams", () => new Response(breaking));
    const onShown = (text: string) => {
      if (text.includes("data: 1")) printed.resolve();
    };
    const broken = await bench.run(["fn", "invoke", "streams"], { ...people, onShown });
    expect(broken).toMatchObject({ stdout: "data: 1\n\n", exit: 6 });
    expect(broken.stderr).not.toContain("defect");
  });

  test("invoke fails when the function does", async () => {
    const broken = await bench.run(["fn", "invoke", "broken"]);
    expect(broken.exit).toBe(5);
    expect(broken.json()).toMatchObject({ ok: false, error: { code: "function_failed" } });
    expect((await bench.run(["fn", "invoke", "absent"])).exit).toBe(1);
    expect((await bench.run(["fn", "invoke", "echo", "-d", "@absent"])).exit).toBe(1);
  });

  test("logs cannot drive the terminal, rollback names the version", async () => {
    const aborter = new AbortController();
    const logs = await bench.run(["fn", "logs", "hello", "-f"], {
      isTerminal: true,
      interrupted: aborter.signal,
      onShown: (text) => void (text.includes("asking again") && aborter.abort()),
    });
    expect(logs.stdout).toContain("hi\\u001b[2J");
    const back = await bench.run(["fn", "rollback", "hello", "--version", "abc"], {
      isTerminal: true,
    });
    expect(back.stdout).toBe("hello is at abc\n");
    expect(server.calls).toContain("POST /fn/v1/_admin/hello/rollback as key");
  });
});

describe("backup and restore", () => {
  test("a backup appears whole, readable by its owner only", async () => {
    const { exit, json } = await bench.run(["backup", "a.backup"]);
    const path = join(bench.dir, "a.backup");
    expect(exit).toBe(0);
    expect(json()["data"]).toEqual({ file: path, size_bytes: 12 });
    expect(readFileSync(path, "utf8")).toBe("backup-bytes");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await bench.run(["backup", "a.backup"])).json()).toMatchObject({
      error: { code: "file_exists" },
    });
    expect((await bench.run(["backup", "a.backup", "--force"])).exit).toBe(0);
    const named = await bench.run(["backup"]);
    const { file } = named.json()["data"] as { file: string };
    expect(file).toMatch(/\/reactor-\d{8}-\d{6}\.backup$/);
  });

  test.each(["content-length: 1000\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"])(
    "a backup that is cut off leaves nothing behind: %j",
    async (answer) => {
      const listener = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          data(socket) {
            socket.end(`HTTP/1.1 200 OK\r\n${answer}`);
          },
        },
      });
      const url = ["--url", `http://127.0.0.1:${listener.port}`, "--token", ADMIN_TOKEN];
      const { exit } = await bench.run(["backup", "cut.backup", ...url]);
      listener.stop(true);
      expect(exit).toBe(6);
      expect(readdirSync(bench.dir).filter((name) => name.startsWith("cut"))).toEqual([]);
    },
  );

  test("restore needs a file and an empty folder", async () => {
    const file = join(bench.dir, "r.backup");
    writeFileSync(file, "x");
    expect((await bench.run(["restore", "r.backup"])).json()).toMatchObject({
      error: { code: "missing_value", message: "--data-dir DIR is needed" },
    });
    expect((await bench.run(["restore", "absent", "--data-dir", "new"])).exit).toBe(1);
    mkdirSync(join(bench.dir, "full"), { recursive: true });
    writeFileSync(join(bench.dir, "full", "x"), "");
    expect((await bench.run(["restore", "r.backup", "--data-dir", "full"])).json()).toMatchObject({
      error: { code: "data_dir_not_empty" },
    });
    const { json } = await bench.run(["restore", "r.backup", "--data-dir", "new"]);
    const dataDir = join(bench.dir, "new");
    expect(json()["data"]).toEqual({ data_dir: dataDir, tables: 3 });
    expect(bench.restored[0]).toMatchObject({ file, dataDir });
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe("types", () => {
  const types = () =>
    server.answers.set("GET /data/v1/_types", () => new Response("export type Json = string\n"));

  test("are asked for with the secret key and printed as they are", async () => {
    types();
    const { exit, stdout } = await bench.run(["types", "--schemas", "public,crew"]);
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: "export type Json = string\n" });
    expect(server.calls).toContain(
      "GET /data/v1/_types?lang=typescript&schemas=public%2Ccrew as key",
    );
    expect((await bench.run(["types", "-o", "json"])).json()).toEqual({
      ok: true,
      data: { types: "export type Json = string\n" },
    });
  });

  test("are written to a file, in a folder that is made", async () => {
    types();
    const path = join(bench.dir, "made/by/types.ts");
    expect((await bench.run(["types", "--file", "made/by/types.ts"])).exit).toBe(0);
    expect(readFileSync(path, "utf8")).toBe("export type Json = string\n");
    const refused = await bench.run(["types", "--file", "made/by/types.ts/x", "-o", "json"]);
    expect(refused.exit).toBe(1);
    expect(refused.json()).toMatchObject({ error: { code: "file_unwritable" } });
  });

  test("without keys they are asked for as nobody, or with a token of the database's own", async () => {
    const asked: (string | null)[] = [];
    server.answers.set("GET /_admin/status", () => Response.json({ secret_key: "" }));
    server.answers.set("GET /data/v1/_types", ({ headers }) => {
      asked.push(headers.get("authorization"));
      return new Response("export type Json = string\n");
    });
    expect((await bench.run(["types"])).exit).toBe(0);
    expect((await bench.run(["types", "--token", "eyJhbGci.eyJyb2xl.c2ln"])).exit).toBe(0);
    expect(asked).toEqual([null, "Bearer eyJhbGci.eyJyb2xl.c2ln"]);
    server.answers.delete("GET /_admin/status");
  });

  test("a refusal is told", async () => {
    server.answers.set("GET /data/v1/_types", () =>
      Response.json({ code: "types_schema_unknown", message: "No" }, { status: 400 }),
    );
    const { exit, stdout, json } = await bench.run(["types", "-o", "json"]);
    expect(exit).toBe(4);
    expect(json()).toMatchObject({ error: { code: "types_schema_unknown" } });
    expect(stdout).not.toContain("export");
  });
});
