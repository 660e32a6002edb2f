/** Which server a command talks to, how it logs in, and when it refuses. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { tunnelCommand } from "../../src/cli/tunnel.ts";
import { until } from "../support/until.ts";
import { createBench } from "./fake-host.ts";
import { ADMIN_TOKEN, SECRET_KEY, startFakeServer } from "./fake-server.ts";

const bench = createBench();
const server = startFakeServer();
afterAll(() => {
  server.stop();
  bench.remove();
});

const saved = join(bench.home, ".config", "reactor", "contexts.json");
beforeEach(() => {
  rmSync(saved, { force: true });
  rmSync(join(bench.dir, ".reactor"), { recursive: true, force: true });
  server.calls.length = 0;
});

describe("the server is chosen", () => {
  test("by --url, then --context, then the data folder, then the current context", async () => {
    const who = async (...argv: string[]) => {
      const { json } = await bench.run(["whoami", ...argv]);
      return (json()["data"] as { from: string } | undefined)?.from;
    };
    const url = ["--url", server.url, "--token", ADMIN_TOKEN];
    await bench.run(["context", "add", "one", ...url]);
    await bench.run(["context", "add", "two", ...url]);
    expect(await who()).toBe("context one");
    await bench.run(["context", "use", "two"]);
    expect(await who()).toBe("context two");
    server.announce(join(bench.dir, ".reactor"));
    expect(await who()).toBe(join(bench.dir, ".reactor"));
    expect(await who("--context", "one")).toBe("context one");
    expect(await who("--context", "one", ...url)).toBe("--url");
    const other = join(bench.dir, "other");
    server.announce(other);
    expect(await who("--data-dir", "other")).toBe(other);
  });

  test("by the environment where no option says otherwise", async () => {
    const env = { REACTOR_URL: server.url, REACTOR_TOKEN: ADMIN_TOKEN };
    expect((await bench.run(["whoami"], { env })).json()).toMatchObject({
      data: { from: "REACTOR_URL", credential: "admin token" },
    });
  });

  test("none: exit code 6 with what to do", async () => {
    const here = await bench.run(["status"]);
    expect(here.exit).toBe(6);
    expect(here.json()).toMatchObject({ error: { code: "server_not_found" } });
    const there = await bench.run(["status", "--data-dir", "absent"]);
    expect(there.json()).toMatchObject({ error: { code: "server_not_running" } });
    expect(there.exit).toBe(6);
  });

  test("stop never takes the current context", async () => {
    await bench.run(["login", "--url", server.url, "--token", ADMIN_TOKEN]);
    server.calls.length = 0;
    const { exit, json } = await bench.run(["stop"]);
    expect(exit).toBe(6);
    expect(json()).toMatchObject({ error: { code: "server_not_found" } });
    expect(server.calls).toEqual([]);
  });

  test("one that does not answer: exit code 6", async () => {
    const gone = startFakeServer();
    gone.stop();
    const { exit, json } = await bench.run(["status", "--url", gone.url, "--token", "x"]);
    expect(exit).toBe(6);
    expect(json()).toMatchObject({ error: { code: "connection_refused" } });
  });

  test("a server file of another user is explained", async () => {
    const dir = join(bench.dir, ".reactor");
    server.announce(dir);
    chmodSync(join(dir, "server.json"), 0);
    const { exit, json } = await bench.run(["status"]);
    if (process.getuid?.() === 0) expect(exit).toBe(0);
    else expect(json()).toMatchObject({ error: { code: "server_file_unreadable" } });
  });
});

describe("credentials", () => {
  test("a missing one is exit code 3 before anything is sent", async () => {
    const { exit, json } = await bench.run(["doctor", "--url", server.url]);
    expect(exit).toBe(3);
    expect(json()).toMatchObject({ error: { code: "auth_required" } });
    expect(server.calls).toEqual([]);
  });

  test("a wrong one is exit code 3 with the server's own code", async () => {
    const { exit, json } = await bench.run(["doctor", "--url", server.url, "--token", "wrong"]);
    expect(exit).toBe(3);
    expect(json()).toMatchObject({ error: { code: "admin_token_required", hint: "Try" } });
  });

  test("never cross a network in the clear", async () => {
    for (const url of [
      "http://example.com",
      "http://10.0.0.1:7890",
      "http://127.0.0.1.evil.test",
    ]) {
      const { exit, json } = await bench.run(["status", "--url", url, "--token", "x"]);
      expect(exit).toBe(2);
      expect(json()).toMatchObject({ error: { code: "insecure_target" } });
    }
  });

  test("are not carried to where a server redirects", async () => {
    const other = startFakeServer();
    server.answers.set("GET /_admin/status", () => Response.redirect(`${other.url}/_admin/status`));
    const { exit } = await bench.run(["status", "--url", server.url, "--token", ADMIN_TOKEN]);
    server.answers.clear();
    other.stop();
    expect(exit).toBe(5);
    expect(other.calls).toEqual([]);
  });
});

describe("login", () => {
  test("verifies the token from standard input and saves it for the owner only", async () => {
    const { exit, json } = await bench.run(["login", "--url", server.url], {
      stdin: `${ADMIN_TOKEN}\n`,
    });
    expect(exit).toBe(0);
    expect(json()).toMatchObject({ data: { context: "local", credential: "admin token" } });
    expect(statSync(saved).mode & 0o777).toBe(0o600);
    expect(statSync(join(saved, "..")).mode & 0o777).toBe(0o700);
    expect(JSON.parse(readFileSync(saved, "utf8"))).toEqual({
      current: "local",
      contexts: [{ name: "local", url: server.url, admin_token: ADMIN_TOKEN }],
    });
    expect((await bench.run(["whoami"])).json()).toMatchObject({ data: { from: "context local" } });
  });

  test("takes a secret key too, and XDG_CONFIG_HOME decides where it goes", async () => {
    const env = { XDG_CONFIG_HOME: join(bench.dir, "xdg") };
    const argv = ["login", "--url", server.url, "--context", "prod", "--token", SECRET_KEY];
    expect((await bench.run(argv, { env })).exit).toBe(0);
    expect(existsSync(join(bench.dir, "xdg", "reactor", "contexts.json"))).toBe(true);
    expect((await bench.run(["whoami"], { env })).json()).toMatchObject({
      data: { credential: "secret key", from: "context prod" },
    });
  });

  test("asks on a terminal, and only there", async () => {
    const asked = await bench.run(["login", "--url", server.url], { secret: ADMIN_TOKEN });
    expect(asked.exit).toBe(0);
    const silent = await bench.run(["login", "--url", server.url]);
    expect(silent.exit).toBe(3);
    expect(silent.json()).toMatchObject({
      error: { code: "token_missing", hint: "Give it with --token or on standard input" },
    });
  });

  test("saves nothing that the server refuses", async () => {
    const argv = ["login", "--url", server.url, "--token"];
    expect((await bench.run([...argv, "rct_admin_wrong"])).exit).toBe(3);
    expect((await bench.run([...argv, "sb_secret_wrong"])).exit).toBe(3);
    expect(existsSync(saved)).toBe(false);
  });

  test("logout forgets the credential and keeps the context", async () => {
    await bench.run(["login", "--url", server.url, "--token", ADMIN_TOKEN]);
    expect((await bench.run(["logout"])).json()).toMatchObject({ data: { logged_out: true } });
    expect(readFileSync(saved, "utf8")).not.toContain(ADMIN_TOKEN);
    expect((await bench.run(["whoami"])).exit).toBe(3);
    expect((await bench.run(["logout"])).json()).toMatchObject({ data: { logged_out: false } });
  });
});

describe("contexts", () => {
  test("are added, listed, chosen and removed, without showing tokens", async () => {
    const add = [
      "context",
      "add",
      "prod",
      "--url",
      "https://api.example.com/",
      "--token",
      "tok_12345",
    ];
    expect((await bench.run(add)).json()).toMatchObject({
      data: { name: "prod", url: "https://api.example.com", current: true },
    });
    const pi = ["--url", "http://127.0.0.1:7890", "--tunnel", "ssh://pi@pi.local"];
    await bench.run(["context", "add", "pi", ...pi]);
    const list = await bench.run(["context", "list"]);
    expect(list.json()["data"]).toEqual({
      contexts: [
        {
          name: "pi",
          url: "http://127.0.0.1:7890",
          tunnel: "ssh://pi@pi.local",
          credential: null,
          current: false,
        },
        {
          name: "prod",
          url: "https://api.example.com",
          tunnel: null,
          credential: "admin token",
          current: true,
        },
      ],
    });
    expect(list.stdout).not.toContain("tok_12345");
    expect((await bench.run(["context", "remove", "prod"])).exit).toBe(0);
    expect(JSON.parse(readFileSync(saved, "utf8"))).toMatchObject({ current: null });
  });

  test("a mistyped name is exit code 2 with the nearest one", async () => {
    await bench.run(["context", "add", "production", "--url", "https://a.test"]);
    for (const argv of [
      ["context", "use", "prodution"],
      ["whoami", "--context", "prodution"],
    ]) {
      const { exit, json } = await bench.run(argv);
      expect(exit).toBe(2);
      expect(json()).toMatchObject({ error: { hint: "Did you mean production?" } });
    }
    expect((await bench.run(["context", "add", "-x", "--url", "https://a.test"])).exit).toBe(1);
    expect((await bench.run(["context", "add", "a/b", "--url", "https://a.test"])).exit).toBe(1);
    expect((await bench.run(["context", "add", "a"])).exit).toBe(1);
  });

  test("a damaged file is exit code 2 and is left as it is", async () => {
    mkdirSync(join(saved, ".."), { recursive: true });
    writeFileSync(saved, "{");
    const { exit, json } = await bench.run(["context", "list"]);
    expect(exit).toBe(2);
    expect(json()).toMatchObject({ error: { code: "contexts_unreadable" } });
    expect(readFileSync(saved, "utf8")).toBe("{");
  });
});

describe("the SSH tunnel", () => {
  test("forwards a local port to the server as its own machine sees it", () => {
    const command = tunnelCommand(
      "ssh://me@example.com:2222",
      "http://127.0.0.1:7890",
      5555,
      false,
    );
    expect(command.join(" ")).toBe(
      "ssh -N -T -o ExitOnForwardFailure=yes -o BatchMode=yes -p 2222 -L 127.0.0.1:5555:127.0.0.1:7890 -- me@example.com",
    );
    expect(tunnelCommand("ssh://host", "https://h", 1, true)).toContain("127.0.0.1:1:h:443");
  });

  test("cannot be used to pass options to ssh", () => {
    for (const bad of ["ssh://-oProxyCommand=x", "ssh://-l@h", "host", "ssh://a b", "ssh://h;x"]) {
      expect(() => tunnelCommand(bad, "http://127.0.0.1:1", 1, false)).toThrow(
        "not an SSH address",
      );
    }
  });

  test("is opened for the command and ended with it", async () => {
    const bin = join(bench.dir, "bin");
    mkdirSync(bin, { recursive: true });
    const pidFile = join(bench.dir, "ssh.pid");
    // Stands in for ssh: forwards the port that -L names.
    const script = `#!${process.execPath}
const forward = process.argv[process.argv.indexOf("-L") + 1].split(":");
await Bun.write(${JSON.stringify(pidFile)}, String(process.pid));
Bun.serve({ hostname: forward[0], port: Number(forward[1]), fetch(request) {
  const url = new URL(request.url);
  url.host = forward[2] + ":" + forward[3];
  return fetch(url, { method: request.method, headers: request.headers });
} });`;
    writeFileSync(join(bin, "ssh"), script);
    chmodSync(join(bin, "ssh"), 0o755);
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "tunnel-child.ts")], {
      env: {
        ...process.env,
        PATH: `${bin}:${process.env["PATH"]}`,
        FAKE_URL: server.url,
        FAKE_TOKEN: ADMIN_TOKEN,
      },
      stdout: "pipe",
    });
    const text = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    expect(JSON.parse(text)).toMatchObject({ ok: true, data: { credential: "admin token" } });
    expect(server.calls).toEqual(["GET /_admin/version as admin"]);
    const pid = Number(readFileSync(pidFile, "utf8"));
    const isAlive = () => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    await until("the tunnel is gone", () => !isAlive());
  });
});
