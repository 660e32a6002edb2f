/**
 * Landlock (kernel documentation, "Landlock: unprivileged access control"): which files this thread and
 * what it becomes by execve may reach. Rules name paths; whatever they do not name is out of reach,
 * TCP included, whatever the user id. Restricts only the calling thread, which is why the jail goes
 * through an execve (Bun's helper threads would stay free).
 */
import { closeSync, openSync, statSync } from "node:fs";
import { addressOf, must, syscall } from "../../shared/linux/kernel.ts";
import { callNumber } from "../../shared/linux/syscalls.ts";

const VERSION_FLAG = 1;
const RULE_PATH_BENEATH = 1;
const RULE_NET_PORT = 2;
const O_PATH = 0x200000;
const O_CLOEXEC = 0x80000;

const FS = {
  execute: 1n << 0n,
  writeFile: 1n << 1n,
  readFile: 1n << 2n,
  readDir: 1n << 3n,
  makeChar: 1n << 6n,
  makeSocket: 1n << 9n,
  makeBlock: 1n << 11n,
  truncate: 1n << 14n,
  ioctlDev: 1n << 15n,
} as const;
/** Number of file rights that each version of the interface knows; the last stays for later ones. */
const FS_RIGHTS = [13n, 14n, 15n, 15n, 16n] as const;
/** Before it, whoever may write a file by its mode may cut it. */
export const TRUNCATE_VERSION = 3;
const NET = { bindTcp: 1n, connectTcp: 2n } as const;
const NET_ALL = NET.bindTcp | NET.connectTcp;
/** Earlier versions have no say in sockets. */
const NET_VERSION = 4;
const SCOPE_ALL = 3n;

export interface PathRules {
  /** Readable, with all below. */
  readonly read: readonly string[];
  /** Readable and executable, with all below. */
  readonly execute: readonly string[];
  /** Everything but devices. */
  readonly write: readonly string[];
  /** Sockets can be made in it, nothing else. */
  readonly sockets: readonly string[];
  /** These files can be written, not made. */
  readonly writeFiles: readonly string[];
  /** TCP ports to listen on and to connect to, whatever the address. Default none. */
  readonly bindPorts?: readonly number[];
  readonly connectPorts?: readonly number[];
}

/** Version of the interface, 0 where the kernel has none or it is switched off. */
export function landlockVersion(): number {
  const version = syscall(callNumber("landlock_create_ruleset"), 0, 0, VERSION_FLAG);
  return Math.max(0, version);
}

/** Restricts the calling thread for ever. Paths that do not exist are left out. */
export function restrict(rules: PathRules): void {
  const version = landlockVersion();
  if (version === 0) throw new Error("The kernel has no Landlock");
  const handled = (1n << (FS_RIGHTS[Math.min(version, FS_RIGHTS.length) - 1] ?? 13n)) - 1n;
  const ruleset = createRuleset(version, handled);
  const readable = FS.readFile | FS.readDir;
  for (const path of rules.read) allow(ruleset, path, readable, handled);
  for (const path of rules.execute) allow(ruleset, path, readable | FS.execute, handled);
  const writable = handled & ~(FS.makeChar | FS.makeBlock | FS.execute | FS.ioctlDev);
  for (const path of rules.write) allow(ruleset, path, writable, handled);
  for (const path of rules.sockets) allow(ruleset, path, FS.makeSocket, handled);
  const write = FS.readFile | FS.writeFile;
  for (const path of rules.writeFiles) allow(ruleset, path, write, handled);
  if (version >= NET_VERSION) {
    for (const port of rules.bindPorts ?? []) allowPort(ruleset, port, NET.bindTcp);
    for (const port of rules.connectPorts ?? []) allowPort(ruleset, port, NET.connectTcp);
  }
  must("landlock_restrict_self", syscall(callNumber("landlock_restrict_self"), ruleset, 0));
  closeSync(ruleset);
}

function createRuleset(version: number, handled: bigint): number {
  // struct landlock_ruleset_attr; earlier kernels know a shorter one.
  const attribute = new BigUint64Array([handled, NET_ALL, SCOPE_ALL]);
  const size = version >= 6 ? 24 : version >= NET_VERSION ? 16 : 8;
  const call = callNumber("landlock_create_ruleset");
  return must("landlock_create_ruleset", syscall(call, addressOf(attribute), size, 0));
}

function allow(ruleset: number, path: string, rights: bigint, handled: bigint): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  // Rights of folders mean nothing on a file, and the kernel refuses them.
  const ofFiles = FS.execute | FS.writeFile | FS.readFile | FS.truncate | FS.ioctlDev;
  const allowed = rights & handled & (stat.isDirectory() ? ~0n : ofFiles);
  const fd = openSync(path, O_PATH | O_CLOEXEC);
  // struct landlock_path_beneath_attr is packed: u64, s32.
  const attribute = Buffer.alloc(12);
  attribute.writeBigUInt64LE(BigInt.asUintN(64, allowed), 0);
  attribute.writeInt32LE(fd, 8);
  const call = callNumber("landlock_add_rule");
  const added = syscall(call, ruleset, RULE_PATH_BENEATH, addressOf(attribute), 0);
  must(`landlock_add_rule ${path}`, added);
  closeSync(fd);
}

function allowPort(ruleset: number, port: number, rights: bigint): void {
  // struct landlock_net_port_attr: u64, u64.
  const attribute = new BigUint64Array([rights, BigInt(port)]);
  const call = callNumber("landlock_add_rule");
  const added = syscall(call, ruleset, RULE_NET_PORT, addressOf(attribute), 0);
  must(`landlock_add_rule of port ${port}`, added);
}
