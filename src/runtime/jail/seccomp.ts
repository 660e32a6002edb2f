/**
 * The seccomp filter of a function's process (kernel documentation, "Seccomp BPF"): no new process, no
 * new socket, nobody else's signals, and nothing of what administrates a machine. A deny list, because
 * an allow list would break with each release of Bun; Landlock and the user id stand behind it.
 */
import { addressOf, must, syscall } from "../../shared/linux/kernel.ts";
import { architecture, callNumber } from "../../shared/linux/syscalls.ts";
import { landlockVersion, TRUNCATE_VERSION } from "./landlock.ts";

const EPERM = 1;
const ENOSYS = 38;
const RETURN = { kill: 0x80000000, error: 0x00050000, allow: 0x7fff0000 } as const;
const OP = { load: 0x20, jumpEqual: 0x15, jumpAtLeast: 0x35, jumpSet: 0x45, return: 0x06 } as const;
/** Offsets in struct seccomp_data. */
const DATA = { number: 0, architecture: 4, argument: 16 } as const;
const X32_BIT = 0x40000000;
const CLONE_THREAD = 0x00010000;
const MAP_SHARED = 1;
const MAP_ANONYMOUS = 0x20;
/** CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID and _NEWNET. */
const NEW_NAMESPACES = 0x7e020000;
const AF_INET = 2;
const AF_INET6 = 10;
/** SOCK_STREAM with and without SOCK_NONBLOCK and SOCK_CLOEXEC: datagrams could be sent elsewhere. */
const STREAM_TYPES = [1, 0x801, 0x80001, 0x80801];
const SET_MODE_FILTER = 1;
const FLAG_TSYNC = 1;

/** Always refused. */
const REFUSED = (
  "ptrace process_vm_readv process_vm_writev kcmp pidfd_open pidfd_send_signal pidfd_getfd " +
  "process_madvise process_mrelease mount umount2 pivot_root chroot setns unshare open_tree open_tree_attr " +
  "move_mount statmount listmount listns fsopen fsconfig fsmount fspick mount_setattr open_by_handle_at name_to_handle_at keyctl add_key " +
  "request_key bpf perf_event_open userfaultfd fanotify_init init_module finit_module delete_module " +
  "kexec_load kexec_file_load reboot swapon swapoff quotactl quotactl_fd clock_settime settimeofday " +
  "adjtimex clock_adjtime syslog personality iopl ioperm modify_ldt acct sethostname setdomainname " +
  "vhangup shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open " +
  "mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr tkill rt_sigqueueinfo " +
  // The scheduler's calls take anybody's pid, and a server of the same user is anybody.
  "rt_tgsigqueueinfo sched_setaffinity sched_setparam sched_setscheduler sched_setattr setpriority " +
  "ioprio_set migrate_pages move_pages execve execveat fork vfork socket socketpair connect bind listen " +
  // Landlock has no say in these, and to the kernel a function of a server that is not root owns all
  // that the server owns, its own program included.
  "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat " +
  "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat " +
  // What the whole machine, or all of a user, has a bounded number of.
  "file_setattr inotify_init inotify_init1 inotify_add_watch io_setup"
).split(" ");
/** What a program that is not ours may do, within its namespaces and under Landlock. */
const OF_PROGRAMS: ReadonlySet<string> = new Set(
  "execve fork vfork tkill socket socketpair connect bind listen".split(" "),
);
/** Programs fall back to older calls, which the filter can look into. */
const ABSENT = [
  ...["clone3", "io_uring_setup", "io_uring_enter", "io_uring_register"],
  // Memory that is nobody's resident set: the watch over memory would not see it.
  ...["memfd_create", "memfd_secret"],
];
/** PR_SET_PDEATHSIG would let it outlive the server; PR_SET_DUMPABLE, _MM, _PTRACER open it to others. */
const PRCTL_REFUSED = [1, 4, 35, 0x59616d61];
/** F_SETOWN, F_SETSIG and F_SETOWN_EX aim a signal of the kernel's at any process. */
const FCNTL_REFUSED = [8, 10, 15];
/** TIOCSTI, TIOCLINUX type into a terminal; FIOSETOWN, SIOCSPGRP are F_SETOWN. */
const IOCTL_REFUSED = [0x5412, 0x541c, 0x8901, 0x8902];

interface Instruction {
  readonly code: number;
  readonly yes: number;
  readonly no: number;
  readonly value: number;
}

const load = (value: number): Instruction => ({ code: OP.load, yes: 0, no: 0, value });
const finish = (value: number): Instruction => ({ code: OP.return, yes: 0, no: 0, value });
const error = (errno: number) => finish(RETURN.error | errno);
const jump = (code: number, value: number, yes: number, no: number): Instruction => ({
  code,
  value,
  yes,
  no,
});

type Checks = readonly (readonly [name: string, check: readonly Instruction[]])[];

