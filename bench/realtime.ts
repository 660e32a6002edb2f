/**
 * `bun run bench realtime [changes] [idle]`: how long after its commit a change reaches a subscriber,
 * beside the floor of a client that polls over HTTP without a pause; CPU of the server for each change;
 * memory of idle subscribers. Loopback, the server from source on a PostgreSQL of its own.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../test/postgres/wire-database.ts";
import { ServerProcess } from "../test/server/server-process.ts";
import { testPostgres } from "../test/support/postgres.ts";
import { until } from "../test/support/until.ts";

const CHANGES = Number(process.argv[2] ?? 1_000);
const IDLE = Number(process.argv[3] ?? 10_000);
const TICKS_PER_S = 100;

const folder = mkdtempSync(join(tmpdir(), "reactor-bench-"));
const database = await (await testPostgres()).createDatabase();
const server = new ServerProcess(
  ["serve", "--only", "auth,data", "--data-dir", join(folder, "data"), "--port", "0"],
  folder,
  join(folder, "data"),
  { REACTOR_DATABASE__URL: database.url, REACTOR_LOG__LEVEL: "warn" },
);
const { url, pid, admin_token: adminToken } = await server.ready();
const status = await fetch(`${url}/_admin/status`, {
  headers: { authorization: `Bearer ${adminToken}` },
});
const { secret_key: secret, publishable_key: publishable } = (await status.json()) as {
  secret_key: string;
  publishable_key: string;
};
const sql = connect(database.url);
await sql.unsafe(`
  create table items (id int primary key, at float8, room int);
  alter table items enable row level security;
  create policy everybody on items for select using (true);
  notify pgrst, 'reload schema'`);
await until("the table", async () => {
  const answer = await fetch(`${url}/data/v1/items?limit=1`, { headers: { apikey: secret } });
  return answer.ok;
});

/** Opens a stream; `onData` gets what comes. */
function follow(path: string, key: string, onData: (text: string) => void): Socket {
  const { hostname, port } = new URL(url);
  const socket = connectTcp({ host: hostname, port: Number(port) });
  socket.on("data", (chunk) => onData(chunk.toString("latin1")));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\napikey: ${key}\r\n\r\n`);
  return socket;
}

function cpuOf(process: number): number {
  const stat = readFileSync(`/proc/${process}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** Resident, not counting what was read from files. */
function memoryOf(process: number): number {
  return (
    Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${process}/status`, "utf8"))?.[1]) / 1024
  );
}

function show(name: string, latencies: number[], cpuUs: number): void {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2);
  console.log(
    `${name.padEnd(28)} p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  p99 ${at(0.99)} ms  ${cpuUs.toFixed(0)} CPU us each`,
  );
}

let nextId = 1;
async function insert(): Promise<{ id: number; committedAt: number }> {
  const id = nextId++;
  await sql`insert into items values (${id}, 0, ${id % 10})`;
  return { id, committedAt: performance.now() };
}

async function measureFeed(name: string, key: string): Promise<void> {
  const arrived = new Map<number, number>();
  let isOpen = false;
  const socket = follow("/data/v1/items/subscribe", key, (text) => {
    if (text.includes("retry:")) isOpen = true;
    for (const match of text.matchAll(/"new":\{"id":(\d+)/g)) {
      arrived.set(Number(match[1]), performance.now());
    }
  });
  await until("the stream", () => isOpen);
  const cpu = cpuOf(pid);
  const latencies: number[] = [];
  for (let n = 0; n < CHANGES; n++) {
    const { id, committedAt } = await insert();
    await until("the change", () => arrived.has(id));
    latencies.push(Math.max(0, (arrived.get(id) ?? 0) - committedAt));
  }
  show(name, latencies, ((cpuOf(pid) - cpu) * 1e6) / CHANGES);
  socket.destroy();
}

async function measurePolling(): Promise<void> {
  const cpu = cpuOf(pid);
  const latencies: number[] = [];
  for (let n = 0; n < CHANGES; n++) {
    const { id, committedAt } = await insert();
    for (;;) {
      const answer = await fetch(`${url}/data/v1/items?id=eq.${id}`, {
        headers: { apikey: publishable },
      });
      if (((await answer.json()) as unknown[]).length > 0) break;
    }
    latencies.push(performance.now() - committedAt);
  }
  show("polling without a pause", latencies, ((cpuOf(pid) - cpu) * 1e6) / CHANGES);
}

async function measureIdle(): Promise<void> {
  const sockets: Socket[] = [];
  let open = 0;
  const opened = (text: string) => {
    if (text.includes("retry:")) open += 1;
  };
  sockets.push(follow("/data/v1/items/subscribe?room=eq.0", publishable, opened));
  await until("the first", () => open === 1);
  const before = memoryOf(pid);
  while (sockets.length < IDLE) {
    const path = `/data/v1/items/subscribe?room=eq.${sockets.length % 1_000}`;
    sockets.push(follow(path, publishable, opened));
    if (sockets.length % 100 === 0) {
      const count = sockets.length;
      await until("subscribers", () => open >= count, 60_000);
    }
  }
  await Bun.sleep(IDLE >= 5_000 ? 20_000 : 4_000);
  const grown = memoryOf(pid) - before;
  console.log(
    `${IDLE} idle subscribers       +${grown.toFixed(0)} MB, ${((grown * 1024) / IDLE).toFixed(1)} KiB each, whole process ${memoryOf(pid).toFixed(0)} MB`,
  );
  for (const socket of sockets) socket.destroy();
}

await measureFeed("feed, no row security", secret);
await measureFeed("feed, row security", publishable);
await measurePolling();
await measureIdle();
server.kill("SIGKILL");
await server.ended();
await sql.end({ timeout: 5 });
rmSync(folder, { recursive: true, force: true });
process.exit(0);
