/**
 * WASI preview 1 as far as a function needs it: output goes to the log, clocks and randomness work,
 * there are no arguments, no environment and no files. Own, because Bun's `node:wasi` hands out the
 * host's descriptors. Numbers: wasi_snapshot_preview1, `errno` and `fdflags` of witx.
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Rng } from "../../core/ports/rng.ts";
import type { LogLevelName } from "../messages.ts";

export const WASI_MODULE = "wasi_snapshot_preview1";

const ERRNO = { success: 0, badf: 8, fault: 21, nosys: 52 } as const;
const CHARACTER_DEVICE = 2;
const RANDOM_MAX_BYTES = 65_536;

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

/** Memory may have grown since the last call, so a view is made each time. */
function viewOf(host: WasiHost): DataView {
  const memory = host.memory();
  if (!memory) throw new Error("WASI needs the module to export its memory");
  return new DataView(memory.buffer);
}

function outputFunctions(host: WasiHost): Record<string, HostFunction> {
  return {
    fd_write(fd: number, vectors: number, count: number, written: number) {
      if (fd !== 1 && fd !== 2) return ERRNO.badf;
      const view = viewOf(host);
      const bytes = gather(view, vectors, count);
      view.setUint32(written, bytes.length, true);
      const text = new TextDecoder().decode(bytes).replace(/\n$/, "");
      if (text !== "") host.log(fd === 2 ? "error" : "info", text);
      return ERRNO.success;
    },
    fd_read(fd: number, _vectors: number, _count: number, read: number) {
      if (fd !== 0) return ERRNO.badf;
      viewOf(host).setUint32(read, 0, true);
      return ERRNO.success;
    },
    fd_fdstat_get(fd: number, at: number) {
      if (fd < 0 || fd > 2) return ERRNO.badf;
      const view = viewOf(host);
      for (let offset = 0; offset < 24; offset += 8) view.setBigUint64(at + offset, 0n, true);
      view.setUint8(at, CHARACTER_DEVICE);
      return ERRNO.success;
    },
  };
}

function gather(view: DataView, vectors: number, count: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let n = 0; n < count; n += 1) {
    const start = view.getUint32(vectors + n * 8, true);
    const length = view.getUint32(vectors + n * 8 + 4, true);
    parts.push(new Uint8Array(view.buffer as ArrayBuffer, start, length));
  }
  return Buffer.concat(parts);
}

/** No arguments and no environment: zero of them, zero bytes long. */
function sizeFunctions(host: WasiHost): Record<string, HostFunction> {
  const none = (count: number, size: number) => {
    const view = viewOf(host);
    view.setUint32(count, 0, true);
    view.setUint32(size, 0, true);
    return ERRNO.success;
  };
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
    clock_time_get(clockId: number, _precision: bigint, at: number) {
      viewOf(host).setBigUint64(at, nanoseconds(clockId), true);
      return ERRNO.success;
    },
    clock_res_get(_clockId: number, at: number) {
      viewOf(host).setBigUint64(at, 1000n, true);
      return ERRNO.success;
    },
    random_get(at: number, length: number) {
      const memory = new Uint8Array(viewOf(host).buffer as ArrayBuffer, at >>> 0, length >>> 0);
      for (let offset = 0; offset < memory.length; offset += RANDOM_MAX_BYTES) {
        const part = memory.subarray(offset, offset + RANDOM_MAX_BYTES);
        part.set(host.rng.bytes(part.length));
      }
      return ERRNO.success;
    },
  };
}

/** Names that a module may import. */
export const WASI_FUNCTIONS: ReadonlySet<string> = new Set(
  Object.keys(
    createWasi({ clock: {} as Clock, rng: {} as Rng, memory: () => null, log: () => {} }),
  ),
);
