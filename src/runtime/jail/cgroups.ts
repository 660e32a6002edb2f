/**
 * Groups of the kernel (cgroup v2) for the processes of functions, where the server was given a tree of
 * its own (`Delegate=yes` in its unit, systemd.resource-control(5)). The kernel then holds a process to
 * its memory and threads at once; the watchdogs, which look from time to time, stay as they are and are
 * all there is elsewhere.
 *
 * A group with limits for its children must hold no process itself ("No Internal Process Constraint",
 * Documentation/admin-guide/cgroup-v2.rst), so what is in ours moves to a leaf of its own first.
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../../core/ports/log.ts";
import { cString, kernel } from "../../shared/linux/kernel.ts";
import { THREADS_MAX, TMP_BYTES } from "./jail-order.ts";

/** The group of one child process. */
export interface ChildGroup {
  /** From now on the kernel kills the process when it and its files in memory take more, bytes. */
  limitMemory(bytes: number): void;
  /** The kernel has killed it for that. */
  wasOutOfMemory(): boolean;
  /** Once the process has ended. */
  remove(): void;
}

export interface Cgroups {
  /** A group for a child that has just been started. Null when it cannot be made: the watchdogs are there. */
  enclose(pid: number, name: string): ChildGroup | null;
}

export interface CgroupPlaces {
  /** As /proc/self/cgroup and /proc/self/mountinfo. */
  readonly membership: string;
  readonly mounts: string;
  /** Whether this folder was handed over to us. */
  isDelegated(folder: string): boolean;
}

/** Beyond the function's own limit: what it wrote to its TMPDIR counts, and page tables do. */
const SLACK_BYTES = TMP_BYTES + 16 * 1024 * 1024;
const CONTROLLERS = ["memory", "pids"];
const SERVER_LEAF = "server";
/** Processes that are born while the others are moved. */
const MOVES_MAX = 20;

/** Null where there is no delegated tree with what is needed. */
export function openCgroups(places: CgroupPlaces, log: Logger): Cgroups | null {
  const folder = ownFolder(places);
  if (folder === null || !places.isDelegated(folder)) return null;
  try {
    if (!hasControllers(folder)) return null;
    moveToLeaf(folder);
    writeFileSync(
      join(folder, "cgroup.subtree_control"),
      CONTROLLERS.map((c) => `+${c}`).join(" "),
    );
    log.info("runtime.cgroups", { folder });
    return { enclose: (pid, name) => enclose(join(folder, `fn-${name}`), pid, log) };
  } catch (error) {
    log.warn("runtime.cgroups_unusable", { folder, error });
    return null;
  }
}

/** What this machine says of the process. Null where it is not Linux. */
export function systemCgroups(): CgroupPlaces | null {
  try {
    const membership = readFileSync("/proc/self/cgroup", "utf8");
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    return { membership, mounts, isDelegated };
  } catch {
    return null;
  }
}

/** systemd marks what it hands over, for everybody to see or, before version 251, for root. */
function isDelegated(folder: string): boolean {
  const value = Buffer.alloc(8);
  const mark = (name: string) => {
    const [path, attribute] = [cString(folder), cString(name)];
    const length = kernel()?.getxattr(path, attribute, value, BigInt(value.length));
    return length === 1n && value[0] === 0x31;
  };
  return mark("user.delegate") || mark("trusted.delegate");
}

/** Where our group of version 2 is mounted. */
function ownFolder({ membership, mounts }: CgroupPlaces): string | null {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1];
  // proc_pid_mountinfo(5): the root within the file system, the mount point, … - type source options.
  const mount = mounts
    .split("\n")
    .map((line) => /^\d+ \d+ \S+ (\S+) (\S+) .* - cgroup2 /.exec(line))
    .find((match) => match !== null);
  const [, root = "", point = ""] = mount ?? [];
  if (path === undefined || point === "") return null;
  const below = root === "/" ? path : path === root ? "/" : null;
  return below === null ? null : join(point, below);
}

function hasControllers(folder: string): boolean {
  const offered = readFileSync(join(folder, "cgroup.controllers"), "utf8").trim().split(/\s+/);
  return CONTROLLERS.every((controller) => offered.includes(controller));
}

function moveToLeaf(folder: string): void {
  const leaf = join(folder, SERVER_LEAF);
  mkdirSync(leaf, { recursive: true });
  for (let moves = 0; moves < MOVES_MAX; moves += 1) {
    const pids = readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
    if (pids.length === 0) return;
    for (const pid of pids) moveTo(leaf, pid);
  }
  throw new Error("processes keep coming into the group");
}

function moveTo(folder: string, pid: number | string): void {
  try {
    writeFileSync(join(folder, "cgroup.procs"), String(pid));
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function enclose(folder: string, pid: number, log: Logger): ChildGroup | null {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "pids.max"), String(THREADS_MAX));
    writeFileSync(join(folder, "memory.oom.group"), "1");
    moveTo(folder, pid);
  } catch (error) {
    log.warn("runtime.cgroup_failed", { folder, error });
    return null;
  }
  let isGone = false;
  return {
    limitMemory(bytes) {
      if (!isGone) writeFileSync(join(folder, "memory.max"), String(bytes + SLACK_BYTES));
    },
    wasOutOfMemory() {
      const events = readFileSync(join(folder, "memory.events"), "utf8");
      return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0) > 0;
    },
    remove() {
      isGone = true;
      try {
        rmdirSync(folder);
      } catch (error) {
        log.warn("runtime.cgroup_left", { folder, error });
      }
    },
  };
}
