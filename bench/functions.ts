/**
 * What a warm function call costs beside the least it could cost: a bare Bun.serve, and a Bun.serve
 * that proxies to another over a Unix socket. All in one run, interleaved, 64 connections, with the
 * CPU of server and children per request. `bun bench/functions.ts [seconds per case]`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "../src/core/ports/log.ts";
import { DEFAULT_TENANT } from "../src/core/tenant.ts";
import { createRuntimes } from "../src/runtime/index.ts";
import { systemClock } from "../src/shared/clock.ts";
import { createIds } from "../src/shared/ids.ts";
import { systemRng } from "../src/shared/rng.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
const WARM_UP_S = 1;
/** Last bytes of every answer, by which the load generator knows that it is whole. */
const BODY = "a short answer, as a function gives!";
const CASES = ["bare", "proxy", "bun", "wasm"] as const;
type Case = (typeof CASES)[number];

const TICK_US = 10_000;

interface Figures {
  readonly perS: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function cpuTicks(pid: string): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}

/** User and system time of a process and all below it, microseconds. */
function treeCpuUs(root: number): number {
  const parents = new Map<string, string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
      parents.set(pid, stat[1] ?? "0");
    } catch {
      // It ended meanwhile.
    }
  }
  const isBelow = (pid: string): boolean => {
    if (pid === String(root)) return true;
    const parent = parents.get(pid);
    return parent !== undefined && parent !== "0" && isBelow(parent);
  };
  const tree = [...parents.keys()].filter(isBelow);
  return tree.reduce((sum, pid) => sum + cpuTicks(pid) * TICK_US, 0);
}

/** 64 kept-alive connections, each with one request under way. */
async function load(port: number, seconds: number, pid: number): Promise<Figures> {
  const request = `GET /x HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`;
  const latencies: number[] = [];
  let count = 0;
  let running = true;
  const socket = {
    open(connection: Bun.Socket<{ at: number }>) {
      connection.data.at = performance.now();
      connection.write(request);
    },
    data(connection: Bun.Socket<{ at: number }>, chunk: Buffer) {
      if (!chunk.toString("latin1").endsWith(BODY)) return;
      const now = performance.now();
      count += 1;
      if (latencies.length < 200_000) latencies.push(now - connection.data.at);
      if (!running) return void connection.end();
      connection.data.at = now;
      connection.write(request);
    },
  };
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      Bun.connect({ hostname: "127.0.0.1", port, socket, data: { at: 0 } }),
    ),
  );
  await Bun.sleep(WARM_UP_S * 1000);
  count = 0;
  latencies.length = 0;
  const cpuBefore = treeCpuUs(pid);
  const startedAt = performance.now();
  await Bun.sleep(seconds * 1000);
  const perS = (count * 1000) / (performance.now() - startedAt);
  const cpuUs = (treeCpuUs(pid) - cpuBefore) / Math.max(1, count);
  running = false;
  latencies.sort((a, b) => a - b);
  for (const connection of connections) connection.end();
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { perS, cpuUs, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** A plug-in that answers BODY, which it holds as data, through a block of the host. */
const WASM_SOURCE = `(module
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))
  (memory (export "memory") 1) (data (i32.const 0) "${BODY}")
  (func (export "answer") (result i32) (local $i i32) (local $to i64)
    (local.set $to (call $alloc (i64.const ${BODY.length})))
    (loop $next
      (call $store_u8 (i64.add (local.get $to) (i64.extend_i32_u (local.get $i)))
        (i32.load8_u (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const ${BODY.length}))))
    (call $output_set (local.get $to) (i64.const ${BODY.length})) (i32.const 0)))`;

const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silent,
};

async function functionServer(kind: "bun" | "wasm", dir: string) {
  const codePath = join(dir, kind === "bun" ? "answer.mjs" : "answer.wasm");
  if (kind === "bun") {
    writeFileSync(codePath, `export default { fetch: () => new Response("${BODY}") }`);
  } else {
    const { default: binaryen } = await import("binaryen");
    writeFileSync(codePath, binaryen.parseText(WASM_SOURCE).emitBinary());
  }
  const ids = createIds(systemClock, systemRng);
  const runtimes = createRuntimes({
    clock: systemClock,
    ids,
    logger: silent,
    dir: join(dir, "run"),
    onLog: () => {},
    gateway: () => ({ socket: null, url: null }),
  });
  await runtimes.start();
  const spec = {
    name: "answer",
    version: "0".repeat(64),
    runtime: kind,
    codePath,
    entry: null,
    config: {},
    env: {},
    limits: {
      deadlineMs: 30_000,
      memoryBytes: 256 << 20,
      bodyInBytes: 1 << 20,
      bodyOutBytes: null,
      concurrency: 64,
      queue: 128,
      idleMs: 600_000,
    },
    isolation: "reuse" as const,
    service: false,
    instances: { min: 0, max: 1 },
    egress: [],
  };
  return async (request: Request) => {
    const requestId = ids.uuid();
    const call = { tenant: DEFAULT_TENANT, requestId, spec, request, exportName: null };
    return (await runtimes[kind].invoke(call)).response;
  };
}

/** A second process of this file that answers on a Unix socket. */
async function proxyServer(dir: string) {
  const unix = join(dir, "target");
  const target = Bun.spawn([process.execPath, import.meta.path, "__target", unix], {
    stdout: "pipe",
  });
  await target.stdout.getReader().read();
  return (request: Request) => fetch(request.url, { unix });
}

async function runServer(kind: Case, dir: string): Promise<void> {
  const answer = {
    bare: async () => () => new Response(BODY),
    proxy: () => proxyServer(dir),
    bun: () => functionServer("bun", dir),
    wasm: () => functionServer("wasm", dir),
  };
  const fetchHandler: (request: Request) => Response | Promise<Response> = await answer[kind]();
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", idleTimeout: 0, fetch: fetchHandler });
  console.log(server.port);
}

async function measure(kind: Case, seconds: number): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), "rx-bench-"));
  const server = Bun.spawn([process.execPath, import.meta.path, "__server", kind, dir], {
    env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "4096" },
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const { value } = await server.stdout.getReader().read();
    return await load(Number(new TextDecoder().decode(value)), seconds, server.pid);
  } finally {
    server.kill("SIGKILL");
    await server.exited;
    rmSync(dir, { recursive: true, force: true });
  }
}

async function main(seconds: number): Promise<void> {
  const best = new Map<Case, Figures>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of CASES) {
      const figures = await measure(kind, seconds);
      const known = best.get(kind);
      if (!known || figures.cpuUs < known.cpuUs) best.set(kind, figures);
    }
  }
  const floor = best.get("proxy")?.cpuUs ?? 1;
  console.log("case    req/s   CPU us/req   p50 ms   p99 ms   CPU / proxy");
  for (const [kind, { perS, cpuUs, p50Ms, p99Ms }] of best) {
    const columns = [
      kind.padEnd(6),
      perS.toFixed(0).padStart(6),
      cpuUs.toFixed(1).padStart(10),
      p50Ms.toFixed(2).padStart(10),
      p99Ms.toFixed(2).padStart(8),
      (cpuUs / floor).toFixed(2).padStart(10),
    ];
    console.log(columns.join(" "));
  }
}

const [role, first = "", second = ""] = process.argv.slice(2);
if (role === "__target") {
  process.on("disconnect", () => process.exit(0));
  Bun.serve({ unix: first, fetch: () => new Response(BODY) });
  console.log("ready");
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, 500);
} else if (role === "__server") {
  await runServer(first as Case, second);
} else {
  await main(Number(role ?? 3));
}
