/** The parts of the supervisor that only read and make files. */
import { afterEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isReachable } from "./identity.ts";
import { lockDataFolder } from "./lock.ts";
import { readPostmasterPid } from "./postmaster-pid.ts";
import { exists, folderIdentity, isRunning, worksIn } from "./processes.ts";
import { makeSocketDir } from "./runtime-dir.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(mode = 0o700): string {
  const path = mkdtempSync(join(tmpdir(), "reactor-files-"));
  chmodSync(path, mode);
  folders.push(path);
  return path;
}

test("postmaster.pid gives pid and state, and nothing while it is missing or half written", () => {
  const cluster = folder();
  const path = join(cluster, "postmaster.pid");
  expect(readPostmasterPid(cluster)).toBeNull();
  writeFileSync(path, "");
  expect(readPostmasterPid(cluster)).toBeNull();
  writeFileSync(path, "123\n/data\n1700000000\n5432\n/run\n");
  expect(readPostmasterPid(cluster)).toEqual({ pid: 123, state: "" });
  writeFileSync(path, "123\n/data\n1700000000\n5432\n/run\n\n 1 2\nready   \n");
  expect(readPostmasterPid(cluster)).toEqual({ pid: 123, state: "ready" });
});

test("a data folder is locked once, and free again after", () => {
  const dataDir = folder();
  const unlock = lockDataFolder(dataDir);
  expect(() => lockDataFolder(dataDir)).toThrow(`process ${process.pid}`);
  unlock();
  lockDataFolder(dataDir)();
});

test("a folder is reachable only through folders that let the user pass", () => {
  const outer = folder(0o711);
  const inner = join(outer, "inner");
  mkdirSync(inner, { mode: 0o755 });
  const stranger = { uid: 61_000, gid: 61_000 };
  expect(isReachable(inner, stranger)).toBe(true);
  chmodSync(outer, 0o700);
  expect(isReachable(inner, stranger)).toBe(false);
  const { uid, gid } = statSync(outer);
  expect(isReachable(inner, { uid, gid })).toBe(true);
});

test("the socket folder is the same at every start, empty and closed to others", () => {
  const xdgRuntimeDir = folder();
  const options = { xdgRuntimeDir, dataDir: "/some/data", identity: null };
  const first = makeSocketDir(options);
  folders.push(first);
  writeFileSync(join(first, "stale"), "");
  expect(makeSocketDir(options)).toBe(first);
  expect(statSync(first).mode & 0o777).toBe(0o700);
  expect(() => statSync(join(first, "stale"))).toThrow();
  expect(first.startsWith(join(xdgRuntimeDir, "reactor", "pg-"))).toBe(true);
});

test("a runtime folder too deep for a socket's path, or not one's own, is passed over", () => {
  const deep = join(folder(), "d".repeat(80));
  mkdirSync(deep);
  const options = { dataDir: `/some/data/${process.pid}`, identity: null };
  const passedOver = makeSocketDir({ ...options, xdgRuntimeDir: deep });
  folders.push(passedOver);
  expect(passedOver.startsWith(deep)).toBe(false);
  const planted = folder();
  symlinkSync(folder(), join(planted, "reactor"));
  const safe = makeSocketDir({ ...options, xdgRuntimeDir: planted });
  folders.push(safe);
  expect(safe.startsWith(planted)).toBe(false);
});

test("processes are told apart by what /proc says of them", () => {
  const own = folderIdentity(process.cwd());
  expect(isRunning(process.pid)).toBe(true);
  expect(worksIn(process.pid, own)).toBe(true);
  expect(worksIn(process.pid, folderIdentity(folder()))).toBe(false);
  expect(exists(2 ** 22 + 1)).toBe(false);
  expect(isRunning(2 ** 22 + 1)).toBe(false);
});
