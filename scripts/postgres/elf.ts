/**
 * Just enough of the ELF format (System V gABI, 64-bit little-endian) for packing shared libraries:
 * the soname a library is looked up by, and where an exported symbol lies in the file. Written in
 * TypeScript so that the build needs no binutils, and works on libraries of another architecture.
 */

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_SONAME = 14;
const SYMBOL_SIZE_BYTES = 24;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSizeBytes: number;
}

/** A read-only view of one ELF file. Throws for anything but 64-bit little-endian ELF. */
export class Elf {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #segments: readonly Segment[];
  readonly #dynamic: ReadonlyMap<number, number>;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.#view.getUint32(0, false) !== 0x7f454c46 || bytes[4] !== 2 || bytes[5] !== 1) {
      throw new Error("not a 64-bit little-endian ELF file");
    }
    this.#segments = this.#readSegments();
    this.#dynamic = this.#readDynamic();
  }

  /** The name other files ask for (`libicudata.so.60`), or null for a program or plug-in. */
  soname(): string | null {
    const name = this.#dynamic.get(DT_SONAME);
    return name === undefined ? null : this.#string(this.#tableOffset(DT_STRTAB) + name);
  }

  /** Where an exported data symbol starts and how long it is, in bytes of the file. */
  symbol(wanted: string): { offset: number; sizeBytes: number } {
    const names = this.#tableOffset(DT_STRTAB);
    let at = this.#tableOffset(DT_SYMTAB);
    // The dynamic section does not say how many symbols there are; a name outside the file ends it.
    for (; at + SYMBOL_SIZE_BYTES <= this.bytes.length; at += SYMBOL_SIZE_BYTES) {
      const name = names + this.#view.getUint32(at, true);
      if (name >= this.bytes.length) break;
      if (this.#string(name) !== wanted) continue;
      const offset = this.#fileOffset(this.#u64(at + 8));
      return { offset, sizeBytes: this.#u64(at + 16) };
    }
    throw new Error(`symbol ${wanted} not found`);
  }

  #u64(offset: number): number {
    return Number(this.#view.getBigUint64(offset, true));
  }

  #string(offset: number): string {
    const end = this.bytes.indexOf(0, offset);
    return new TextDecoder("latin1").decode(this.bytes.subarray(offset, end));
  }

  #fileOffset(address: number): number {
    for (const segment of this.#segments) {
      const inside = address - segment.address;
      if (segment.type === PT_LOAD && inside >= 0 && inside < segment.fileSizeBytes) {
        return segment.offset + inside;
      }
    }
    throw new Error(`address 0x${address.toString(16)} is in no segment of the file`);
  }

  #tableOffset(tag: number): number {
    const address = this.#dynamic.get(tag);
    if (address === undefined) throw new Error(`no entry ${tag} in the dynamic section`);
    return this.#fileOffset(address);
  }

  #readSegments(): Segment[] {
    const start = this.#u64(32);
    const entrySizeBytes = this.#view.getUint16(54, true);
    const count = this.#view.getUint16(56, true);
    return Array.from({ length: count }, (_, i) => {
      const at = start + i * entrySizeBytes;
      return {
        type: this.#view.getUint32(at, true),
        offset: this.#u64(at + 8),
        address: this.#u64(at + 16),
        fileSizeBytes: this.#u64(at + 32),
      };
    });
  }

  #readDynamic(): Map<number, number> {
    const entries = new Map<number, number>();
    const segment = this.#segments.find((s) => s.type === PT_DYNAMIC);
    if (!segment) return entries;
    const end = segment.offset + segment.fileSizeBytes;
    for (let at = segment.offset; at < end; at += 16) {
      const tag = this.#u64(at);
      if (tag === 0) break;
      entries.set(tag, this.#u64(at + 8));
    }
    return entries;
  }
}
