/**
 * The few system calls Bun has no function for, by bun:ffi. Loaded on first use: only a glibc Linux
 * that runs the embedded PostgreSQL ever gets here.
 */
import { dlopen, ptr, read } from "bun:ffi";

const SYMBOLS = {
  flock: { args: ["i32", "i32"], returns: "i32" },
  syncfs: { args: ["i32"], returns: "i32" },
  posix_fallocate: { args: ["i32", "i64", "i64"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  setpgid: { args: ["i32", "i32"], returns: "i32" },
  ioctl: { args: ["i32", "u64"], returns: "i32" },
  getppid: { args: [], returns: "i32" },
  execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];
let loaded: Libc | undefined;

/** Throws when the C library is not glibc. */
export function libc(): Libc {
  loaded ??= dlopen("libc.so.6", SYMBOLS).symbols;
  return loaded;
}

/** `errno` of the call just made. */
export function lastErrno(): number {
  const location = libc().__errno_location();
  return location === null ? 0 : read.i32(location, 0);
}

/** A NUL-terminated string for a call; the caller keeps it referenced while the call uses it. */
export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

/** A NULL-terminated array of strings (argv, envp), with what must stay referenced. */
export function cStringArray(texts: readonly string[]): { array: BigUint64Array; keep: Buffer[] } {
  const keep = texts.map(cString);
  const array = new BigUint64Array(texts.length + 1);
  keep.forEach((buffer, i) => {
    array[i] = BigInt(ptr(buffer));
  });
  return { array, keep };
}
