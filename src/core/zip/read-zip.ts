/**
 * Reads zip archives that strangers made (PKWARE APPNOTE 6.3.10): the table at the end says what is in
 * it, and everything is checked before anything is unpacked. Written here because links and modes are
 * told by attributes that the small libraries do not show. No encryption, no zip64, no split archives.
 */
import { crc32, inflateRaw, inflateRawSync } from "node:zlib";

/** An archive that is not taken; the message is a sentence for whoever made it. */
export class ZipRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ZipRefused";
  }
}

export interface ZipFile {
  /** Relative, `/` between names; no empty name, `.` or `..` in it. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly isExecutable: boolean;
  readonly method: number;
  readonly crc: number;
  /** As it stands in the archive. */
  readonly packed: Uint8Array;
}

/** Files and folders of one archive. */
export const ZIP_ENTRIES_MAX = 20_000;
/** What all files may have unpacked, bytes: as on AWS. */
export const ZIP_UNPACKED_MAX = 262_144_000;
/** Unpacked to packed; code and text have 3 to 20. Small archives may do as they like. */
const RATIO_MAX = 100;
const RATIO_FREE_BYTES = 16 * 1024 * 1024;
const PATH_BYTES_MAX = 1_024;
const NAME_BYTES_MAX = 255;

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const COMMENT_MAX = 0xffff;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
const UNIX = 3;
const TYPE = { mask: 0o170000, folder: 0o040000, file: 0o100000, link: 0o120000 } as const;

/** By its first bytes. An empty archive is none. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.length > END_BYTES && viewOf(bytes).getUint32(0, true) === LOCAL;
}

/** Its files, in the archive's order. Nothing is unpacked yet. @throws ZipRefused */
export function readZip(bytes: Uint8Array): ZipFile[] {
  const entries = tableOf(bytes);
  const files = entries.filter((entry) => !entry.isFolder);
  const unpacked = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (unpacked > ZIP_UNPACKED_MAX) {
    throw new ZipRefused(`It unpacks to ${unpacked} bytes; at most ${ZIP_UNPACKED_MAX} are taken`);
  }
  if (unpacked > Math.max(RATIO_FREE_BYTES, bytes.length * RATIO_MAX)) {
    throw new ZipRefused(`It unpacks to more than ${RATIO_MAX} times its own size`);
  }
  checkPaths(entries);
  return withContents(bytes, files);
}

/** Unpacks one file. @throws ZipRefused when it is not what the table says */
export function unzipFile(file: ZipFile): Promise<Uint8Array> {
  if (file.method === STORED) return Promise.resolve(checked(file, file.packed));
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  // One more than it may have, so that too much is told from just enough.
  inflateRaw(file.packed, { maxOutputLength: file.sizeBytes + 1 }, (error, bytes) => {
    try {
      if (error) throw damaged(file);
      resolve(checked(file, bytes));
    } catch (fault) {
      reject(fault as Error);
    }
  });
  return promise;
}

/** The same for small files, where nobody waits meanwhile. */
export function unzipFileSync(file: ZipFile): Uint8Array {
  if (file.method === STORED) return checked(file, file.packed);
  try {
    return checked(file, inflateRawSync(file.packed, { maxOutputLength: file.sizeBytes + 1 }));
  } catch {
    throw damaged(file);
  }
}

function checked(file: ZipFile, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== file.sizeBytes || crc32(bytes) !== file.crc) throw damaged(file);
  return bytes;
}

const damaged = ({ path }: Pick<ZipFile, "path">) =>
  new ZipRefused(`${path} is damaged: its size or its checksum is not what the archive says`);

interface TableEntry extends Omit<ZipFile, "packed"> {
  readonly isFolder: boolean;
  readonly packedBytes: number;
  /** Of its local header. */
  readonly offset: number;
}

function tableOf(bytes: Uint8Array): TableEntry[] {
  const view = viewOf(bytes);
  const end = endOf(view);
  const [disk, tableDisk] = [view.getUint16(end + 4, true), view.getUint16(end + 6, true)];
  const [here, count] = [view.getUint16(end + 8, true), view.getUint16(end + 10, true)];
  const [size, offset] = [view.getUint32(end + 12, true), view.getUint32(end + 16, true)];
  if (count === 0xffff || offset === 0xffffffff) throw new ZipRefused("zip64 is not taken");
  if (disk !== 0 || tableDisk !== 0 || here !== count || offset + size !== end) {
    throw new ZipRefused("It is split, damaged, or has something before or behind the archive");
  }
  if (count > ZIP_ENTRIES_MAX) {
    throw new ZipRefused(`It has ${count} entries; at most ${ZIP_ENTRIES_MAX} are taken`);
  }
  const entries: TableEntry[] = [];
  let at = offset;
  for (let n = 0; n < count; n += 1) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL) {
      throw new ZipRefused("Its table of contents is damaged");
    }
    entries.push(entryAt(bytes, view, at));
    const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    at += lengths.reduce((sum, length) => sum + length, CENTRAL_BYTES);
  }
  if (at !== end) throw new ZipRefused("Its table of contents is damaged");
  return entries;
}

