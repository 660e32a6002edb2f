/** How the embedded PostgreSQL starts and stops when nothing goes wrong. On a compiled executable. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  bootBench,
  chownTree,
  connect,
  query,
  rootUsers,
  testUsers,
  uidOf,
} from "../support/embedded-process.ts";
import { look } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const bench = bootBench();

describe.each(testUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("the first boot makes the cluster and the second keeps its data", async () => {
    const dataDir = join(bench.folder(user), "data");
    const first = bench.start(user, dataDir);
    const boot = await first.ready();
    expect(boot.firstBoot).toBe(true);
    await query(boot.ownerUrl, "create table kept as select 42 as n");
    expect(await first.stop()).toBe(0);
    expect(readdirSync(dataDir).sort()).toEqual(["ballast", "lock", "pg"]);
    const second = bench.start(user, dataDir);
    const again = await second.ready();
    expect(again.firstBoot).toBe(false);
    expect(again.ownerUrl).toBe(boot.ownerUrl);
    expect(await query(again.ownerUrl, "select n from kept")).toEqual([{ n: 42 }]);
  });

  test("PostgreSQL runs without root, without TCP, with durable settings and a closed socket folder", async () => {
    const driver = bench.start(user, join(bench.folder(user), "data"));
    const boot = await driver.ready();
    const socketDir = String(boot["socketDir"]);
    expect(uidOf(boot.pid)).not.toBe(0);
    expect(statSync(socketDir).mode & 0o777).toBe(0o700);
    expect(statSync(socketDir).uid).toBe(uidOf(boot.pid));
    const [row] = await query(
      boot.ownerUrl,
      `select current_setting('listen_addresses') as tcp, current_setting('fsync') as fsync,
         current_setting('synchronous_commit') as sync, current_setting('data_checksums') as sums,
         current_setting('wal_level') as wal, current_setting('server_encoding') as encoding`,
    );
    expect(row).toEqual({
      tcp: "",
      fsync: "on",
      sync: "on",
      sums: "on",
      wal: "logical",
      encoding: "UTF8",
    });
  });

  test("each process of PostgreSQL leads a group and none a session, also below a folder with a space", async () => {
    const folder = bench.folder(user);
    chmodSync(folder, 0o755);
    const cacheDir = join(folder, "my cache");
    const driver = bench.start(user, join(folder, "data"), { cacheDir });
    const { ownerUrl, pid } = await driver.ready();
    const sql = connect(ownerUrl);
    const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const session = look(process.pid)?.session;
    const leadsOnlyItsGroup = (one: number) => {
      const seen = look(one);
      return seen?.group === one && seen.session === session;
    };
    // One that has only just begun is still in the group of who began it, or has ended meanwhile.
    await until("that each leads its group", () => driver.processes().every(leadsOnlyItsGroup));
    expect(driver.processes()).toContain(pid);
    expect(driver.processes()).toContain(backend?.pid ?? 0);
    await sql`create temp table variables (line text)`;
    await sql`copy variables from program 'env'`;
    expect(
      await sql`select line from variables where line like 'LD%' or line like 'ERROR%'`,
    ).toHaveLength(0);
    await sql.end({ timeout: 0 });
    expect(await driver.stop()).toBe(0);
  });

  test("queries are cancelled and connections ended by their process group", async () => {
    const driver = bench.start(user, join(bench.folder(user), "data"));
    const { ownerUrl } = await driver.ready();
    const sql = connect(ownerUrl);
    const other = connect(ownerUrl);
    const [backend] = await other<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const slept = other`select pg_sleep(60)`.then(
      () => "slept",
      (error: { code: string }) => error.code,
    );
    const ask = (call: string) => sql.unsafe(`select ${call}(${backend?.pid}) as done`);
    const isAsleep = () =>
      sql`select from pg_stat_activity where pid = ${backend?.pid ?? 0} and wait_event = 'PgSleep'`;
    await until("the sleep", async () => (await isAsleep()).length === 1);
    expect(await ask("pg_cancel_backend")).toMatchObject([{ done: true }]);
    expect(await slept).toBe("57014");
    expect(await ask("pg_terminate_backend")).toMatchObject([{ done: true }]);
    await until("its end", async () => !driver.processes().includes(backend?.pid ?? 0));
    await Promise.all([sql.end({ timeout: 0 }), other.end({ timeout: 0 })]);
  });

  test("a clean stop leaves no process and no socket folder", async () => {
    const driver = bench.start(user, join(bench.folder(user), "data"));
    const boot = await driver.ready();
    const sql = connect(boot.ownerUrl);
    await sql`select 1`;
    expect(await driver.stop()).toBe(0);
    expect(driver.processes()).toEqual([]);
    expect(existsSync(String(boot["socketDir"]))).toBe(false);
    await sql.end({ timeout: 0 });
  });

  test("servers that start at once with an empty cache all get their program files", async () => {
    const folder = bench.folder(user);
    chmodSync(folder, 0o755);
    const cacheDir = join(folder, "cache");
    const all = ["a", "b", "c"].map((name) => bench.start(user, join(folder, name), { cacheDir }));
    for (const driver of all) expect((await driver.ready()).firstBoot).toBe(true);
    expect(readdirSync(cacheDir)).toHaveLength(1);
  });

  test("what an interrupted first boot left behind is removed", async () => {
    const dataDir = join(bench.folder(user), "data");
    const abandoned = join(dataDir, ".tmp-1-1");
    mkdirSync(join(abandoned, "base"), { recursive: true });
    if (user.ids) chownTree(dataDir, user.ids);
    expect((await bench.start(user, dataDir).ready()).firstBoot).toBe(true);
    expect(existsSync(abandoned)).toBe(false);
  });
});

describe.each(rootUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("below a folder that PostgreSQL's user cannot pass, it still starts", async () => {
    const folder = bench.folder(user);
    expect(statSync(folder).mode & 0o077).toBe(0);
    const boot = await bench.start(user, join(folder, "deep/data")).ready();
    expect(uidOf(boot.pid)).not.toBe(0);
    const [row] = await query(boot.ownerUrl, "show data_directory");
    expect(row?.["data_directory"]).toBe("/proc/self/cwd");
  });

  test("an existing folder's owner is who PostgreSQL runs as", async () => {
    const folder = bench.folder(user);
    chmodSync(folder, 0o755);
    const dataDir = join(folder, "data");
    const first = bench.start(user, dataDir);
    await first.ready();
    await first.stop();
    chownTree(join(dataDir, "pg"), { uid: 61_777, gid: 61_777 });
    const boot = await bench.start(user, dataDir).ready();
    expect(uidOf(boot.pid)).toBe(61_777);
    const [row] = await query(boot.ownerUrl, "show data_directory");
    expect(row?.["data_directory"]).toBe(join(dataDir, "pg"));
  });
});
