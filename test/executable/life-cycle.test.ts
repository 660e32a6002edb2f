/** How a running executable ends, and what it refuses to start on. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NotReady, ordinaryUser, testUsers } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { orphansOf, processTree, stillRunning } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const bench = executableBench();

/** Asks at the URL it is given, and answers when it has been answered there. */
const WAITING_FUNCTION = `export default {
  async fetch(request: Request): Promise<Response> {
    return new Response(await (await fetch(await request.text())).text());
  },
};
`;
/** What the function asks is on this machine, which functions do not reach by themselves. */
const EGRESS = { REACTOR_RUNTIME__EGRESS_PRIVATE: "127.0.0.1" };

/** A server on which a call is in flight that ends when \`finish\` is called. */
async function withCallInFlight(env: Record<string, string> = {}) {
  const shop = await bench.project();
  writeFileSync(join(shop, "functions/wait.ts"), WAITING_FUNCTION);
  const server = await bench.start(shop, ["serve", "--port", "0"], { env: { ...EGRESS, ...env } });
  const finished = Promise.withResolvers<Response>();
  const begun = Promise.withResolvers<void>();
  const asked = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch() {
      begun.resolve();
      return finished.promise;
    },
  });
  const headers = { apikey: server.status.secret_key };
  const body = `http://127.0.0.1:${asked.port}/`;
  const call = fetch(`${server.url}/fn/v1/wait`, { method: "POST", headers, body });
  const answer = call.then((response) => response.text()).catch((error: Error) => error.name);
  void answer.then(() => asked.stop(true));
  await begun.promise;
  return { shop, server, answer, finish: () => finished.resolve(new Response("finished")) };
}

async function refuses(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    () => false,
    () => true,
  );
}

async function failure(cwd: string, args: readonly string[], more = {}) {
  const error = await bench.start(cwd, args, more).catch((thrown: unknown) => thrown);
  if (!(error instanceof NotReady)) throw new Error("it started");
  return error.finished;
}

describe.each(testUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("nobody else of the user looks into the server: no environment, no memory, no core", async () => {
    const shop = await bench.project(user);
    const server = await bench.start(shop, ["serve", "--port", "0"], { user });
    // What a process of the same user may see belongs to the user; what is closed belongs to root.
    expect(statSync(`/proc/${server.pid}/environ`).uid).toBe(0);
    const ids = user.ids ?? undefined;
    const look = Bun.spawnSync(["cat", `/proc/${server.pid}/environ`], { ...ids });
    expect(look.success).toBe(user.ids === null);
    await bench.run(shop, ["stop"], { user });
  });

  test("`stop` ends the server and every process it had started", async () => {
    const shop = await bench.project(user);
    const server = await bench.start(shop, ["serve", "--port", "0"], { user });
    const tree = processTree(server.pid);
    expect(tree.length).toBeGreaterThan(3);
    const { code } = await bench.run(shop, ["stop"], { user });
    expect({ code, ended: await server.ended }).toEqual({ code: 0, ended: 0 });
    expect(stillRunning(tree)).toEqual([]);
    expect(existsSync(join(shop, ".reactor/server.json"))).toBe(false);
    expect((await bench.run(shop, ["status"], { user })).code).toBe(6);
  });

  test("a killed server takes its children with it, and the next start is a good one", async () => {
    const shop = await bench.project(user);
    const server = await bench.start(shop, ["serve", "--port", "0"], { user });
    const tree = processTree(server.pid);
    server.kill("SIGKILL");
    expect(await server.ended).toBe("SIGKILL");
    await until("the children's end", () => stillRunning(tree).length === 0);
    const next = await bench.start(shop, ["serve", "--port", "0"], { user });
    expect((await fetch(`${next.url}/health`)).status).toBe(200);
    expect(orphansOf(bench.program, shop, next.pid)).toEqual([]);
  });
});

test("SIGTERM refuses new calls and lets the one in flight end", async () => {
  const { server, answer, finish } = await withCallInFlight();
  server.kill("SIGTERM");
  await until("the closed door", () => refuses(server.url));
  finish();
  expect(await answer).toBe("finished");
  expect(await server.ended).toBe(0);
});

test("a second SIGINT forces the end, and no process stays", async () => {
  const { server, answer } = await withCallInFlight();
  const tree = processTree(server.pid);
  server.kill("SIGINT");
  await until("the closed door", () => refuses(server.url));
  server.kill("SIGINT");
  expect(await server.ended).toBe(1);
  expect(await answer).not.toBe("finished");
  await until("the children's end", () => stillRunning(tree).length === 0);
});

test("a call that does not end is cut off when `server.shutdown_timeout_s` is over", async () => {
  const env = { REACTOR_SERVER__SHUTDOWN_TIMEOUT_S: "1" };
  const { server, answer } = await withCallInFlight(env);
  server.kill("SIGTERM");
  expect(await server.ended).toBe(0);
  expect(await answer).not.toBe("finished");
});

test("a second server on the same folder exits 2 and names it; the first goes on", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["serve", "--port", "0"]);
  const { code, stdout, stderr } = await failure(shop, ["serve", "--port", "0"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(`process ${server.pid}`);
  expect(stderr).toContain(join(shop, ".reactor"));
  expect(existsSync(join(shop, ".reactor/server.json"))).toBe(true);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test("a folder that may not be written is exit 2 with one message", async () => {
  const folder = bench.folder(ordinaryUser);
  mkdirSync(join(folder, "data"));
  chmodSync(join(folder, "data"), 0o555);
  const user = process.getuid?.() === 0 ? { user: ordinaryUser } : {};
  const args = ["serve", "--port", "0", "--data-dir", join(folder, "data")];
  const { code, stderr } = await failure(folder, args, user);
  expect(code).toBe(2);
  expect(stderr).toContain(`The data folder ${join(folder, "data")} cannot be written`);
  expect(stderr).not.toContain("    at ");
});

test("a port that is taken is exit 2 with the port's number, and PostgreSQL does not stay", async () => {
  const taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("mine") });
  const shop = await bench.project();
  const { code, stderr } = await failure(shop, ["serve", "--port", String(taken.port)]);
  expect(code).toBe(2);
  expect(stderr).toContain(String(taken.port));
  expect(stderr).not.toContain("    at ");
  expect(orphansOf(bench.program, shop, 0)).toEqual([]);
  await taken.stop(true);
  const next = await bench.start(shop, ["serve", "--port", "0"]);
  expect((await fetch(`${next.url}/health`)).status).toBe(200);
});
