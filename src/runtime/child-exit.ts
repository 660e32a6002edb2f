/** How a child process ended, and how its callers are told. */
import type { Clock } from "../core/ports/clock.ts";
import type { FunctionLimits } from "../core/ports/function-runtime.ts";
import type { Child } from "./child.ts";
import { THREADS_MAX, TMP_BYTES, TMP_FILES } from "./jail/jail-order.ts";

/** Why we killed it; null when it went by itself. */
export type KillReason =
  | { readonly kind: "deadline"; readonly requestId: string }
  | { readonly kind: "memory" }
  | { readonly kind: "threads" }
  | { readonly kind: "disk" }
  | { readonly kind: "unresponsive" }
  | { readonly kind: "link" }
  | { readonly kind: "ended" };

export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly killed: KillReason | null;
}

/** A process that neither answers nor ends for so long is not waited for. */
const GONE_MS = 5_000;

const KILLED: Readonly<Record<KillReason["kind"], string>> = {
  deadline: "killed: deadline",
  memory: "killed: memory",
  threads: `killed: it had more than ${THREADS_MAX} threads`,
  disk: `killed: its TMPDIR held more than ${TMP_BYTES} bytes or ${TMP_FILES} files`,
  unresponsive: "killed: unresponsive",
  link: "killed: what it sent to the server was not what a function sends",
  ended: "killed: ended",
};

/** Null for a process that lives: it says so. One that is ending is slow to be gone on a busy machine. */
export function exitOf(
  child: Pick<Child, "exited" | "ping">,
  clock: Pick<Clock, "sleep">,
): Promise<ChildExit | null> {
  const lives = child.ping().then(
    () => null,
    () => child.exited,
  );
  return Promise.race([child.exited, lives, clock.sleep(GONE_MS).then(() => null)]);
}

/** "ended with exit code 3", "ended by SIGSEGV", "killed: memory". */
export function describeExit(exit: ChildExit): string {
  if (exit.killed) return KILLED[exit.killed.kind];
  return exit.signal ? `ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
}

export const inMib = (bytes: number) => `${Math.round(bytes / (1024 * 1024))} MiB`;

/** The same for the function's own log, with the limit that was hit: "was killed: memory (256 MiB)". */
export function explainExit(
  exit: ChildExit,
  { memoryBytes, deadlineMs }: Pick<FunctionLimits, "memoryBytes" | "deadlineMs">,
): string {
  const said = describeExit(exit);
  if (exit.killed?.kind === "memory") return `was ${said} (${inMib(memoryBytes)})`;
  if (exit.killed?.kind === "deadline") return `was ${said} (${deadlineMs} ms)`;
  return exit.killed || exit.signal ? `was ${said}` : said;
}
