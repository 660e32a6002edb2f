/** What the embedded PostgreSQL survives: every process killed, orphans, a stop at the worst moment. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  bootBench,
  connect,
  type Driver,
  insertForever,
  missing,
  query,
  testUsers,
  untilActive,
} from "../support/embedded-process.ts";
import { look } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const bench = bootBench();

describe.each(testUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("a killed postmaster is started again and no acknowledged row is lost", async () => {
    const driver = bench.start(user, join(bench.folder(user), "data"));
    const boot = await driver.ready();
    await query(boot.ownerUrl, "create table acknowledged (n int)");
    const load = insertForever(boot.ownerUrl);
    await load.reached(200);
    process.kill(boot.pid, "SIGKILL");
    await driver.until((event) => event["state"] === "down");
    const up = await driver.until((event) => event["state"] === "up");
    expect(up["pid"]).not.toBe(boot.pid);
    expect(await missing(boot.ownerUrl, await load.end())).toEqual([]);
  });

  test("a postmaster killed beside a statement that never ends is started again", async () => {
    const driver = bench.start(user, join(bench.folder(user), "data"));
    const boot = await driver.ready();
    const sql = connect(boot.ownerUrl);
    const endless = sql`select count(*) from generate_series(1, 100000000000)`.catch(() => "gone");
    await untilActive(boot.ownerUrl, "generate_series");
    process.kill(boot.pid, "SIGKILL");
    await driver.until((event) => event["state"] === "up");
    expect(await endless).toBe("gone");
    await sql.end({ timeout: 0 });
    expect(await query(boot.ownerUrl, "select 1 as n")).toEqual([{ n: 1 }]);
  });

  test("a cache that was cleared meanwhile is filled again for the restart", async () => {
    const folder = bench.folder(user);
    chmodSync(folder, 0o755);
    const cacheDir = join(folder, "cache");
    const driver = bench.start(user, join(folder, "data"), { cacheDir });
    const boot = await driver.ready();
    rmSync(cacheDir, { recursive: true });
    process.kill(boot.pid, "SIGKILL");
    await driver.until((event) => event["state"] === "up");
    expect(await query(boot.ownerUrl, "select 1 as n")).toEqual([{ n: 1 }]);
  });

  test("a killed backend is recovered from and listeners hear of it", async () => {
    const driver = bench.start(user, join(bench.folder(user), "data"));
    const boot = await driver.ready();
    await query(boot.ownerUrl, "create table acknowledged (n int)");
    const load = insertForever(boot.ownerUrl);
    await load.reached(200);
    const [row] = await query(
      boot.ownerUrl,
      "select pid from pg_stat_activity where query like 'insert%' limit 1",
    );
    process.kill(Number(row?.["pid"]), "SIGKILL");
    await driver.until((event) => event["state"] === "down");
    const up = await driver.until((event) => event["state"] === "up");
    expect(up["pid"]).toBe(boot.pid);
    expect(await missing(boot.ownerUrl, await load.end())).toEqual([]);
  });

  test("PostgreSQL ends with a killed server, and the next one finds every acknowledged row", async () => {
    const dataDir = join(bench.folder(user), "data");
    const driver = bench.start(user, dataDir);
    const boot = await driver.ready();
    await query(boot.ownerUrl, "create table acknowledged (n int)");
    const load = insertForever(boot.ownerUrl);
    await load.reached(200);
    driver.kill("SIGKILL");
    const acknowledged = await load.end();
    await driver.untilGone();
    const next = bench.start(user, dataDir);
    expect(await missing((await next.ready()).ownerUrl, acknowledged)).toEqual([]);
  });

  test("server and postmaster killed together leave nothing that stops the next start", async () => {
    const dataDir = join(bench.folder(user), "data");
    const driver = bench.start(user, dataDir);
    const boot = await driver.ready();
    const sql = connect(boot.ownerUrl);
    const endless = sql`select count(*) from generate_series(1, 100000000000)`.catch(() => "gone");
    await untilActive(boot.ownerUrl, "generate_series");
    driver.kill("SIGKILL");
    process.kill(boot.pid, "SIGKILL");
    const next = bench.start(user, dataDir);
    expect(await query((await next.ready()).ownerUrl, "select 1 as n")).toEqual([{ n: 1 }]);
    expect(await endless).toBe("gone");
    await sql.end({ timeout: 0 });
  });

  test("an orphan that still runs is stopped before the start", async () => {
    const dataDir = join(bench.folder(user), "data");
    const driver = bench.start(user, dataDir);
    const boot = await driver.ready();
    await query(boot.ownerUrl, "create table kept as select 42 as n");
    const sql = connect(boot.ownerUrl);
    const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
    // It obeys the parent-death signal, but waits for a process that has been stopped. Were it stopped
    // itself, the kernel would let it go on as soon as its parent is dead (setpgid(2), "orphaned").
    process.kill(backend?.pid ?? 0, "SIGSTOP");
    driver.kill("SIGKILL");
    await driver.exited();
    const next = bench.start(user, dataDir);
    const found = await next.until((event) => event["name"] === "postgres.orphan_found");
    expect(found["fields"]).toMatchObject({
      process: boot.pid,
      state: expect.stringMatching(/^(ready|stopping)$/),
    });
    process.kill(backend?.pid ?? 0, "SIGCONT");
    await sql.end({ timeout: 0 });
    const again = await next.ready();
    expect(await query(again.ownerUrl, "select n from kept")).toEqual([{ n: 42 }]);
  });

  test("Ctrl-C that meets a start before PostgreSQL has left the group costs no start", async () => {
    let met = 0;
    for (let tries = 0; met === 0 && tries < 20; tries += 1) {
      const driver = bench.start(user, join(bench.folder(user), "data"));
      if (await interruptShim(driver)) met += 1;
      await driver.ready();
      expect(await driver.stop()).toBe(0);
    }
    expect(met).toBe(1);
  });

  test("a stop while PostgreSQL recovers from a crash ends everything", async () => {
    const driver = bench.start(user, join(bench.folder(user), "data"));
    const boot = await driver.ready();
    await query(boot.ownerUrl, "create table filler as select generate_series(1, 400000) as n");
    const victim = driver.processes().find((pid) => isCheckpointer(pid));
    process.kill(victim ?? boot.pid, "SIGKILL");
    await driver.until((event) => event["state"] === "down");
    expect(await driver.stop()).toBe(0);
    expect(driver.processes()).toEqual([]);
  });
});

/** False when it had become PostgreSQL before it could be met. */
async function interruptShim(driver: Driver): Promise<boolean> {
  let shim: number | undefined;
  await until("the shim, or an event after it", () => {
    shim = childrenOf(driver.pid).find(isShim);
    return shim !== undefined || driver.events.length > 0;
  });
  if (shim === undefined) return false;
  // Stopped, it cannot become another while it is looked at.
  process.kill(shim, "SIGSTOP");
  const isMet = isShim(shim);
  if (isMet) process.kill(shim, "SIGINT");
  process.kill(shim, "SIGCONT");
  return isMet;
}

const isShim = (pid: number) => look(pid)?.command.includes("__pg-shim") === true;

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
}

function isCheckpointer(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("checkpointer");
}
