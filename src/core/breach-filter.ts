/**
 * A Bloom filter of SHA-1 hashes in one file: is a password known from breaches, without telling
 * anybody. Written by `reactor auth filter`, read by `auth`. It never misses a password that was put
 * in, and takes one that was not for known with the chance it was made for.
 *
 * Layout: `RBF1`, then little-endian u32 `k` (bits an entry, 1 to 32) and u64 `m` (bits in all), u64
 * number of entries, then ceil(m / 8) bytes, bit i in byte i >> 3 at 1 << (i & 7). An entry's bits are
 * (h1 + j * h2) mod m for j < k, with h1 and h2 the first and second 8 bytes of its SHA-1, big-endian,
 * h2 made odd: a SHA-1 is uniform already (Kirsch, Mitzenmacher 2006).
 */
const MAGIC = "RBF1";
const HEADER_BYTES = 24;
const K_MAX = 32;
const M_MAX = 2 ** 40;

export interface BreachFilter {
  /** Entries it was made of. */
  readonly entries: number;
  /** @param digest SHA-1, 20 bytes. */
  has(digest: Uint8Array): boolean;
}

/** @throws Error for bytes that are no filter */
export function readBreachFilter(bytes: Uint8Array): BreachFilter {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length >= HEADER_BYTES ? Buffer.from(bytes.subarray(0, 4)).toString() : "";
  if (magic !== MAGIC) throw new Error("it is no filter of breached passwords");
  const k = view.getUint32(4, true);
  const m = Number(view.getBigUint64(8, true));
  const isWhole = bytes.length === HEADER_BYTES + Math.ceil(m / 8);
  if (k < 1 || k > K_MAX || m < 8 || m > M_MAX || !isWhole) throw new Error("it is damaged");
  const bits = bytes.subarray(HEADER_BYTES);
  return {
    entries: Number(view.getBigUint64(16, true)),
    has(digest) {
      for (const bit of bitsOf(digest, k, m)) {
        if (((bits[Math.floor(bit / 8)] ?? 0) & (1 << (bit & 7))) === 0) return false;
      }
      return true;
    },
  };
}

export interface BreachFilterBuilder {
  add(digest: Uint8Array): void;
  /** The whole file. */
  finish(): Uint8Array;
}

/**
 * @param capacity entries that will be added, >= 1; more make it take others for known more often.
 * @param falsePositives chance, in (0, 1): 0.001 takes 1.8 bytes an entry, 0.000001 takes 3.6.
 */
export function buildBreachFilter(capacity: number, falsePositives: number): BreachFilterBuilder {
  const m = Math.max(64, Math.ceil((-capacity * Math.log(falsePositives)) / Math.LN2 ** 2));
  const k = Math.min(K_MAX, Math.max(1, Math.round((m / capacity) * Math.LN2)));
  const bytes = new Uint8Array(HEADER_BYTES + Math.ceil(m / 8));
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(MAGIC));
  view.setUint32(4, k, true);
  view.setBigUint64(8, BigInt(m), true);
  let entries = 0;
  return {
    add(digest) {
      entries += 1;
      for (const bit of bitsOf(digest, k, m)) {
        const at = HEADER_BYTES + Math.floor(bit / 8);
        bytes[at] = (bytes[at] ?? 0) | (1 << (bit & 7));
      }
    },
    finish() {
      view.setBigUint64(16, BigInt(entries), true);
      return bytes;
    },
  };
}

function* bitsOf(digest: Uint8Array, k: number, m: number): Generator<number> {
  const view = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
  const size = BigInt(m);
  let at = Number(view.getBigUint64(0) % size);
  const step = Number((view.getBigUint64(8) | 1n) % size);
  for (let j = 0; j < k; j += 1) {
    yield at;
    at = (at + step) % m;
  }
}
