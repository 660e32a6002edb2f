/**
 * Four bytes of memory that a WASM host and the server share: the number of the call that the host is
 * running, 0 for none. A spinning host cannot be asked, so this is how the server knows whom to blame.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export type RunningMark = Uint32Array;

const FILE = "running";

/** By the host, in its own folder, before it says that it is ready; the mapping outlives the folder. */
export function createRunningMark(dir: string): RunningMark {
  writeFileSync(join(dir, FILE), new Uint8Array(4), { mode: 0o600 });
  return openRunningMark(dir);
}

export function openRunningMark(dir: string): RunningMark {
  const bytes = Bun.mmap(join(dir, FILE), { shared: true });
  return new Uint32Array(bytes.buffer, bytes.byteOffset, 1);
}
