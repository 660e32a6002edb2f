/** The control channel of a real child, at the moments when it goes away. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnChild } from "../../src/runtime/child.ts";
import { exitOf } from "../../src/runtime/child-exit.ts";
import { planJail } from "../../src/runtime/jail/jail-plan.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { sliceOf } from "../support/slices.ts";
import { until } from "../support/until.ts";

const dir = mkdtempSync(join(tmpdir(), "rx-child-"));
afterAll(() => rmSync(dir, { recursive: true }));

let spawned = 0;

const jailIn = (server: string) => planJail([join(server, "child"), process.execPath]);

interface Spawning {
  readonly env?: Record<string, string>;
  readonly server?: string;
  readonly number?: number;
}

function spawn({ env = {}, server = dir, number = ++spawned }: Spawning = {}) {
  return spawnChild(
    {
      dir: server,
      jail: jailIn(server),
      cgroups: null,
      nextNumber: () => number,
      gateway: () => ({ socket: null, url: null }),
      openRanges: [],
      hostCalls: async () => new Response(null, { status: 404 }),
      serviceKey: async () => "",
      clock: systemClock,
      bodies: { waitMs: () => 0 },
      logger: createMemoryLog(),
    },
    { role: "__fn-runner", env },
  );
}

test("questions to a child that dies are refused, never thrown, whenever they come", async () => {
  const child = spawn();
  await child.ready;
  child.kill({ kind: "memory" });
  let refused = 0;
  const count = () => {
    refused += 1;
  };
  const asked: Promise<void>[] = [];
  let gone = false;
  void child.exited.then(() => {
    gone = true;
  });
  while (!gone) {
    const answer = child.ask({ t: "ping", n: -1 }, () => undefined);
    asked.push(answer.catch(() => count()));
    await new Promise((next) => setImmediate(next));
  }
  await child.ask({ t: "ping", n: -1 }, () => undefined).catch(() => count());
  await Promise.all(asked);
  expect(refused).toBe(asked.length + 1);
  expect(await child.exited).toMatchObject({ signal: "SIGKILL", killed: { kind: "memory" } });
});

test("a child answers a ping, and its folder goes with it", async () => {
  const child = spawn();
  await child.ready;
  expect(await child.ping()).toBe(true);
  child.kill({ kind: "ended" });
  await child.exited;
  expect(readdirSync(dir)).toEqual([]);
});

test("a child lets others in first while it starts", async () => {
  const child = spawn();
  const starting = sliceOf(child.pid);
  await child.ready;
  const ready = sliceOf(child.pid);
  child.kill({ kind: "ended" });
  await child.exited;
  // Where the kernel takes no wishes, or does not tell.
  if (starting === null || ready === null) return;
  expect(starting).toBe(10_000_000);
  expect(ready).toBeLessThan(10_000_000);
});

test("whether a child has gone is asked of it: nobody waits to find out", async () => {
  const child = spawn();
  await child.ready;
  const never = { sleep: () => new Promise<void>(() => undefined) };
  expect(await exitOf(child, never)).toBeNull();
  child.kill({ kind: "deadline", requestId: "1" });
  expect(await exitOf(child, never)).toMatchObject({ killed: { kind: "deadline" } });
});

test("a child that cannot be started leaves nothing behind", async () => {
  expect(() => spawn({ env: { NOT_A_VARIABLE: "a\0b" } })).toThrow();
  await until("the folder is gone", () => readdirSync(dir).length === 0);
});

test("servers on one machine give their children users of their own", async () => {
  // What a user may have of threads is bounded for all its processes together, and Bun has a dozen.
  const servers = [1, 2, 3].map((n) => mkdtempSync(join(tmpdir(), `rx-server-${n}-`)));
  for (const server of servers) chmodSync(server, 0o711);
  const children = servers.map((server) => spawn({ server, number: 1 }));
  try {
    // Only root may give any. That all three share one by chance is a matter of millions of runs.
    if (servers.some((server) => jailIn(server).firstUid === null)) return;
    expect(new Set(children.map((child) => statSync(child.dir).uid)).size).toBeGreaterThan(1);
  } finally {
    for (const child of children) child.kill({ kind: "ended" });
    await Promise.all(children.map((child) => child.exited));
    for (const server of servers) rmSync(server, { recursive: true });
  }
});
