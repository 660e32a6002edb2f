import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostTarget } from "../pack-postgres.ts";
import { Elf } from "./elf.ts";
import { oneSessionLibrary } from "./one-session.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "reactor session-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What `setsid` of util-linux makes of itself: its process group and session in `/proc/self/stat`. */
function groupAndSession(preload: string | null) {
  // Of a program that leads no group, as it would fork.
  const { stdout, stderr } = Bun.spawnSync(["sh", "-c", "setsid cat /proc/self/stat; exit $?"], {
    env: { PATH: process.env["PATH"], ...(preload ? { LD_PRELOAD: preload } : {}) },
    cwd: folder,
  });
  expect(stderr.toString()).toBe("");
  const [pid, , , , group, session] = stdout.toString().split(" ").map(Number);
  return { leadsGroup: group === pid, leadsSession: session === pid, session };
}

test("`setsid` makes a process group and no session", () => {
  const target = hostTarget();
  if (!target) throw new Error("PostgreSQL is embedded for Linux with glibc only");
  writeFileSync(join(folder, "library.so"), oneSessionLibrary(target));
  expect(groupAndSession(null)).toMatchObject({ leadsGroup: true, leadsSession: true });
  const own = Number(readFileSync("/proc/self/stat", "latin1").split(") ")[1]?.split(" ")[3]);
  expect(groupAndSession("./library.so")).toEqual({
    leadsGroup: true,
    leadsSession: false,
    session: own,
  });
});

test.each(["linux-x64", "linux-arm64"] as const)("%s: one function of its soname", (target) => {
  const library = oneSessionLibrary(target);
  const elf = new Elf(library);
  expect(elf.soname()).toBe("reactor-one-session.so");
  const { offset, sizeBytes } = elf.symbol("setsid");
  expect(offset % 16).toBe(0);
  // It ends in `ret`.
  const end = Buffer.from(library.subarray(offset, offset + sizeBytes)).toString("hex");
  expect(end).toEndWith(target === "linux-x64" ? "c3" : "c0035fd6");
  expect(library.length).toBeLessThan(1024);
});
