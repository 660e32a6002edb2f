/**
 * What of the jail this machine can give, found out without applying any of it. The server decides by
 * it whether to start at all (`runtime.jail.minimum`) and tells it in `/health`; a child that then cannot
 * do what was planned ends, it never runs with less.
 *
 * full      Landlock, seccomp, a user id and namespaces (network, mounts, IPC) of its own; root only
 * standard  Landlock and seccomp; any user
 * weak      seccomp only: the kernel has no Landlock, so files of the server's user can be read
 * none      not on Linux, or on an architecture whose system calls are not known
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { kernel } from "../../shared/linux/kernel.ts";
import { architecture } from "../../shared/linux/syscalls.ts";
import { landlockVersion } from "./landlock.ts";

export type JailLevel = "full" | "standard" | "weak" | "none";

export interface JailPlan {
  readonly level: JailLevel;
  readonly landlock: boolean;
  /** The first of the user ids that children get, or null: they keep the server's. */
  readonly firstUid: number | null;
  readonly namespaces: boolean;
}

/** How many user ids are used in turn. */
export const UIDS = 10_000;
/** Tried in this order: far from any person's, then for containers with few ids. */
const FIRST_UIDS = [2_000_000_000, 40_000];
const CAPABILITY = { chown: 0n, setgid: 6n, setuid: 7n, sysAdmin: 21n } as const;
const NO_JAIL: JailPlan = { level: "none", landlock: false, firstUid: null, namespaces: false };

/** @param paths what a child of another user must be able to reach: its folder's parents, the program. */
export function planJail(paths: readonly string[]): JailPlan {
  if (!kernel() || !architecture() || !existsSync("/proc/sys/kernel/seccomp/actions_avail")) {
    return NO_JAIL;
  }
  const landlock = landlockVersion() > 0;
  const capabilities = effectiveCapabilities();
  const has = (...bits: bigint[]) => bits.every((bit) => (capabilities >> bit) & 1n);
  const mayChange = has(CAPABILITY.chown, CAPABILITY.setgid, CAPABILITY.setuid);
  const firstUid = mayChange && paths.every(isReachable) ? freeUids() : null;
  const namespaces = has(CAPABILITY.sysAdmin);
  const isFull = landlock && namespaces && firstUid !== null;
  const level = !landlock ? "weak" : isFull ? "full" : "standard";
  return { level, landlock, firstUid, namespaces };
}

function effectiveCapabilities(): bigint {
  const found = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
  return BigInt(`0x${found?.[1] ?? "0"}`);
}

/** Whether every folder above lets others through. */
function isReachable(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === "/") return true;
  }
}

/** A range of ids that this user namespace has. */
function freeUids(): number | null {
  const ranges = readFileSync("/proc/self/uid_map", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const isMapped = (first: number) =>
    ranges.some(([start = 0, , size = 0]) => first >= start && first + UIDS <= start + size);
  return FIRST_UIDS.find(isMapped) ?? null;
}
