/** The control channel of a real child, at the moments when it goes away. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnChild } from "../../src/runtime/child.ts";
import { planJail } from "../../src/runtime/jail/jail-plan.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";

const dir = mkdtempSync(join(tmpdir(), "rx-child-"));
afterAll(() => rmSync(dir, { recursive: true }));

function spawn(name: string) {
  const logger = createMemoryLog();
  const hostCalls = async () => new Response(null, { status: 404 });
  const jail = planJail([join(dir, "child"), process.execPath]);
  const egress = {
    gateway: () => ({ socket: null, url: null }),
    openRanges: [],
    hostCalls,
    serviceKey: async () => "",
  };
  const common = { number: 1, jail, cgroups: null, egress, env: {}, clock: systemClock, logger };
  return spawnChild({ role: "__fn-runner", code: null, namespacesBy: null, dir, name, ...common });
}

test("questions to a child that dies are refused, never thrown, whenever they come", async () => {
  const child = spawn("dying");
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
  const child = spawn("pinged");
  await child.ready;
  const answer = await child.ask({ t: "ping", n: 7 }, (a) => (a.t === "pong" ? a.n : undefined));
  expect(answer).toBe(7);
  child.kill({ kind: "ended" });
  await child.exited;
  expect(readdirSync(dir)).toEqual([]);
});
