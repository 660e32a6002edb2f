/** The filter as the kernel would run it: a small interpreter of classic BPF over struct seccomp_data. */
import { describe, expect, test } from "bun:test";
import { type ArchitectureName, architecture } from "../../shared/linux/syscalls.ts";
import { filterProgram, programFilter } from "./seccomp.ts";

const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const KILL = 0x80000000;
const PID = 4_242;

function verdict(
  arch: ArchitectureName,
  number: number,
  args: readonly number[] = [],
  audit?: number,
  program = filterProgram(PID, { arch, landlock: 3 }),
) {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE((audit ?? architecture(arch)?.audit ?? 0) >>> 0, 4);
  for (const [i, value] of args.entries()) data.writeBigInt64LE(BigInt(value), 16 + i * 8);
  let accumulator = 0;
  for (let at = 0; ; at += 1) {
    const step = program[at];
    if (!step) throw new Error("the filter runs off its end");
    if (step.code === 0x20) accumulator = data.readUInt32LE(step.value);
    else if (step.code === 0x06) return step.value >>> 0;
    else if (step.code === 0x15) at += accumulator === step.value >>> 0 ? step.yes : step.no;
    else if (step.code === 0x35) at += accumulator >= step.value >>> 0 ? step.yes : step.no;
    else if (step.code === 0x45) at += (accumulator & step.value) !== 0 ? step.yes : step.no;
    else throw new Error(`unknown instruction ${step.code}`);
  }
}

const call = (arch: ArchitectureName, name: string, ...args: number[]) =>
  verdict(arch, architecture(arch)?.numbers[name] ?? -1, args);

const CLONE_THREAD = 0x10000;

test.each(["x64", "arm64"] as const)("on %s nothing starts, connects, traces or mounts", (arch) => {
  for (const name of ["execve", "socket", "connect", "bind", "ptrace", "mount", "bpf", "setns"]) {
    expect([name, call(arch, name)]).toEqual([name, EPERM]);
  }
  for (const name of ["clone3", "io_uring_setup"]) expect(call(arch, name)).toBe(ENOSYS);
  expect(call(arch, "clone", 17)).toBe(EPERM);
  expect(call(arch, "clone", 0x3d0f00)).toBe(ALLOW);
  expect(0x3d0f00 & CLONE_THREAD).not.toBe(0);
});

test.each(["x64", "arm64"] as const)("on %s signals and limits are its own only", (arch) => {
  for (const name of ["kill", "tgkill"]) {
    expect(call(arch, name, PID)).toBe(ALLOW);
    for (const other of [1, 0, -1, -PID, PID + 1]) expect(call(arch, name, other)).toBe(EPERM);
  }
  expect(call(arch, "prlimit64", 0)).toBe(ALLOW);
  expect(call(arch, "prlimit64", 1)).toBe(EPERM);
  // F_GETFL, then F_SETOWN and F_SETSIG: a signal of the kernel's at any process.
  expect(call(arch, "fcntl", 3, 3)).toBe(ALLOW);
  for (const command of [8, 10, 15]) expect(call(arch, "fcntl", 3, command)).toBe(EPERM);
  expect(call(arch, "ioctl", 0, 0x5412)).toBe(EPERM);
  expect(call(arch, "ioctl", 0, 0x5401)).toBe(ALLOW);
});

test.each(["x64", "arm64"] as const)("on %s files and the process stay as they are", (arch) => {
  for (const name of ["fchmod", "fchmodat", "fchownat", "utimensat", "fsetxattr"]) {
    expect([name, call(arch, name)]).toEqual([name, EPERM]);
  }
  expect(call(arch, "inotify_add_watch")).toBe(EPERM);
  expect(call(arch, "memfd_create")).toBe(ENOSYS);
  // PR_SET_NAME; then PR_SET_PDEATHSIG and PR_SET_DUMPABLE.
  expect(call(arch, "prctl", 15)).toBe(ALLOW);
  for (const option of [1, 4, 35]) expect(call(arch, "prctl", option)).toBe(EPERM);
});

test.each(["x64", "arm64"] as const)("on %s files are cut where Landlock sees it only", (arch) => {
  const number = architecture(arch)?.numbers["truncate"] ?? -1;
  for (const make of [(where: object) => filterProgram(PID, where), programFilter]) {
    const at = (landlock: number) => verdict(arch, number, [], undefined, make({ arch, landlock }));
    expect([0, 1, 2, 3, 6].map(at)).toEqual([EPERM, EPERM, EPERM, ALLOW, ALLOW]);
  }
});

test("another architecture's calls kill, and the second table of x86-64 does not exist", () => {
  // AUDIT_ARCH_I386 and AUDIT_ARCH_ARM: the 32-bit calls of the same machines; then each other's.
  expect(verdict("x64", 11, [], 0x40000003)).toBe(KILL);
  expect(verdict("arm64", 11, [], 0x40000028)).toBe(KILL);
  expect(verdict("arm64", 221, [], 0xc000003e)).toBe(KILL);
  expect(verdict("arm64", -1)).toBe(ENOSYS);
  expect(verdict("x64", 0x40000000 + 59)).toBe(ENOSYS);
  expect(verdict("x64", 0)).toBe(ALLOW);
});

describe("the filter of programs", () => {
  const ask = (arch: ArchitectureName, name: string, ...args: number[]) => {
    const number = architecture(arch)?.numbers[name] ?? -1;
    return verdict(arch, number, args, undefined, programFilter({ arch, landlock: 3 }));
  };

  test.each(["x64", "arm64"] as const)("on %s they start others, in no new namespace", (arch) => {
    for (const name of ["execve", "kill", "tkill", "connect"]) {
      expect([name, ask(arch, name)]).toEqual([name, ALLOW]);
    }
    // SIGCHLD, then with each of CLONE_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET.
    expect(ask(arch, "clone", 17)).toBe(ALLOW);
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      expect([bit, ask(arch, "clone", 17 | (1 << bit))]).toEqual([bit, EPERM]);
    }
    for (const name of ["unshare", "setns", "ptrace", "mount", "chroot", "execveat", "fchmodat"]) {
      expect([name, ask(arch, name)]).toEqual([name, EPERM]);
    }
    for (const name of ["clone3", "io_uring_setup", "memfd_create"]) {
      expect([name, ask(arch, name)]).toEqual([name, ENOSYS]);
    }
  });

  test.each(["x64", "arm64"] as const)("on %s sockets are of the Internet, or a pair", (arch) => {
    for (const family of [2, 10]) expect(ask(arch, "socket", family, 1)).toBe(ALLOW);
    for (const family of [1, 16, 17, 38, 40]) expect(ask(arch, "socket", family, 1)).toBe(EPERM);
    expect(ask(arch, "socketpair", 1, 0x80801)).toBe(ALLOW);
    for (const type of [2, 5, 0x80002]) expect(ask(arch, "socketpair", 1, type)).toBe(EPERM);
    expect(ask(arch, "prctl", 1)).toBe(EPERM);
  });
});
