/**
 * Role `__pg-shim`: the few steps between our process and PostgreSQL that Bun's spawn cannot take.
 * Leaves the terminal, gives up root, asks the kernel for SIGINT (PostgreSQL's fast shutdown) when the
 * server dies, then becomes PostgreSQL by execve, so nothing of it stays in memory.
 *
 * Order matters: a change of uid clears the parent-death signal, so the signal comes after it; and the
 * parent may have died before, so it is compared last.
 */
import { ptr } from "bun:ffi";
import { closeSync, constants, openSync } from "node:fs";
import { cString, cStringArray, lastErrno, libc } from "./libc.ts";

/** What to become. Crosses the process boundary as JSON in the second argument. */
export interface ShimOrder {
  /** The server's pid; the shim ends if it is not its parent any more. */
  readonly parent: number;
  /** Working folder of the program, entered before root is given up. */
  readonly cwd: string;
  readonly identity: { readonly uid: number; readonly gid: number } | null;
  readonly argv: readonly string[];
  readonly env: readonly string[];
}

/** Exit code when the program could not be executed, as shells have it. */
export const CANNOT_EXECUTE = 126;
const PR_SET_PDEATHSIG = 1;
const TIOCNOTTY = 0x5422;
const SIGINT = 2;
const PARENT_GONE = 3;

export function runRole(args: readonly string[]): void {
  const order = JSON.parse(args[0] ?? "") as ShimOrder;
  const [program] = order.argv;
  if (!program) throw new Error("the shim was given no program");
  process.chdir(order.cwd);
  process.umask(0o077);
  leaveTerminal();
  if (order.identity) dropRoot(order.identity);
  libc().prctl(PR_SET_PDEATHSIG, SIGINT, 0, 0, 0);
  if (libc().getppid() !== order.parent) process.exit(PARENT_GONE);
  execute(program, order);
}

/**
 * Ctrl-C must reach the server first, which then stops PostgreSQL; and PostgreSQL's user must not be able to
 * type in the terminal as whoever started the server (ioctl_tty(2), TIOCSTI). The same as
 * `shared/linux/leave-terminal.ts`, by what is loaded here.
 */
function leaveTerminal(): void {
  libc().setpgid(0, 0);
  let terminal: number;
  try {
    terminal = openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return; // It has none.
  }
  libc().ioctl(terminal, TIOCNOTTY);
  closeSync(terminal);
}

function dropRoot({ uid, gid }: { uid: number; gid: number }): void {
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

function execute(program: string, order: ShimOrder): void {
  const path = cString(program);
  const argv = cStringArray(order.argv);
  const env = cStringArray(order.env);
  libc().execve(ptr(path), ptr(argv.array), ptr(env.array));
  process.stderr.write(`execve errno ${lastErrno()} (${argv.keep.length + env.keep.length})\n`);
  process.exit(CANNOT_EXECUTE);
}
