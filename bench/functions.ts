/**
 * What functions cost on the whole server, 64 connections: a TypeScript and a WASM function, warm,
 * beside bare `Bun.serve`, a `Bun.serve` that proxies to another over a Unix socket, the server answering
 * by itself, and workerd; then how long first calls take, and what a hundred functions hold in memory.
 * A module is called by POST: its floor is the proxy that hands on the same POST and gives the same answer.
 * Rounds are interleaved and the best of three counts. `bun run bench functions [seconds]`.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ANSWER, workerdConfig } from "./load/function-peers.ts";
import { TEXT, writeFunctionsProject } from "./load/functions-project.ts";
import { type LoadResult, runLoad } from "./load/http-load.ts";
import { type Child, cpuOf, descendants, proportionalBytes, start } from "./load/processes.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
const WARM_UP_S = 1;
const COLD = 100;
const COLD_WASM = 40;
const WORKERD_STARTS = 10;
/** A blank process is made ready in the background after each first call; nobody waits for that one. */
const SETTLE_MS = 400;
const MIB = 1024 * 1024;
/** The proxies' names. */
const GET = "proxy over a Unix socket";
const POST = "the same proxy, POST";
const SECONDS = Number(process.argv[2] ?? 3);
const ROOT = join(import.meta.dir, "..");
/** The package tells where its program is. */
const { default: workerd } = require("workerd") as { default: string };

interface Way {
  readonly name: string;
  readonly child: Child;
  readonly pid: number;
  readonly target: string;
  readonly body: string | null;
  /** Name of what it is compared with. */
  readonly floor: string;
}

interface Figures extends LoadResult {
  readonly cpuUs: number;
}

