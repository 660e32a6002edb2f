/** Folders, disks and hosts the embedded PostgreSQL cannot use: one clear message and exit code each. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bootBench,
  buildDriver,
  chownTree,
  failure,
  insertForever,
  missing,
  query,
  rootUsers,
  type TestUser,
  testUsers,
} from "../support/embedded-process.ts";

const bench = bootBench();

describe.each(testUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("a second server on the same folder is refused and the first goes on", async () => {
    const dataDir = join(bench.folder(user), "data");
    const driver = bench.start(user, dataDir);
    const boot = await driver.ready();
    const { code, exit, message } = await failure(bench.start(user, dataDir));
    expect({ code, exit }).toEqual({ code: "postgres_folder_in_use", exit: 2 });
    expect(message).toContain(dataDir);
    expect(await query(boot.ownerUrl, "select 1 as n")).toEqual([{ n: 1 }]);
  });

  test("data of another major version is refused by name", async () => {
    const dataDir = join(bench.folder(user), "data");
    const driver = bench.start(user, dataDir);
    await driver.ready();
    await driver.stop();
    writeFileSync(join(dataDir, "pg/PG_VERSION"), "17\n");
    const { code, exit, message } = await failure(bench.start(user, dataDir));
    expect({ code, exit }).toEqual({ code: "postgres_other_version", exit: 2 });
    expect(message).toContain("PostgreSQL 17; this Reactor carries 18");
  });

  test("a folder with something else in it is left alone", async () => {
    const dataDir = join(bench.folder(user), "data");
    mkdirSync(join(dataDir, "pg"), { recursive: true });
    writeFileSync(join(dataDir, "pg/letter.txt"), "dear");
    if (user.ids) chownTree(dataDir, user.ids);
    const { code, exit } = await failure(bench.start(user, dataDir));
    expect({ code, exit }).toEqual({ code: "postgres_not_a_cluster", exit: 2 });
    expect(readFileSync(join(dataDir, "pg/letter.txt"), "utf8")).toBe("dear");
  });

  test("a folder that cannot be written is refused by name", async () => {
    // Not even root may make a folder in sysfs.
    const dataDir = "/sys/reactor-data";
    const { code, exit, message } = await failure(bench.start(user, dataDir));
    expect({ code, exit }).toEqual({ code: "postgres_folder_not_writable", exit: 2 });
    expect(message).toContain(dataDir);
  });

  test("a missing system library is named", async () => {
    const cacheDir = await cacheWithFakePostgres(
      user,
      "#!/bin/sh\necho 'postgres: error while loading shared libraries: libstdc++.so.6: no' >&2\nexit 127\n",
    );
    const dataDir = join(bench.folder(user), "data");
    const { code, exit, message } = await failure(bench.start(user, dataDir, { cacheDir }));
    expect({ code, exit }).toEqual({ code: "postgres_library_missing", exit: 2 });
    expect(message).toContain("libstdc++.so.6");
  });

  test("a program that may not be executed is named", async () => {
    const cacheDir = await cacheWithFakePostgres(user, "");
    const dataDir = join(bench.folder(user), "data");
    const { code, exit, message } = await failure(bench.start(user, dataDir, { cacheDir }));
    expect({ code, exit }).toEqual({ code: "postgres_cannot_execute", exit: 2 });
    expect(message).toContain(`${cacheDir}/pg-`);
  });
});

test("an executable that carries no PostgreSQL says how to use another one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "reactor-bare-"));
  try {
    await buildDriver(join(folder, "driver"), null);
    const order = JSON.stringify({ dataDir: join(folder, "data") });
    const done = Bun.spawnSync([join(folder, "driver"), order], { env: {} });
    expect(done.exitCode).toBe(2);
    expect(JSON.parse(done.stdout.toString())).toMatchObject({
      code: "postgres_not_carried",
      hint: "Set database.url to a PostgreSQL 15 or newer instead",
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe.each(rootUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("a first boot on a full disk ends with one clear message", async () => {
    const dataDir = bench.folder(user);
    const driver = bench.start(user, dataDir, { tmpfsBytes: 8 * 1024 * 1024 });
    const { code, exit, message } = await failure(driver);
    expect({ code, exit }).toEqual({ code: "postgres_disk_full", exit: 5 });
    expect(message).toContain(dataDir);
  });

  test("a disk that fills up costs the ballast, and PostgreSQL comes back", async () => {
    const dataDir = bench.folder(user);
    const driver = bench.start(user, dataDir, { tmpfsBytes: 200 * 1024 * 1024 });
    const boot = await driver.ready();
    await query(boot.ownerUrl, "create table acknowledged (n int)");
    await fillDisk(boot.ownerUrl);
    const load = insertForever(boot.ownerUrl);
    await exhaustLog(boot.ownerUrl);
    await driver.until((event) => event["state"] === "down");
    await driver.until((event) => event["state"] === "up");
    const freed = driver.events.find((event) => event["name"] === "postgres.disk_full");
    expect(freed?.["fields"]).toMatchObject({ folder: dataDir, ballast_freed: true });
    expect(await missing(boot.ownerUrl, await load.end())).toEqual([]);
  });
});

/** Leaves no room on the disk; PostgreSQL itself stays up, only the statement fails. */
async function fillDisk(ownerUrl: string): Promise<void> {
  const statement =
    "copy (select repeat('x', 1000000) from generate_series(1, 300)) to '/proc/self/cwd/filler'";
  const error = await query(ownerUrl, statement).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "53100" });
}

/** Writes to the log without needing room in a table, until PostgreSQL cannot go on. */
async function exhaustLog(ownerUrl: string): Promise<void> {
  const statement =
    "select pg_logical_emit_message(false, 'filler', repeat('x', 100000)) from generate_series(1, 1000)";
  await expect(query(ownerUrl, statement)).rejects.toThrow();
}

/** A cache whose program files are in place, but `postgres` is the script (or, if empty, not executable). */
async function cacheWithFakePostgres(owner: TestUser, script: string): Promise<string> {
  const folder = bench.folder(owner);
  chmodSync(folder, 0o755);
  const real = bench.cacheDir(owner);
  if (readdirSync(real).length === 0)
    await bench.start(owner, join(bench.folder(owner), "data")).ready();
  const [name = ""] = readdirSync(real);
  const bin = join(folder, "cache", name, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "postgres"), script);
  chmodSync(join(bin, "postgres"), script ? 0o755 : 0o644);
  return join(folder, "cache");
}
