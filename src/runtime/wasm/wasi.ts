/**
 * WASI preview 1 as far as a function needs it: output goes to the log, clocks and randomness work,
 * there are no arguments, no environment and no files. Own, because Bun's `node:wasi` hands out the
 * host's descriptors. Numbers: wasi_snapshot_preview1, `errno` and `fdflags` of witx.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { LogLevelName } from "../messages.ts";
import { threwAway } from "./thrown-away.ts";

export const WASI_MODULE = "wasi_snapshot_preview1";

const ERRNO = { success: 0, badf: 8, fault: 21, inval: 28, nosys: 52 } as const;
const CHARACTER_DEVICE = 2;
/** Web Cryptography gives so much at a time. */
const RANDOM_MAX_BYTES = 65_536;
/** As Linux has it. */
const IOV_MAX = 1_024;
const IOV_BYTES = 8;
/** Taken by one write; a program goes on with what is left, as it does with a pipe. */
const WRITE_MAX_BYTES = 65_536;

/** Refused with EBADF (they name a descriptor) or ENOSYS. */
const REFUSED: Readonly<Record<string, number>> = Object.fromEntries([
  ...[
    "fd_advise fd_allocate fd_datasync fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get",
    "fd_filestat_set_size fd_filestat_set_times fd_pread fd_prestat_dir_name fd_prestat_get fd_pwrite",
    "fd_readdir fd_renumber fd_seek fd_sync fd_tell path_create_directory path_filestat_get",
    "path_filestat_set_times path_link path_open path_readlink path_remove_directory path_rename",
    "path_symlink path_unlink_file",
  ].flatMap((names) => names.split(" ").map((name) => [name, ERRNO.badf] as const)),
  ...["poll_oneoff", "proc_raise", "sock_accept", "sock_recv", "sock_send", "sock_shutdown"].map(
    (name) => [name, ERRNO.nosys] as const,
  ),
]);

/** Thrown out of the module by `proc_exit`. */
export class WasiExit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`The module exited with code ${code}`);
    this.name = "WasiExit";
    this.code = code;
  }
}

export interface WasiHost {
  readonly clock: Clock;
  readonly rng: Rng;
  /** Null until the module is instantiated, or when it exports no memory. */
  memory(): WebAssembly.Memory | null;
  /** Throws when the call's time is up: asked by what takes long or is called in a loop for long. */
  checkStop(): void;
  log(level: LogLevelName, text: string): void;
}

type HostFunction = (...args: never[]) => unknown;

export function createWasi(host: WasiHost): Record<string, HostFunction> {
  const refused = Object.entries(REFUSED).map(([name, errno]) => [name, () => errno] as const);
  return {
    ...Object.fromEntries(refused),
    ...outputFunctions(host),
    ...sizeFunctions(host),
    ...worldFunctions(host),
    fd_close: () => ERRNO.success,
    sched_yield: () => ERRNO.success,
    proc_exit: (code: number) => {
      throw new WasiExit(code);
    },
  };
}

/**
 * What a module gives are i32 of any sign. Null when it is not all in its memory. Memory may have grown
 * since the last call, so a view is made each time.
 */
function within(host: WasiHost, at: number, length: number): DataView<ArrayBuffer> | null {
  const memory = host.memory();
  if (!memory) throw new Error("WASI needs the module to export its memory");
  const buffer = memory.buffer as ArrayBuffer;
  const [start, size] = [at >>> 0, length >>> 0];
  return start + size <= buffer.byteLength ? new DataView(buffer, start, size) : null;
}

/** Has `write` put a result of `length` bytes to where the module wants it. */
function give(host: WasiHost, at: number, length: number, write: (view: DataView) => void): number {
  const view = within(host, at, length);
  if (!view) return ERRNO.fault;
  write(view);
  return ERRNO.success;
}

function outputFunctions(host: WasiHost): Record<string, HostFunction> {
  return {
    fd_write(fd: number, vectors: number, count: number, written: number) {
      host.checkStop();
      if (fd !== 1 && fd !== 2) return ERRNO.badf;
      if (count >>> 0 > IOV_MAX) return ERRNO.inval;
      const list = within(host, vectors, count * IOV_BYTES);
      const result = within(host, written, 4);
      const bytes = list && result && gather(host, list);
      if (!bytes) return ERRNO.fault;
      result.setUint32(0, bytes.length, true);
      threwAway(bytes.length);
      const text = new TextDecoder().decode(bytes).replace(/\n$/, "");
      if (text !== "") host.log(fd === 2 ? "error" : "info", text);
      return ERRNO.success;
    },
    fd_read(fd: number, _vectors: number, _count: number, read: number) {
      if (fd !== 0) return ERRNO.badf;
      return give(host, read, 4, (view) => view.setUint32(0, 0, true));
    },
    fd_fdstat_get(fd: number, at: number) {
      if (fd < 0 || fd > 2) return ERRNO.badf;
      return give(host, at, 24, (view) => {
        for (let offset = 0; offset < 24; offset += 8) view.setBigUint64(offset, 0n, true);
        view.setUint8(0, CHARACTER_DEVICE);
      });
    },
  };
}

/** The first bytes of what is to be written; null when some of it is outside of the memory. */
function gather(host: WasiHost, list: DataView): Uint8Array | null {
  const parts: Uint8Array[] = [];
  let room = WRITE_MAX_BYTES;
  for (let at = 0; at < list.byteLength; at += IOV_BYTES) {
    const part = within(host, list.getUint32(at, true), list.getUint32(at + 4, true));
    if (!part) return null;
    const length = Math.min(room, part.byteLength);
    if (length > 0) parts.push(new Uint8Array(part.buffer, part.byteOffset, length));
    room -= length;
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}

/** No arguments and no environment: zero of them, zero bytes long. */
function sizeFunctions(host: WasiHost): Record<string, HostFunction> {
  const zero = (view: DataView) => view.setUint32(0, 0, true);
  const none = (count: number, size: number) =>
    give(host, count, 4, zero) || give(host, size, 4, zero);
  return {
    args_sizes_get: none,
    environ_sizes_get: none,
    args_get: () => ERRNO.success,
    environ_get: () => ERRNO.success,
  };
}

function worldFunctions(host: WasiHost): Record<string, HostFunction> {
  const nanoseconds = (clockId: number) => {
    const ms = clockId === 0 ? host.clock.now() : host.clock.monotonic();
    return BigInt(Math.round(ms * 1000)) * 1000n;
  };
  return {
    clock_time_get: (clockId: number, _precision: bigint, at: number) =>
      give(host, at, 8, (view) => view.setBigUint64(0, nanoseconds(clockId), true)),
    clock_res_get: (_clockId: number, at: number) =>
      give(host, at, 8, (view) => view.setBigUint64(0, 1000n, true)),
    random_get(at: number, length: number) {
      const target = within(host, at, length);
      if (!target) return ERRNO.fault;
      for (let offset = 0; offset < target.byteLength; offset += RANDOM_MAX_BYTES) {
        host.checkStop();
        const size = Math.min(RANDOM_MAX_BYTES, target.byteLength - offset);
        host.rng.fill(new Uint8Array(target.buffer, target.byteOffset + offset, size));
      }
      return ERRNO.success;
    },
  };
}

/** Names that a module may import. */
export const WASI_FUNCTIONS: ReadonlySet<string> = new Set(
  Object.keys(
    createWasi({
      ...{ clock: {} as Clock, rng: {} as Rng, memory: () => null },
      ...{ checkStop: () => {}, log: () => {} },
    }),
  ),
);