/** Of the record that ends the archive; behind it comes its comment and nothing else. */
function endOf(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - COMMENT_MAX); at -= 1) {
    if (view.getUint32(at, true) === END && at + view.getUint16(at + 20, true) === last) return at;
  }
  throw new ZipRefused("It is no zip archive, or it is cut off");
}

function entryAt(bytes: Uint8Array, view: DataView, at: number): TableEntry {
  const nameBytes = view.getUint16(at + 28, true);
  const name = nameOf(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes));
  const mode = view.getUint8(at + 5) === UNIX ? view.getUint32(at + 38, true) >>> 16 : 0;
  const isFolder = name.endsWith("/");
  const method = view.getUint16(at + 10, true);
  const [packedBytes, sizeBytes] = [view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
  if (view.getUint16(at + 8, true) & ENCRYPTED) throw new ZipRefused(`${name} is encrypted`);
  if (method !== STORED && method !== DEFLATED) {
    throw new ZipRefused(`${name} is packed in a way that is not taken; use deflate`);
  }
  checkType(name, isFolder, mode & TYPE.mask);
  return {
    path: isFolder ? name.slice(0, -1) : name,
    isFolder,
    isExecutable: (mode & 0o111) !== 0,
    method,
    packedBytes,
    sizeBytes: isFolder ? 0 : sizeBytes,
    crc: view.getUint32(at + 16, true),
    offset: view.getUint32(at + 42, true),
  };
}

function checkType(name: string, isFolder: boolean, type: number): void {
  if (type === TYPE.link) {
    throw new ZipRefused(`${name} is a symbolic link; zip what it points to (without -y)`);
  }
  const good = isFolder ? TYPE.folder : TYPE.file;
  if (type !== 0 && type !== good) throw new ZipRefused(`${name} is neither a file nor a folder`);
}

/** A path that stays inside, in the one way to write it. */
function nameOf(bytes: Uint8Array): string {
  const name = decoded(bytes)?.replace(/^(?:\.\/)+/, "");
  if (name === undefined || name === "" || /[\u0000-\u001f\u007f\\]/.test(name)) {
    throw new ZipRefused(
      "A name in it is empty, no UTF-8, or has a backslash or control character",
    );
  }
  const names = name.replace(/\/$/, "").split("/");
  const isInside = names.every((one) => one !== "" && one !== "." && one !== "..");
  if (!isInside) throw new ZipRefused(`'${name.slice(0, 128)}' leads out of the archive`);
  const isLong = names.some((one) => Buffer.byteLength(one) > NAME_BYTES_MAX);
  if (isLong || bytes.length > PATH_BYTES_MAX) {
    throw new ZipRefused(`'${name.slice(0, 128)}' is too long`);
  }
  return name;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** No path twice, and no file where another path has a folder. */
function checkPaths(entries: readonly TableEntry[]): void {
  const seen = new Set<string>();
  const files = new Set(entries.flatMap(({ path, isFolder }) => (isFolder ? [] : path)));
  for (const { path } of entries) {
    if (seen.has(path)) throw new ZipRefused(`${path} is there twice`);
    seen.add(path);
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const folder = path.slice(0, at);
      if (files.has(folder)) throw new ZipRefused(`${folder} is a file and a folder`);
    }
  }
}

/** Contents that overlap are how a small archive unpacks to a huge one. */
function withContents(bytes: Uint8Array, files: readonly TableEntry[]): ZipFile[] {
  const view = viewOf(bytes);
  const found = files.map((file) => ({ file, start: contentStart(view, file) }));
  let free = 0;
  for (const { file, start } of found.toSorted((a, b) => a.start - b.start)) {
    if (file.offset < free || start + file.packedBytes > bytes.length) {
      throw new ZipRefused(`The content of ${file.path} overlaps another or is cut off`);
    }
    free = start + file.packedBytes;
  }
  return found.map(({ file, start }) => {
    const { path, sizeBytes, isExecutable, method, crc, packedBytes } = file;
    const packed = bytes.subarray(start, start + packedBytes);
    return { path, sizeBytes, isExecutable, method, crc, packed };
  });
}

function contentStart(view: DataView, { offset, path }: TableEntry): number {
  if (offset + LOCAL_BYTES > view.byteLength || view.getUint32(offset, true) !== LOCAL) {
    throw new ZipRefused(`The content of ${path} is not where the archive says`);
  }
  const lengths = [26, 28].map((field) => view.getUint16(offset + field, true));
  return lengths.reduce((sum, length) => sum + length, offset + LOCAL_BYTES);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
