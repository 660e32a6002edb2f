/**
 * Starts the process of a child: in a folder of its own that is a place for its sockets, with nothing of the
 * server's environment, through the jail where there is one.
 */
import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { selfCommand, selfSources } from "../core/self.ts";
import { type JailOrder, SEALED } from "./jail/jail-order.ts";
import { type JailPlan, UIDS } from "./jail/jail-plan.ts";

export interface ChildOptions {
  readonly role: "__fn-runner" | "__wasm-host" | "__program-host";
  /** All the environment the child gets. Default none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder of the code that it is for, absolute. Default null: it is handed its code later. */
  readonly code?: string | null;
  /**
   * It hosts a program of its own: what its command begins with, so that it has namespaces of its own
   * (`jail/program-plan.ts`). Default null: it hosts none.
   */
  readonly namespacesBy?: readonly string[] | null;
}

/** First letters of the folders, so that sockets' paths stay short. */
const LETTERS = { "__fn-runner": "b", "__program-host": "b", "__wasm-host": "w" } as const;
/** sun_path holds 108 bytes with its terminator. */
const SOCKET_PATH_MAX = 107;

/** The folder is thrown away, so a cache of transpiled code in it would only cost. */
const BASE_ENV = { TZ: "UTC", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" } as const;

/** Where a child is, and what its process is told of its jail. */
export interface ChildPlace {
  /** Its own folder, absolute; what code of others may write is `tmp` in it. */
  readonly dir: string;
  /** In it: where the child makes its socket for WebSockets. */
  readonly listensAt: string;
  /** Where that is once the child is ready, out of its reach. */
  readonly socket: string;
  /** Null where there is no jail. */
  readonly order: JailOrder | null;
}

/** @param number of the child: names its folder and chooses its user id */
export function makePlace(
  world: { readonly dir: string; readonly jail: JailPlan },
  options: ChildOptions,
  number: number,
): ChildPlace {
  const dir = join(world.dir, LETTERS[options.role] + number.toString(36));
  const order = orderOf(world.jail, options, dir, number);
  return { dir, order, listensAt: makeFolder(dir, order?.uid ?? null), socket: `${dir}.s` };
}

/**
 * When the child is ready, and before it has any code of others: from now on it can put nothing in the place
 * of what the server follows by name. Its folder is read-only to a user of its own, under Landlock to any.
 */
export function closePlace({ dir, listensAt, socket, order }: ChildPlace): void {
  if (existsSync(listensAt)) renameSync(listensAt, socket);
  if (order?.uid === null || order?.uid === undefined) return;
  chownSync(dir, process.getuid?.() ?? 0, order.uid);
  chmodSync(dir, 0o750);
}

/** Not on the thread that answers: a function may have left thousands of files. */
export async function removePlace({ dir, socket }: ChildPlace): Promise<void> {
  rmSync(socket, { force: true });
  await rm(dir, { recursive: true, force: true });
}

export type ChildProcess = Bun.Subprocess<"ignore", "pipe", "pipe">;

/** @throws where it cannot be started: too many processes or files */
export function startProcess(
  { dir, listensAt, order }: ChildPlace,
  options: ChildOptions,
): ChildProcess {
  return Bun.spawn(commandOf(options, listensAt, order), {
    cwd: dir,
    env: { ...BASE_ENV, HOME: tmpOf(dir), TMPDIR: tmpOf(dir), ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** What the child is told of its jail; null where there is none. */
function orderOf(
  jail: JailPlan,
  { role, code = null, namespacesBy = null }: ChildOptions,
  dir: string,
  number: number,
): JailOrder | null {
  if (jail.level === "none") return null;
  const { landlock, firstUid } = jail;
  // Servers on one machine begin at different ones: what a user may have is bounded for all its processes.
  const place = Number(Bun.hash(dirname(dir)) % BigInt(UIDS)) + number;
  const uid = firstUid === null ? null : firstUid + (place % UIDS);
  const program = namespacesBy !== null;
  const namespaces = program ? "given" : jail.namespaces ? "make" : "none";
  // A WASM host runs no code of others but in its engine, and keeps its mark beside `tmp`.
  const write = role === "__wasm-host" ? dir : tmpOf(dir);
  return { dir, code, write, landlock, namespaces, program, uid, sources: selfSources() };
}

const tmpOf = (dir: string) => join(dir, "tmp");

function commandOf(
  { role, namespacesBy }: ChildOptions,
  socket: string,
  order: JailOrder | null,
): string[] {
  const own = [socket, String(process.pid)];
  if (!order) return selfCommand(role, ...own);
  const command = selfCommand("__jail", JSON.stringify(order), role, ...own, SEALED);
  return [...(namespacesBy ?? []), ...command];
}

/** The child's own folder; returns the path of its socket. */
function makeFolder(dir: string, uid: number | null): string {
  const socket = join(dir, "s");
  if (Buffer.byteLength(socket) > SOCKET_PATH_MAX) {
    throw new Error(`The socket path ${socket} is longer than ${SOCKET_PATH_MAX} bytes`);
  }
  const tmp = tmpOf(dir);
  mkdirSync(tmp, { recursive: true, mode: 0o700 });
  if (uid !== null) for (const path of [dir, tmp]) chownSync(path, uid, uid);
  return socket;
}
