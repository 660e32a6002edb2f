/** Writes folders as one archive that Linux unpacks as its first file system (cpio, format "newc"). */
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const MAGIC = "070701";
const LINK_MODE = 0o120777;
const ALIGNMENT = 4;
const END = "TRAILER!!!";

/** All of it belongs to root. A later folder's files replace those of an earlier one. */
export function writeCpio(file: string, folders: readonly string[]): void {
  const fd = openSync(file, "w");
  let inode = 0;
  const add = (name: string, mode: number, content: Uint8Array) => {
    inode += 1;
    const head = Buffer.from(headOf(inode, mode, content.length, name), "latin1");
    for (const part of [padded(head), padded(content)]) writeAll(fd, part);
  };
  for (const folder of folders) addFolder(folder, "", add);
  add(END, 0, new Uint8Array());
  closeSync(fd);
}

type Add = (name: string, mode: number, content: Uint8Array) => void;

function addFolder(root: string, folder: string, add: Add): void {
  for (const name of readdirSync(join(root, folder)).sort()) {
    const inside = join(folder, name);
    const path = join(root, inside);
    const stat = lstatSync(path);
    if (stat.isSymbolicLink()) add(inside, LINK_MODE, Buffer.from(readlinkSync(path)));
    else if (stat.isFile()) add(inside, stat.mode, readFileSync(path));
    else if (stat.isDirectory()) {
      add(inside, stat.mode, new Uint8Array());
      addFolder(root, inside, add);
    }
  }
}

/** Inode, mode, uid, gid, links, mtime, size, four device numbers, length of the name, checksum. */
function headOf(inode: number, mode: number, size: number, name: string): string {
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, Buffer.byteLength(name) + 1, 0];
  const hex = fields.map((field) => field.toString(16).padStart(8, "0")).join("");
  return `${MAGIC}${hex}${Buffer.from(name).toString("latin1")}\0`;
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length % ALIGNMENT;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(ALIGNMENT - rest)]);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}
