/**
 * The role `__jail`: the first of two steps into the jail. Takes on everything that survives execve and
 * then becomes this same program in the role it was asked for. The execve is what makes it hold: Landlock
 * and user ids belong to a thread, Bun has started others already, and they die there (measured: without
 * it a file was still read through Bun's thread pool).
 */
import { join } from "node:path";
import { selfCommand } from "../../core/self.ts";
import {
  addressOf,
  cString,
  cStringArray,
  must,
  needKernel,
  syscall,
} from "../../shared/linux/kernel.ts";
import { leaveTerminal } from "../../shared/linux/leave-terminal.ts";
import { callNumber } from "../../shared/linux/syscalls.ts";
import { type JailOrder, RUNTIME_PORT, THREADS_MAX, TMP_BYTES, TMP_FILES } from "./jail-order.ts";
import { type PathRules, restrict } from "./landlock.ts";
import { raiseLoopback } from "./loopback.ts";
import { LIBRARIES, PROGRAMS, SYSTEM_FILES } from "./system-paths.ts";

const PR_SET_NO_NEW_PRIVS = 38;
const CLONE = { newMounts: 0x00020000, newUts: 0x04000000, newIpc: 0x08000000, newNet: 0x40000000 };
const MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8;
const MS_PRIVATE_BELOW = (1 << 18) | 0x4000;
const LIMIT = { fileSize: 1, core: 4, processes: 6, openFiles: 7 } as const;
const OPEN_FILES = 2_048n;
/** struct __user_cap_header_struct: version 3, this thread. */
const CAPABILITY_VERSION = 0x20080522;

/** @param args the order as JSON, the role, the role's own arguments. */
export function runRole(args: readonly string[]): void {
  const [json = "", ...role] = args;
  const order = JSON.parse(json) as JailOrder;
  leaveTerminal();
  must("prctl", needKernel().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  if (order.namespaces !== "none") enterNamespaces(order);
  setLimits(order);
  takeUser(order);
  if (order.landlock) restrict(rulesOf(order));
  become(role);
}

function enterNamespaces(order: JailOrder): void {
  const { newMounts, newUts, newIpc, newNet } = CLONE;
  if (order.namespaces === "given") raiseLoopback();
  else must("unshare", needKernel().unshare(newMounts | newUts | newIpc | newNet));
  const [none, root] = [cString("none"), cString("/")];
  must("mount", needKernel().mount(none, root, null, MS_PRIVATE_BELOW, null));
  const [type, target] = [cString("tmpfs"), cString(join(order.dir, "tmp"))];
  const owner = order.uid === null ? "" : `,uid=${order.uid},gid=${order.uid}`;
  const options = cString(`size=${TMP_BYTES},nr_inodes=${TMP_FILES},mode=0700${owner}`);
  const mounted = needKernel().mount(type, target, type, MS_NOSUID_NODEV_NOEXEC, options);
  must("mount tmpfs", mounted);
}

function setLimits({ uid, program }: JailOrder): void {
  const set = (what: number, value: bigint) => {
    const limit = new BigUint64Array([value, value]);
    must("setrlimit", needKernel().setrlimit(what, limit));
  };
  set(LIMIT.core, 0n);
  set(LIMIT.fileSize, BigInt(TMP_BYTES));
  set(LIMIT.openFiles, OPEN_FILES);
  // Threads count as processes, of all that the user has: only for a user of its own, or one that is
  // counted apart because it is in a user namespace of its own.
  if (uid !== null || program) set(LIMIT.processes, BigInt(THREADS_MAX));
}

/** Gives up the user and, for a root that cannot change it, root's capabilities. */
function takeUser({ uid }: JailOrder): void {
  if (uid !== null) {
    process.setgroups?.([]);
    process.setgid?.(uid);
    process.setuid?.(uid);
  } else if (process.geteuid?.() === 0) {
    const header = new Uint32Array([CAPABILITY_VERSION, 0]);
    const none = new Uint32Array(6);
    must("capset", syscall(callNumber("capset"), addressOf(header), addressOf(none)));
  }
}

function rulesOf(order: JailOrder): PathRules {
  const code = order.code === null ? [] : [order.code];
  return {
    // A host's /proc is of its own processes, and those that it starts need to see themselves.
    read: [
      order.program ? "/proc" : "/proc/self",
      order.dir,
      ...SYSTEM_FILES,
      ...order.sources,
      ...code,
    ],
    execute: [process.execPath, ...LIBRARIES, ...(order.program ? [...PROGRAMS, ...code] : [])],
    write: [order.write],
    sockets: [order.dir],
    writeFiles: ["/dev/null"],
    ...(order.program ? { bindPorts: [RUNTIME_PORT], connectPorts: [RUNTIME_PORT] } : {}),
  };
}

function become(role: readonly string[]): never {
  const env = Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}`);
  const argv = cStringArray(selfCommand(...role));
  const vars = cStringArray(env);
  const program = cString("/proc/self/exe");
  needKernel().execve(program, addressOf(argv.array) as never, addressOf(vars.array) as never);
  throw new Error(`execve failed (${argv.keep.length + vars.keep.length})`);
}
