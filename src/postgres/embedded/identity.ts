/**
 * Which user PostgreSQL runs as, and whether that user can reach a folder. PostgreSQL refuses to run as
 * root, so a root server gives it another uid: any number works, no passwd entry is needed.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** Used where the host has no `reactor` user: outside the ranges that distributions assign. */
const FALLBACK: Identity = { uid: 70710, gid: 70710 };

/** Null when the server is not root: PostgreSQL then runs as the server's own user. */
export function postgresIdentity(cluster: string): Identity | null {
  if (process.getuid?.() !== 0) return null;
  return ownerOf(cluster) ?? passwdEntry("reactor") ?? FALLBACK;
}

function ownerOf(cluster: string): Identity | null {
  const stat = statSync(cluster, { throwIfNoEntry: false });
  return stat && stat.uid !== 0 ? { uid: stat.uid, gid: stat.gid } : null;
}

function passwdEntry(name: string): Identity | null {
  let passwd: string;
  try {
    passwd = readFileSync("/etc/passwd", "utf8");
  } catch {
    return null;
  }
  const fields = passwd
    .split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.split(":");
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
  return uid > 0 && gid > 0 ? { uid, gid } : null;
}

/** Whether the identity may pass through every folder above `path` and `path` itself (mode bits only). */
export function isReachable(path: string, { uid, gid }: Identity): boolean {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const stat = statSync(folder);
    const shift = stat.uid === uid ? 6 : stat.gid === gid ? 3 : 0;
    if (((stat.mode >> shift) & 1) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
