/**
 * The memory through which a plug-in and its host exchange bytes (Extism's "kernel"): one buffer with
 * bump allocation, emptied between calls. Address 0 is null. Blocks are contiguous as in Extism's own
 * kernel, so a plug-in may read across its own blocks but never past what was allocated.
 */
import { threwAway } from "./thrown-away.ts";

const FIRST_ADDRESS = 8;
const INITIAL_BYTES = 64 * 1024;

export class ExtismMemory {
  readonly #limitBytes: number;
  readonly #lengths = new Map<number, number>();
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #top = FIRST_ADDRESS;

  /** `limitBytes`: all blocks of one call together. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get heldBytes(): number {
    return this.#bytes.length;
  }

  /** What can still be allocated. */
  get roomBytes(): number {
    return Math.max(0, this.#limitBytes - this.#top - 8);
  }

  /** Zeroed. Throws when the call holds too much, and for a negative length: it is a huge one. */
  alloc(length: number): number {
    const address = this.#top;
    const top = address + Math.max(8, Math.ceil(length / 8) * 8);
    if (!(length >= 0 && top <= this.#limitBytes))
      throw new RangeError("The plug-in allocated too much");
    if (top > this.#bytes.length) this.#growTo(top);
    this.#top = top;
    this.#lengths.set(address, length);
    return address;
  }

  store(bytes: Uint8Array): number {
    const address = this.alloc(bytes.length);
    this.#bytes.set(bytes, address);
    return address;
  }

  free(address: number): void {
    this.#lengths.delete(address);
  }

  /** Of the block that starts here; 0 when none does. */
  length(address: number): number {
    return this.#lengths.get(address) ?? 0;
  }

  has(address: number): boolean {
    return this.#lengths.has(address);
  }

  /** A copy of `length` bytes. */
  read(address: number, length: number): Uint8Array<ArrayBuffer> {
    this.check(address, length);
    return this.#bytes.slice(address, address + length);
  }

  /** The block as text, of at most `maxBytes`; what is longer is cut. */
  text(address: number, maxBytes: number): string {
    const length = Math.min(maxBytes, this.length(address));
    this.check(address, length);
    threwAway(length);
    return new TextDecoder().decode(this.#bytes.subarray(address, address + length));
  }

  block(address: number): Uint8Array<ArrayBuffer> {
    return this.read(address, this.length(address));
  }

  loadU8(address: number): number {
    this.check(address, 1);
    return this.#view.getUint8(address);
  }

  loadU64(address: number): bigint {
    this.check(address, 8);
    return this.#view.getBigUint64(address, true);
  }

  storeU8(address: number, value: number): void {
    this.check(address, 1);
    this.#view.setUint8(address, value);
  }

  storeU64(address: number, value: bigint): void {
    this.check(address, 8);
    this.#view.setBigUint64(address, value, true);
  }

  /** Forgets all blocks and their bytes. */
  reset(): void {
    if (this.#bytes.length > INITIAL_BYTES * 16) {
      this.#bytes = new Uint8Array(INITIAL_BYTES);
      this.#view = new DataView(this.#bytes.buffer);
    } else {
      this.#bytes.fill(0, 0, this.#top);
    }
    this.#lengths.clear();
    this.#top = FIRST_ADDRESS;
  }

  /** Throws for what is not all within what was allocated. */
  check(address: number, length: number): void {
    if (!(address >= FIRST_ADDRESS && length >= 0 && address + length <= this.#top)) {
      throw new RangeError(`Address ${address} is outside of the plug-in's blocks`);
    }
  }

  #growTo(top: number): void {
    const grown = new Uint8Array(Math.min(this.#limitBytes, Math.max(top, this.#bytes.length * 2)));
    grown.set(this.#bytes.subarray(0, this.#top));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
