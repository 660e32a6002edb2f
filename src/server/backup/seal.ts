/**
 * The end of a backup: the SHA-256 of every byte before it, in a skippable frame (RFC 8878 §3.1.2), so
 * that `zstd -d` still unpacks the file. The cluster's own manifest speaks neither of the WAL nor of
 * what lies between files.
 */
const SKIPPABLE_MAGIC = 0x184d2a5b;
const SUM_BYTES = 32;
const HEAD_BYTES = 8;

/** Length of the seal, bytes. */
export const SEAL_BYTES: number = HEAD_BYTES + SUM_BYTES;

export interface Sealing {
  /** Takes the bytes as they pass. */
  update(bytes: Uint8Array): void;
  /** The seal of all that was taken. */
  seal(): Uint8Array;
}

export function createSealing(): Sealing {
  const hash = new Bun.CryptoHasher("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    seal() {
      const frame = Buffer.alloc(SEAL_BYTES);
      frame.writeUInt32LE(SKIPPABLE_MAGIC, 0);
      frame.writeUInt32LE(SUM_BYTES, 4);
      frame.set(hash.digest(), HEAD_BYTES);
      return frame;
    },
  };
}

/** Passes bytes on and the seal after them. */
export function sealing(): TransformStream<Uint8Array, Uint8Array> {
  const sum = createSealing();
  return new TransformStream({
    transform(bytes, controller) {
      sum.update(bytes);
      controller.enqueue(bytes);
    },
    flush: (controller) => controller.enqueue(sum.seal()),
  });
}
