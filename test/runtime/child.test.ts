/** The control channel of a real child, at the moments when it goes away. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitOf, spawnChild } from "../../src/runtime/child.ts";
import { planJail } from "../../src/runtime/jail/jail-plan.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";

const dir = mkdtempSync(join(tmpdir(), "rx-child-"));
afterAll(() => rmSync(dir, { recursive: true }));

let spawned = 0;

function spawn(env: Record<string, string> = {}) {
  return spawnChild(
    {
      dir,
      jail: planJail([join(dir, "child"), process.execPath]),
      cgroups: null,
      nextNumber: () => ++spawned,
      gateway: () => ({ socket: null, url: null }),
      openRanges: [],
      hostCalls: async () => new Response(null, { status: 404 }),
      serviceKey: async () => "",
      clock: systemClock,
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

test("whether a child has gone is asked of it: nobody waits to find out", async () => {
  const child = spawn();
  await child.ready;
  const never = { sleep: () => new Promise<void>(() => undefined) };
  expect(await exitOf(child, never)).toBeNull();
  child.kill({ kind: "deadline", requestId: "1" });
  expect(await exitOf(child, never)).toMatchObject({ killed: { kind: "deadline" } });
});

test("a child that cannot be started leaves nothing behind", () => {
  expect(() => spawn({ NOT_A_VARIABLE: "a\0b" })).toThrow();
  expect(readdirSync(dir)).toEqual([]);
});
