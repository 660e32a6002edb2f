/**
 * Makes a zip archive that is the same, byte for byte, for the same files: what is deployed is known by
 * its hash. No times, no owners; of modes, whether a file can be executed.
 */
import { crc32, deflateRawSync } from "node:zlib";

export interface FileToZip {
  /** Relative, `/` between names. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** Deflate; names are UTF-8. */
const VERSION = 20;
const MADE_BY_UNIX = (3 << 8) | VERSION;
const UTF8 = 0x0800;
const DEFLATED = 8;
/** 1 January 1980, the first day there is. */
const DATE = 0x21;
const MODE = { plain: 0o100644, executable: 0o100755 } as const;

export function writeZip(files: readonly FileToZip[]): Uint8Array {
  const contents: Buffer[] = [];
  const table: Buffer[] = [];
  let offset = 0;
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const packed = deflateRawSync(file.content, { level: 9 });
    const local = localHeader(file, packed.length);
    contents.push(local, packed);
    table.push(tableEntry(file, local, offset));
    offset += local.length + packed.length;
  }
  const listed = Buffer.concat(table);
  return Buffer.concat([...contents, listed, endRecord(files.length, listed.length, offset)]);
}

function localHeader({ path, content }: FileToZip, packedBytes: number): Buffer {
  const name = Buffer.from(path);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(LOCAL, 0);
  header.writeUInt16LE(VERSION, 4);
  header.writeUInt16LE(UTF8, 6);
  header.writeUInt16LE(DEFLATED, 8);
  header.writeUInt16LE(DATE, 12);
  header.writeUInt32LE(crc32(content), 14);
  header.writeUInt32LE(packedBytes, 18);
  header.writeUInt32LE(content.length, 22);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, name]);
}

/** Repeats the local header but for its signature, and adds the mode and where it is. */
function tableEntry(file: FileToZip, local: Buffer, offset: number): Buffer {
  const header = Buffer.alloc(46);
  header.writeUInt32LE(CENTRAL, 0);
  header.writeUInt16LE(MADE_BY_UNIX, 4);
  local.copy(header, 6, 4, 30);
  header.writeUInt32LE((file.isExecutable ? MODE.executable : MODE.plain) * 0x10000, 38);
  header.writeUInt32LE(offset, 42);
  return Buffer.concat([header, local.subarray(30)]);
}

function endRecord(count: number, tableBytes: number, offset: number): Buffer {
  const record = Buffer.alloc(22);
  record.writeUInt32LE(END, 0);
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(tableBytes, 12);
  record.writeUInt32LE(offset, 16);
  return record;
}
