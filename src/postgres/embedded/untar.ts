/**
 * Writes the members of a ustar archive into a folder: the archives are our own (scripts/postgres), so
 * regular files and folders are all there is. `Bun.Archive` does the same, but reports every failure as
 * "ReadError", and a full disk must be told from a broken archive.
 */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

const BLOCK_BYTES = 512;
const CHUNK_BYTES = 65_536;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/**
 * Modes are subject to the umask. With `sparse`, long runs of zeros take no room on the disk: half of
 * the program files are the emptied parts of ICU's data. Throws the file system's errors as they are.
 */
export function untar(tar: Buffer, folder: string, options: { sparse: boolean }): void {
  mkdirSync(folder);
  const made = new Set([folder]);
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + BLOCK_BYTES);
    const size = Number.parseInt(text(header, 124, 12), 8);
    const path = join(folder, text(header, 345, 155), text(header, 0, 100));
    const isFolder = header[156] === "5".charCodeAt(0);
    makeFolder(isFolder ? path : dirname(path), made);
    at += BLOCK_BYTES;
    if (isFolder) continue;
    const body = tar.subarray(at, at + size);
    if (body.length !== size) throw new Error(`the archive ends inside ${path}`);
    writeMember(path, Number.parseInt(text(header, 100, 8), 8), body, options.sparse);
    at += Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
  }
}

function text(header: Buffer, offset: number, length: number): string {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end);
}

function makeFolder(path: string, made: Set<string>): void {
  if (made.has(path)) return;
  mkdirSync(path, { recursive: true });
  made.add(path);
}

function writeMember(path: string, mode: number, body: Buffer, sparse: boolean): void {
  const fd = openSync(path, "wx", mode);
  try {
    const step = sparse ? CHUNK_BYTES : body.length;
    for (let at = 0; at < body.length; at += step) {
      const chunk = body.subarray(at, at + step);
      if (sparse && chunk.equals(ZEROS)) continue;
      writeAll(fd, chunk, at);
    }
    if (sparse) ftruncateSync(fd, body.length);
  } finally {
    closeSync(fd);
  }
}

/** A disk with a little room left takes a part; only the next write says that it is full. */
function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
