/**
 * The role `__program`: becomes a program of a function, inside the jail of its host and more narrowly.
 * It reads and executes its own code and what the system has, writes its `tmp`, may start processes, and
 * connects to the one port; the network it is in has nothing else. Signals and process ids are those of
 * its own namespace.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  addressOf,
  cString,
  cStringArray,
  lastErrno,
  must,
  needKernel,
  syscall,
} from "../../shared/linux/kernel.ts";
import { callNumber } from "../../shared/linux/syscalls.ts";
import type { ProgramOrder } from "./jail-order.ts";
import { restrict } from "./landlock.ts";
import { installFilter, programFilter } from "./seccomp.ts";
import { LIBRARIES, PROGRAMS, SYSTEM_FILES } from "./system-paths.ts";

const SIGPIPE = 13;
const F_SETFD = 2;
const CLOSE_RANGE_CLOEXEC = 4;
const FIRST_OTHER_FD = 3;
const ALL_FDS = 0xffff_ffff;
const WHY: Readonly<Record<number, string>> = {
  2: "it, or the interpreter or loader that it names, is not there",
  8: "it is no program of this machine, and its first line is no #!",
  13: "its interpreter is not one of the system's",
};

export function runRole(): void {
  const order = JSON.parse(readFileSync(0, "utf8")) as ProgramOrder;
  const { dir, code, port } = order;
  restrict({
    read: ["/proc/self", ...SYSTEM_FILES],
    execute: [code, ...LIBRARIES, ...PROGRAMS],
    write: [join(dir, "tmp")],
    sockets: [],
    writeFiles: ["/dev/null"],
    connectPorts: [port],
  });
  process.chdir(code);
  giveNothingOn();
  installFilter(programFilter());
  execute(order);
}

/** No descriptor of ours but its output; nothing comes in. */
function giveNothingOn(): void {
  closeSync(0);
  const stdin = openSync("/dev/null", "r");
  must("fcntl", syscall(callNumber("fcntl"), stdin, F_SETFD, 0));
  const close = callNumber("close_range");
  must("close_range", syscall(close, FIRST_OTHER_FD, ALL_FDS, CLOSE_RANGE_CLOEXEC));
}

function execute({ code, file, env }: ProgramOrder): never {
  const path = cString(join(code, file));
  const argv = cStringArray([join(code, file)]);
  const vars = cStringArray(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  // Ours ignores it, and what is ignored stays so through an execve.
  needKernel().signal(SIGPIPE, null);
  needKernel().execve(path, addressOf(argv.array) as never, addressOf(vars.array) as never);
  const errno = lastErrno();
  const kept = argv.keep.length + vars.keep.length;
  throw new Error(`${file} cannot be run: ${WHY[errno] ?? `errno ${errno}`} (${kept})`);
}
