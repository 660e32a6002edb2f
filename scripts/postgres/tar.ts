/**
 * Writes ustar archives (POSIX.1-1988): regular files and folders, owner 0, time 0, so that the same
 * input gives the same bytes. `Bun.Archive` reads them at boot; it cannot set modes when writing.
 */

/** One member. A folder has a null body. Path: relative, no leading `./`, at most 255 bytes. */
export interface TarEntry {
  readonly path: string;
  readonly mode: number;
  readonly body: Uint8Array | null;
}

const BLOCK_BYTES = 512;

/** The whole archive, two zero blocks at its end included. */
export function writeTar(entries: readonly TarEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    parts.push(header(entry));
    if (!entry.body) continue;
    parts.push(entry.body, new Uint8Array(padding(entry.body.length)));
  }
  parts.push(new Uint8Array(2 * BLOCK_BYTES));
  return Buffer.concat(parts);
}

function padding(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
}

function header(entry: TarEntry): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const { name, prefix } = splitPath(entry.body ? entry.path : `${entry.path}/`);
  block.write(name, 0, "utf8");
  block.write(octal(entry.mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(entry.body?.length ?? 0, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(" ".repeat(8), 148);
  block.write(entry.body ? "0" : "5", 156);
  block.write("ustar\x0000", 257, "latin1");
  block.write(prefix, 345, "utf8");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, "0")}\0`;
}

function splitPath(path: string): { name: string; prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: "" };
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const name = path.slice(at + 1);
    if (at <= 155 && name && Buffer.byteLength(name) <= 100)
      return { name, prefix: path.slice(0, at) };
  }
  throw new Error(`path too long for a tar archive: ${path}`);
}
