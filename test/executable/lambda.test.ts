/** Zips for AWS Lambda in the executable, as root and as an ordinary user: a handler, programs, and one that means harm. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type RunningExecutable, type TestUser, testUsers } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import {
  ALLOWED_PROBES,
  buildProgram,
  compiler,
  PROBES,
  processesOf,
  SHELL_BOOTSTRAP,
} from "../support/lambda-program.ts";
import { processTree } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const bench = executableBench();

const SHOP = {
  "src/app.mjs": `import { readFileSync } from "node:fs"; import { left } from "left";
    export const run = async (event) => ({ statusCode: 200,
      body: left + readFileSync("data.txt", "utf8") + event.rawPath });`,
  "data.txt": "data",
  "node_modules/left/package.json": `{"name":"left","main":"main.js"}`,
  "node_modules/left/main.js": `exports.left = "left ";`,
};

function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode: 0o755 });
  }
}

async function serve(user: TestUser): Promise<RunningExecutable> {
  const project = bench.folder();
  write(join(project, "functions/shop"), SHOP);
  if (Bun.which("curl")) {
    const answer = { "answer.sh": `cat > /dev/null; echo '"from a shell"'` };
    write(join(project, "functions/shell"), { bootstrap: SHELL_BOOTSTRAP, ...answer });
  }
  if (compiler) write(join(project, "functions/program"), { bootstrap: await buildProgram() });
  const list = `[[functions]]\nname = "shop"\nruntime = "lambda"\nhandler = "src/app.run"\n`;
  const deadline = `[[functions]]\nname = "program"\ndeadline_ms = 2000\n`;
  writeFileSync(join(project, "reactor.toml"), list + (compiler ? deadline : ""));
  const server = await bench.start(bench.folder(user), ["serve", "--port", "0"], { user });
  const to = ["--url", server.url, "--token", server.status.admin_token];
  for (const changed of [true, false]) {
    const { code, stdout, stderr } = await bench.run(project, ["fn", "deploy", ...to]);
    if (code !== 0) throw new Error(`deploy: ${code} ${stdout} ${stderr}`);
    // The same folder makes the same zip.
    expect(stdout.includes('"action":"create"')).toBe(changed);
  }
  return server;
}

describe.each(testUsers)("for $name", (user) => {
  test("handlers and programs answer, and programs reach nothing of the server", async () => {
    const server = await serve(user);
    const call = (path: string, init: RequestInit = {}) =>
      fetch(`${server.url}/fn/v1/${path}`, {
        ...init,
        headers: { apikey: server.status.secret_key, "content-type": "text/plain" },
      });
    expect(await (await call("shop/a")).text()).toBe("left data/a");
    if (Bun.which("curl")) expect(await (await call("shell")).text()).toBe("from a shell");
    if (!compiler) return;
    const files = [
      ...readdirSync(server.dataDir).map((name) => join(server.dataDir, name)),
      ...["/etc/passwd", `/proc/${server.pid}/environ`, "/proc/1/environ", databaseSocket(server)],
      ...[`tcp:${new URL(server.url).port}`, bench.program, dirname(server.dataDir)],
    ];
    const probe = await call("program/probe", { method: "POST", body: files.join(",") });
    const found = (await probe.text()).trim().split("\n");
    const reached = found.filter((line) => line.endsWith("=done"));
    expect(reached).toEqual(ALLOWED_PROBES.map((name) => `${name}=done`));
    expect(found.length).toBe(files.length + PROBES);
    const root = rootIn(await (await call("program/facts")).text());
    expect(processesOf(root).length).toBeGreaterThan(0);
    expect((await call("program/bomb")).status).toBe(504);
    await until("all of it has ended", () => processesOf(root).length === 0, 30_000);
    expect((await call("program/twice")).status).toBe(200);
  });

  test("no program outlives a server that is killed", async () => {
    if (!compiler) return;
    const server = await serve(user);
    const headers = { apikey: server.status.secret_key };
    const text = await (await fetch(`${server.url}/fn/v1/program/facts`, { headers })).text();
    const root = rootIn(text);
    expect(processesOf(root).length).toBeGreaterThan(0);
    server.kill("SIGKILL");
    await until("all of it has ended", () => processesOf(root).length === 0);
  });
});

/** Folder of the program's code, which its processes are known by. */
const rootIn = (text: string) => /LAMBDA_TASK_ROOT=(.+)/.exec(text)?.[1] ?? "?";

/** The one that the running PostgreSQL listens on. */
function databaseSocket({ pid }: RunningExecutable): string {
  const directory = /unix_socket_directories="?([^"\s]+)/;
  const found = processTree(pid).flatMap(({ command }) => directory.exec(command)?.[1] ?? []);
  return join(found[0] ?? "", ".s.PGSQL.5432");
}
