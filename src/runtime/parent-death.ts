/**
 * Nothing outlives the server: the kernel kills a child when its parent dies, however it dies.
 * Called first thing by every child role. Needs no event loop, so a spinning guest goes too.
 */
import { dlopen, FFIType } from "bun:ffi";

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;
const LIBC = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`];

type Prctl = (option: number, a: bigint, b: bigint, c: bigint, d: bigint) => number;

function loadPrctl(): Prctl | null {
  const { i32, u64 } = FFIType;
  for (const file of LIBC) {
    try {
      const library = dlopen(file, { prctl: { args: [i32, u64, u64, u64, u64], returns: i32 } });
      return library.symbols.prctl as unknown as Prctl;
    } catch {
      // The other C library, then.
    }
  }
  return null;
}

/**
 * Arms the parent-death signal (Linux) and ends at once when the parent is already gone.
 * `parentPid` is what the parent called itself, so that the race between fork and prctl is closed.
 */
export function dieWithParent(parentPid: number): void {
  if (process.platform === "linux") loadPrctl()?.(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n);
  if (process.ppid !== parentPid) endSelf();
  process.on("disconnect", endSelf);
}

/** As the kernel would: no handler of user code gets a say. */
function endSelf(): void {
  process.kill(process.pid, "SIGKILL");
}
