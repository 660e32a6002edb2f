/**
 * Channels of the realtime socket: what an idle client costs in memory, and what a delivery costs in
 * CPU beside the least it could cost, a bare `Bun.serve` that hands every message on. Each server is a
 * process of its own, the clients are here. `bun run bench channels [idle clients] [messages]`.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, cpuOf, start } from "./load/processes.ts";

const ROOT = join(import.meta.dir, "..");
const [idle = 10_000, messages = 300] = process.argv.slice(2).map(Number);
const AUDIENCE = 1_000;
const ROUNDS = 3;
/** Messages on their way at once. */
const WINDOW = 4;
const JOIN_CONFIG = { config: { presence: { key: "", enabled: false }, private: false } };

interface Target {
  readonly name: string;
  readonly pid: number;
  readonly socketUrl: string;
  readonly greeting: string | null;
  readonly message: string;
}

interface Client {
  readonly ws: WebSocket;
  frames: number;
}

/** A client that is there for good: its greeting has been answered. */
async function connect({ socketUrl, greeting }: Target, topic: string): Promise<Client> {
  const ws = new WebSocket(socketUrl);
  ws.binaryType = "arraybuffer";
  const client: Client = { ws, frames: 0 };
  await new Promise((resolve, reject) => {
    ws.onopen = resolve;
    ws.onerror = reject;
  });
  if (greeting !== null) {
    ws.send(greeting.replace("$topic", topic));
    await new Promise((resolve) => {
      ws.onmessage = resolve;
    });
  }
  ws.onmessage = () => {
    client.frames += 1;
  };
  return client;
}

async function connectMany(target: Target, count: number, topicOf: (n: number) => string) {
  const clients: Client[] = [];
  for (let n = 0; n < count; n++) clients.push(await connect(target, topicOf(n)));
  return clients;
}

function rssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

async function settle<T>(ask: () => T, isSo: (value: T) => boolean): Promise<void> {
  while (!isSo(ask())) await Bun.sleep(1);
}

async function fanOut(target: Target): Promise<{ perS: number; cpuUs: number }> {
  const clients = await connectMany(target, AUDIENCE + 1, () => "realtime:fan");
  const [sender, ...audience] = clients as [Client, ...Client[]];
  const last = audience.at(-1) as Client;
  const cpu = cpuOf(target.pid);
  const startedAt = performance.now();
  for (let n = 0; n < messages; n++) {
    sender.ws.send(target.message);
    await settle(
      () => last.frames,
      (frames) => frames > n - WINDOW,
    );
  }
  await settle(
    () => audience.every(({ frames }) => frames === messages),
    (isDone) => isDone,
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const deliveries = messages * AUDIENCE;
  const cpuUs = ((cpuOf(target.pid) - cpu) * 1e6) / deliveries;
  for (const { ws } of clients) ws.close();
  await Bun.sleep(200);
  return { perS: deliveries / seconds, cpuUs };
}

async function adminStatus(dataDir: string) {
  const file = JSON.parse(readFileSync(join(dataDir, "server.json"), "utf8")) as {
    url: string;
    admin_token: string;
  };
  const headers = { authorization: `Bearer ${file.admin_token}` };
  const response = await fetch(`${file.url}/_admin/status`, { headers });
  return (await response.json()) as { pid: number; publishable_key: string };
}

async function targetsOf(dataDir: string, children: Child[]): Promise<[Target, Target]> {
  const built = join(ROOT, "dist/reactor");
  const program = (await Bun.file(built).exists()) ? [built] : [process.execPath, "src/main.ts"];
  const flags = ["serve", "--data-dir", dataDir, "--project", dataDir, "--port", "0"];
  const env = { REACTOR_DATA__REALTIME_MAX_MESSAGES_PER_S: "100000", REACTOR_LOG__LEVEL: "warn" };
  const reactor = await start([...program, ...flags], env);
  children.push(reactor);
  const bare = await start([process.execPath, "bench/load/bare-fanout.ts"]);
  children.push(bare);
  const { pid, publishable_key: key } = await adminStatus(dataDir);
  const payload = { type: "broadcast", event: "cursor", payload: { x: 12.5, y: 80, name: "ann" } };
  const message = JSON.stringify(["1", "2", "realtime:fan", "broadcast", payload]);
  const socketUrl = `${reactor.url.replace("http", "ws")}/realtime/v1/websocket?apikey=${key}&vsn=2.0.0`;
  const greeting = JSON.stringify(["1", "1", "$topic", "phx_join", JOIN_CONFIG]);
  return [
    { name: "Reactor", pid, socketUrl, greeting, message },
    {
      name: "bare Bun.serve",
      pid: bare.pid,
      socketUrl: bare.url.replace("http", "ws"),
      greeting: null,
      message,
    },
  ];
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "reactor-bench-"));
  const children: Child[] = [];
  try {
    const [reactor, bare] = await targetsOf(dataDir, children);
    await connect(reactor, "realtime:first");
    const before = rssMb(reactor.pid);
    const clients = await connectMany(reactor, idle, (n) => `realtime:room-${n % 1_000}`);
    const after = rssMb(reactor.pid);
    const kb = ((after - before) * 1024) / idle;
    console.log(
      `${idle} idle clients on 1,000 channels: ${before.toFixed(0)} -> ${after.toFixed(0)} MB, ${kb.toFixed(1)} KB each\n`,
    );
    for (const { ws } of clients) ws.close();
    await Bun.sleep(1_000);
    console.log(`| one to ${AUDIENCE} | deliveries/s | server CPU us a delivery |`);
    console.log("| --- | --- | --- |");
    const best = new Map<string, { perS: number; cpuUs: number }>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const target of [bare, reactor]) {
        const now = await fanOut(target);
        if (now.perS > (best.get(target.name)?.perS ?? 0)) best.set(target.name, now);
      }
    }
    for (const [name, { perS, cpuUs }] of best) {
      console.log(`| ${name} | ${Math.round(perS)} | ${cpuUs.toFixed(1)} |`);
    }
  } finally {
    for (const child of children.toReversed()) await child.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

await main();
process.exit(0);