interface Bench {
  readonly ways: readonly Way[];
  readonly reactor: Child;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Answers on `url`; how long that took since the process was started, milliseconds. */
async function startWorkerd(folder: string): Promise<{ child: Child; readyMs: number }> {
  const port = await freePort();
  const file = join(folder, `workerd-${port}.capnp`);
  writeFileSync(file, workerdConfig(port));
  const from = performance.now();
  const spawned = Bun.spawn([workerd, "serve", file], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    spawned.kill("SIGKILL");
    await spawned.exited;
  };
  for (;;) {
    const text = await fetch(url).then(
      (answer) => answer.text(),
      () => null,
    );
    if (text === ANSWER) break;
    if (spawned.exitCode !== null) throw new Error("workerd ended");
    await Bun.sleep(1);
  }
  return { child: { url, pid: spawned.pid, stop }, readyMs: performance.now() - from };
}

async function deploy(
  program: string[],
  project: string,
  url: string,
  token: string,
): Promise<void> {
  const command = [...program, "fn", "deploy", "--no-check", "--url", url, "--token", token];
  const child = Bun.spawn(command, { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
  if ((await child.exited) !== 0) throw new Error("the functions could not be deployed");
}

async function prepare(folder: string, program: string[], children: Child[]): Promise<Bench> {
  const [data, project] = [join(folder, "data"), join(folder, "project")];
  mkdirSync(data);
  writeFunctionsProject(project, COLD, COLD_WASM);
  const keep = (child: Child) => {
    children.push(child);
    return child;
  };
  const flags = ["serve", "--data-dir", data, "--project", data, "--port", "0"];
  const reactor = keep(await start([...program, ...flags]));
  const file = JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as {
    admin_token: string;
  };
  const authorization = `Bearer ${file.admin_token}`;
  const answer = await fetch(`${reactor.url}/_admin/status`, { headers: { authorization } });
  const status = (await answer.json()) as { pid: number; publishable_key: string };
  await deploy(program, project, reactor.url, file.admin_token);
  const peer = async (mode: string) =>
    keep(
      await start([process.execPath, "bench/load/function-peers.ts", mode, folder], {
        BUN_CONFIG_MAX_HTTP_REQUESTS: "4096",
      }),
    );
  const [bare, proxy] = [await peer("bare"), await peer("proxy")];
  const workerd = keep((await startWorkerd(folder)).child);
  const own = { child: reactor, pid: status.pid, body: null, floor: GET };
  const posted = { body: TEXT, floor: POST };
  const of = (child: Child) => ({ child, pid: child.pid, target: "/x", body: null, floor: GET });
  return {
    reactor,
    pid: status.pid,
    headers: { apikey: status.publishable_key },
    ways: [
      { name: "bare `Bun.serve`", ...of(bare) },
      { name: GET, ...of(proxy) },
      { name: POST, ...of(proxy), ...posted },
      { name: "the server by itself", ...own, target: "/auth/v1/health" },
      { name: "**TypeScript function**", ...own, target: "/fn/v1/warm" },
      { name: "**WASM function**, POST", ...own, target: "/fn/v1/vowels", ...posted },
      { name: "workerd", ...of(workerd) },
    ],
  };
}

/** CPU seconds so far of a process and all below it. */
const treeCpu = (pid: number) =>
  [pid, ...descendants(pid)].reduce((sum, one) => sum + cpuOf(one), 0);

async function measure({ headers }: Bench, way: Way): Promise<Figures> {
  const run = (seconds: number) =>
    runLoad({
      origin: way.child.url,
      method: way.body === null ? "GET" : "POST",
      target: way.target,
      ids: 1,
      headers,
      body: way.body,
      connections: CONNECTIONS,
      seconds,
    });
  await run(WARM_UP_S);
  const before = treeCpu(way.pid);
  const result = await run(SECONDS);
  if (result.errors > 0) throw new Error(`${way.name}: ${result.errors} errors`);
  return { ...result, cpuUs: ((treeCpu(way.pid) - before) * 1e6) / result.requests };
}

async function measureWarm(bench: Bench): Promise<void> {
  const best = new Map<Way, Figures>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of bench.ways) {
      const now = await measure(bench, way);
      const known = best.get(way);
      if (!known || now.perS > known.perS) best.set(way, now);
    }
  }
  const called = (wanted: string) => [...best].find(([{ name }]) => name === wanted)?.[1];
  const peer = called("workerd");
  console.log(
    "| case | req/s | CPU µs a request | p50 ms | p99 ms | CPU / same call by proxy | req/s / workerd |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const [{ name, floor }, f] of best) {
    const cells = [
      ...[name, Math.round(f.perS), f.cpuUs.toFixed(1), f.p50Ms.toFixed(2), f.p99Ms.toFixed(2)],
      (f.cpuUs / (called(floor)?.cpuUs ?? 1)).toFixed(2),
      (f.perS / (peer?.perS ?? 1)).toFixed(1),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

function percentiles(name: string, times: number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(1);
  console.log(`| ${name} | ${sorted.length} | ${at(0.5)} | ${at(0.95)} | ${at(1)} |`);
}

async function firstCall({ reactor, headers }: Bench, name: string, body: string | null) {
  const from = performance.now();
  const answer = await fetch(`${reactor.url}/fn/v1/${name}`, { method: "POST", headers, body });
  await answer.arrayBuffer();
  const ms = performance.now() - from;
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  if (answer.headers.get("x-reactor-cold-start") !== "true") throw new Error(`${name} was warm`);
  return ms;
}

/** Leaves all the TypeScript functions resident. */
async function measureCold(bench: Bench, folder: string): Promise<void> {
  const [bun, wasm, workerd]: [number[], number[], number[]] = [[], [], []];
  for (let at = 0; at < COLD; at += 1) {
    await Bun.sleep(SETTLE_MS);
    bun.push(await firstCall(bench, `cold-${at}`, null));
    if (at < COLD_WASM) wasm.push(await firstCall(bench, `coldwasm-${at}`, TEXT));
    if (at >= WORKERD_STARTS) continue;
    const { child, readyMs } = await startWorkerd(folder);
    workerd.push(readyMs);
    await child.stop();
  }
  console.log("\n| first call | times | p50 ms | p95 ms | most ms |");
  console.log("| --- | --- | --- | --- | --- |");
  percentiles("TypeScript, from the blank pool", bun);
  percentiles("WASM, deployed and not resident", wasm);
  percentiles("workerd, process start to first answer", workerd);
}

/** Function processes are the server's children whose command names their role. */
async function measureResident({ pid }: Bench): Promise<void> {
  await Bun.sleep(2_000);
  const runners = descendants(pid).filter((one) =>
    readFileSync(`/proc/${one}/cmdline`, "utf8").includes("__fn-runner"),
  );
  const bytes = proportionalBytes(runners);
  const each = (bytes / runners.length / MIB).toFixed(1);
  console.log(
    `\n${runners.length} resident TypeScript functions: ${(bytes / MIB).toFixed(0)} MB PSS, ${each} MB each`,
  );
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "reactor-bench-"));
  const built = join(ROOT, "dist/reactor");
  const isBuilt = await Bun.file(built).exists();
  const program = isBuilt ? [built] : [process.execPath, join(ROOT, "src/main.ts")];
  const children: Child[] = [];
  try {
    const bench = await prepare(folder, program, children);
    const how = isBuilt ? "compiled" : "from source";
    console.log(`${CONNECTIONS} connections, best of ${ROUNDS} rounds of ${SECONDS} s, ${how}\n`);
    await measureWarm(bench);
    await measureCold(bench, folder);
    await measureResident(bench);
  } finally {
    for (const child of children.toReversed()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
