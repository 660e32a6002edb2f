/**
 * System calls that Bun has no function for, by bun:ffi on the C library: of the jail, of threads that
 * give way, of the server's own protection. Loaded on first use. Failures are thrown with the call's
 * name and errno.
 */
import { dlopen, ptr, read } from "bun:ffi";

const { i64 } = { i64: "i64" } as const;
const SYMBOLS = {
  syscall: { args: [i64, i64, i64, i64, i64, i64, i64], returns: i64 },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  unshare: { args: ["i32"], returns: "i32" },
  mount: { args: ["ptr", "ptr", "ptr", "u64", "ptr"], returns: "i32" },
  getxattr: { args: ["ptr", "ptr", "ptr", "u64"], returns: i64 },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;
/** musl keeps errno elsewhere under the same name. */
const LIBRARIES = [
  "libc.so.6",
  `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`,
];

type Kernel = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];
let loaded: Kernel | null | undefined;

/** Null where there is no C library to be found: not on Linux. */
export function kernel(): Kernel | null {
  if (loaded !== undefined) return loaded;
  loaded = null;
  for (const file of process.platform === "linux" ? LIBRARIES : []) {
    try {
      loaded = dlopen(file, SYMBOLS).symbols;
      break;
    } catch {
      // The other C library, then.
    }
  }
  return loaded;
}

/** As `kernel`, for code that runs only where there is one. */
export function needKernel(): Kernel {
  const found = kernel();
  if (!found) throw new Error("No C library was found");
  return found;
}

/** `errno` of the call just made. */
export function lastErrno(): number {
  const location = needKernel().__errno_location();
  return location === null ? 0 : read.i32(location, 0);
}

/** Throws when a call answered below zero. */
export function must(call: string, result: number | bigint): number {
  if (Number(result) >= 0) return Number(result);
  throw new Error(`${call} failed with errno ${lastErrno()}`);
}

/** A raw system call; pointers come from `addressOf`. */
export function syscall(number: number, ...args: readonly (number | bigint)[]): number {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  const wide = [number, a, b, c, d, e, f].map(BigInt) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return Number(needKernel().syscall(...wide));
}

/** The caller keeps `bytes` referenced while the call uses it. */
export function addressOf(bytes: NodeJS.TypedArray): number {
  return ptr(bytes);
}

/** A NUL-terminated string. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** A NULL-terminated array of strings (argv, envp), with what must stay referenced. */
export function cStringArray(texts: readonly string[]): { array: BigUint64Array; keep: Buffer[] } {
  const keep = texts.map(cString);
  const array = new BigUint64Array(texts.length + 1);
  for (const [i, buffer] of keep.entries()) array[i] = BigInt(ptr(buffer));
  return { array, keep };
}
