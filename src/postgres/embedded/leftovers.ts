/**
 * Ends what an earlier PostgreSQL left behind in a data folder. With the folder's lock held no server
 * owns these processes, so the only question is how to end them without harm.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import { embeddedErrors } from "./errors.ts";
import { readPostmasterPid, removePostmasterPid } from "./postmaster-pid.ts";
import {
  exists,
  type FolderIdentity,
  folderIdentity,
  isRunning,
  postgresProcessesIn,
  signalProcess,
  worksIn,
} from "./processes.ts";

const POLL_MS = 10;
const FAST_STOP_MS = 10_000;
const IMMEDIATE_STOP_MS = 5_000;
const KILL_MS = 5_000;

/** Before a start: stops an orphaned postmaster, then ends stray processes and a misleading pid file. */
export async function stopOrphan(cluster: string, clock: Clock, log: Logger): Promise<void> {
  const folder = folderIdentity(cluster);
  const file = readPostmasterPid(cluster);
  if (file && isRunning(file.pid) && worksIn(file.pid, folder)) {
    log.warn("postgres.orphan_found", { process: file.pid, state: file.state });
    // In crash recovery a fast shutdown can hang, and there is nothing to lose by an immediate one.
    const ladder = file.state === "ready" || file.state === "stopping" ? 0 : 1;
    await climbDown(file.pid, ladder, cluster, clock);
  }
  await endStrays(folder, clock);
  // Its pid lives on as a zombie or as somebody else's process: PostgreSQL would refuse to start.
  const left = readPostmasterPid(cluster);
  if (left && exists(left.pid)) removePostmasterPid(cluster);
}

/**
 * Kills server processes whose postmaster is gone: they hold the shared memory, and one in a long
 * statement would not notice for as long as that takes. Crash recovery follows anyway.
 */
export async function endStrays(folder: FolderIdentity, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + KILL_MS;
  for (;;) {
    const strays = postgresProcessesIn(folder);
    const [first] = strays;
    if (first === undefined) return;
    if (clock.monotonic() > deadline) throw embeddedErrors.orphan_stays(first);
    for (const pid of strays) signalProcess(pid, "SIGKILL");
    await clock.sleep(POLL_MS);
  }
}

async function climbDown(pid: number, from: number, cluster: string, clock: Clock): Promise<void> {
  const steps = [
    { signal: "SIGINT", waitMs: FAST_STOP_MS },
    { signal: "SIGQUIT", waitMs: IMMEDIATE_STOP_MS },
    { signal: "SIGKILL", waitMs: KILL_MS },
  ] as const;
  // An orphan stays visible until pid 1 reaps it; its pid file is gone when it is really done.
  const isGone = () => !isRunning(pid) || readPostmasterPid(cluster)?.pid !== pid;
  for (const { signal, waitMs } of steps.slice(from)) {
    if (!signalProcess(pid, signal)) return;
    const deadline = clock.monotonic() + waitMs;
    while (clock.monotonic() < deadline) {
      if (isGone()) return;
      await clock.sleep(POLL_MS);
    }
  }
  throw embeddedErrors.orphan_stays(pid);
}
