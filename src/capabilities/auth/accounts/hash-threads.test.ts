/** Threads that hash: the same answers as Bun's own, less priority, and an end. */
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { createSimClock } from "../../../../test/support/sim-clock.ts";
import { until } from "../../../../test/support/until.ts";
import { createHashThreads } from "./hash-threads.ts";

const SETTINGS = { algorithm: "argon2id", memoryCost: 8192, timeCost: 1 } as const;
const SLOW = { algorithm: "argon2id", memoryCost: 65_536, timeCost: 2 } as const;

const clock = createSimClock();
let threads = createHashThreads(clock);
afterEach(async () => {
  threads.close();
  threads = createHashThreads(clock);
  await until("they are gone", () => workers().length === 0);
});

/** Priorities (nice) of the workers of this process (proc_pid_stat(5), fields 2 and 19). */
function workers(): number[] {
  const stats = readdirSync("/proc/self/task").map((id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/stat`, "utf8");
    } catch {
      return "()"; // ended between listing and reading
    }
  });
  return stats
    .filter((stat) => stat.includes("(Worker)"))
    .map((stat) => Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]));
}

test("they hash and verify as Bun does", async () => {
  const stored = await threads.hash("a password", SETTINGS);
  expect(stored).toStartWith("$argon2id$v=19$m=8192,t=1,p=1$");
  expect(await Bun.password.verify("a password", stored)).toBe(true);
  expect(await threads.verify(new TextEncoder().encode("a password"), stored)).toBe(true);
  expect(await threads.verify("another", stored)).toBe(false);
  const damaged = threads.verify("a password", "$argon2id$broken");
  expect(await damaged.catch((error: { code: string }) => error.code)).toStartWith("PASSWORD_");
});

test("as many compute as are asked at a time, each with less priority than the rest", async () => {
  const work = Promise.all([threads.hash("a", SLOW), threads.hash("b", SLOW)]);
  await until("both have begun", () => workers().filter((nice) => nice === 10).length >= 2);
  await work;
});

test("they end when nobody has asked for a while, and begin again", async () => {
  await threads.hash("a", SETTINGS);
  expect(workers()).toContain(10);
  await clock.advance(30_000);
  await until("the thread is gone", () => workers().length === 0);
  expect(await threads.hash("b", SETTINGS)).toStartWith("$argon2id$");
});

test("one that is ended under its work says so", async () => {
  const failure = threads.hash("a", SLOW).catch((error: Error) => error.message);
  threads.close();
  expect(await failure).toBe("The hashing thread has ended");
});
