import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLog } from "../../../test/support/memory-log.ts";
import { type CgroupPlaces, openCgroups } from "./cgroups.ts";

/** A folder that looks like a delegated group of version 2; what the kernel would do, the test does. */
describe("groups of the kernel", () => {
  let mount = "";
  let own = "";
  const log = createMemoryLog();
  const read = (...path: string[]) => readFileSync(join(own, ...path), "utf8");
  const places = (more: Partial<CgroupPlaces> = {}): CgroupPlaces => ({
    membership: "1:name=systemd:/\n0::/system.slice/reactor.service\n",
    mounts: `25 20 0:22 / /proc rw - proc proc rw\n31 24 0:27 / ${mount} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n`,
    isDelegated: (folder) => folder === own,
    ...more,
  });

  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), "reactor-cgroup-"));
    own = join(mount, "system.slice/reactor.service");
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, "cgroup.controllers"), "cpu memory pids\n");
    writeFileSync(join(own, "cgroup.procs"), "");
  });
  afterEach(() => rmSync(mount, { recursive: true, force: true }));

  test("a child gets a group with its threads and, once it has a function, its memory", () => {
    const group = openCgroups(places(), log)?.enclose(4711, "b1");
    expect(read("cgroup.subtree_control")).toBe("+memory +pids");
    expect(read("fn-b1", "cgroup.procs")).toBe("4711");
    expect(read("fn-b1", "pids.max")).toBe("100");
    expect(read("fn-b1", "memory.oom.group")).toBe("1");
    group?.limitMemory(256 * 1024 * 1024);
    expect(Number(read("fn-b1", "memory.max"))).toBe((256 + 64 + 16) * 1024 * 1024);
    for (const [text, killed] of [
      ["oom 3\noom_kill 0\n", false],
      ["oom 3\noom_kill 1\n", true],
    ] as const) {
      writeFileSync(join(own, "fn-b1", "memory.events"), text);
      expect(group?.wasOutOfMemory()).toBe(killed);
    }
  });

  test("the server itself moves to a leaf, so that its group may bound others", () => {
    openCgroups(places(), log);
    expect(existsSync(join(own, "server"))).toBe(true);
  });

  test("what was not handed over is left alone", () => {
    const refusals: Partial<CgroupPlaces>[] = [
      { isDelegated: () => false },
      { membership: "4:memory:/docker/x\n" },
      { mounts: "25 20 0:22 / /proc rw - proc proc rw\n" },
    ];
    for (const more of refusals) expect(openCgroups(places(more), log)).toBeNull();
    writeFileSync(join(own, "cgroup.controllers"), "hugetlb\n");
    expect(openCgroups(places(), log)).toBeNull();
    expect(existsSync(join(own, "server"))).toBe(false);
  });

  test("processes that cannot be moved away leave everything to the watchdogs", () => {
    writeFileSync(join(own, "cgroup.procs"), "12\n");
    expect(openCgroups(places(), log)).toBeNull();
    expect(log.lines.some(({ event }) => event === "runtime.cgroups_unusable")).toBe(true);
  });
});
