/** Child processes of a benchmark, and what they cost: user + system time from /proc. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const TICKS_PER_S = 100;

export interface Child {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts a program whose output names its URL and says `ready`. */
export async function start(command: string[], env: Record<string, string> = {}): Promise<Child> {
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", Bun.file("/dev/null")],
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    const url = /https?:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(text)?.[0];
    if (url && text.includes("ready")) {
      const stop = async () => {
        child.kill("SIGTERM");
        await child.exited;
      };
      return { url, pid: child.pid, stop };
    }
  }
  throw new Error(`${command.join(" ")} ended before it was ready: ${text}`);
}

function statOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return []; // ended between listing and reading
  }
}

/** CPU seconds of one process so far. */
export function cpuOf(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_S;
}

export function parentOf(pid: number): number {
  return Number(statOf(pid)[1] ?? 0);
}

/** All that live below a process, children first. */
export function descendants(root: number): number[] {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(Number(name))] as const);
  const found = [root];
  for (const pid of found)
    for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found.slice(1);
}

/** CPU seconds so far of a process and its children that live. */
export function cpuWithChildren(parent: number): number {
  const pids = descendants(parent).filter((pid) => parentOf(pid) === parent);
  return [parent, ...pids].reduce((sum, pid) => sum + cpuOf(pid), 0);
}

/** Memory of the processes, what they share divided fairly, bytes (PSS of smaps_rollup). */
export function proportionalBytes(pids: readonly number[]): number {
  const each = pids.map(
    (pid) => /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1],
  );
  return each.reduce((sum, kib) => sum + Number(kib ?? 0) * 1024, 0);
}