interface Where {
  /** Default this machine's. */
  readonly arch?: string;
  /** Version of the kernel's Landlock, default this machine's. */
  readonly landlock?: number;
}

/** @param pid of the process: the only one it may signal. */
export function filterProgram(pid: number, where: Where = {}): Instruction[] {
  const isThread = [...low(0), jump(OP.jumpSet, CLONE_THREAD, 1, 0), error(EPERM), allowed()];
  return filterOf(where, REFUSED, [
    ["clone", isThread],
    ["kill", onlyArgument(0, [pid])],
    ["tgkill", onlyArgument(0, [pid])],
    ["prlimit64", onlyArgument(0, [0, pid])],
    ["mmap", notShared()],
    ...commonChecks(),
  ]);
}

/**
 * For programs that are not ours, in a network and among processes of their own: those they may reach,
 * and no namespace but that one. Sockets are of the Internet's families, or a pair of its own.
 */
export function programFilter(where: Where = {}): Instruction[] {
  const refused = REFUSED.filter((name) => !OF_PROGRAMS.has(name));
  const isPlain = [...low(0), jump(OP.jumpSet, NEW_NAMESPACES, 0, 1), error(EPERM), allowed()];
  return filterOf(where, refused, [
    ["clone", isPlain],
    ["socket", onlyArgument(0, [AF_INET, AF_INET6])],
    ["socketpair", onlyArgument(1, STREAM_TYPES)],
    ...commonChecks(),
  ]);
}

/** Pages that are shared and of no file stay when they leave the resident set: nobody would count them. */
const notShared = (): readonly Instruction[] => [
  ...low(3),
  jump(OP.jumpSet, MAP_ANONYMOUS, 0, 2),
  jump(OP.jumpSet, MAP_SHARED, 0, 1),
  error(EPERM),
  allowed(),
];

const commonChecks = (): Checks => [
  ["prctl", notArgument(0, PRCTL_REFUSED)],
  ["fcntl", notArgument(1, FCNTL_REFUSED)],
  ["ioctl", notArgument(1, IOCTL_REFUSED)],
];

function filterOf(where: Where, refused: readonly string[], checks: Checks): Instruction[] {
  const { arch = process.arch, landlock = landlockVersion() } = where;
  const known = architecture(arch);
  if (!known) throw new Error(`No jail on ${arch}`);
  const program: Instruction[] = [
    load(DATA.architecture),
    jump(OP.jumpEqual, known.audit, 1, 0),
    finish(RETURN.kill),
    load(DATA.number),
  ];
  // The second table of numbers of x86-64; on arm64 no number is so high.
  program.push(jump(OP.jumpAtLeast, X32_BIT, 0, 1), error(ENOSYS));
  const look = (name: string, check: readonly Instruction[]) => {
    const call = known.numbers[name];
    if (call === undefined) throw new Error(`No number of ${name} is known on ${arch}`);
    if (call !== null) program.push(jump(OP.jumpEqual, call, 0, check.length), ...check);
  };
  for (const name of refused) look(name, [error(EPERM)]);
  // By path, with no right to open the file: earlier versions let it pass.
  if (landlock < TRUNCATE_VERSION) look("truncate", [error(EPERM)]);
  for (const name of ABSENT) look(name, [error(ENOSYS)]);
  for (const [name, check] of checks) look(name, check);
  program.push(allowed());
  return program;
}

const allowed = () => finish(RETURN.allow);
/** The low half of an argument; both architectures are little-endian. */
const low = (argument: number) => [load(DATA.argument + argument * 8)];

/** Process ids, commands and flags are 32 bits wide: the kernel looks at no more. */
function onlyArgument(argument: number, values: readonly number[]): Instruction[] {
  const checks = values.flatMap((value) => [jump(OP.jumpEqual, value, 0, 1), allowed()]);
  return [...low(argument), ...checks, error(EPERM)];
}

function notArgument(argument: number, values: readonly number[]): Instruction[] {
  const checks = values.flatMap((value) => [jump(OP.jumpEqual, value, 0, 1), error(EPERM)]);
  return [...low(argument), ...checks, allowed()];
}

/** Puts all threads of this process under the filter, for ever. Needs no_new_privs. */
export function installFilter(program: readonly Instruction[]): void {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [n, { code, yes, no, value }] of program.entries()) {
    bytes.writeUInt16LE(code, n * 8);
    bytes.writeUInt8(yes, n * 8 + 2);
    bytes.writeUInt8(no, n * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, n * 8 + 4);
  }
  // struct sock_fprog: length, padding, pointer.
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length, 0);
  header.writeBigUInt64LE(BigInt(addressOf(bytes)), 8);
  const call = callNumber("seccomp");
  must("seccomp", syscall(call, SET_MODE_FILTER, FLAG_TSYNC, addressOf(header)));
}
