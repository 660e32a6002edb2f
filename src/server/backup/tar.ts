/** The little of the tar format (POSIX ustar, IEEE Std 1003.1 pax §ustar) that a backup writes itself. */
const BLOCK = 512;

/** A regular file's entry: header, content, padding. Name <= 100 bytes, content in memory. */
export function tarEntry(name: string, content: Uint8Array, mtimeS: number): Uint8Array {
  const padded = Math.ceil(content.byteLength / BLOCK) * BLOCK;
  const entry = Buffer.alloc(BLOCK + padded);
  entry.write(name, 0, 100, "utf8");
  entry.write("0000600\0", 100, "ascii");
  entry.write("0000000\0", 108, "ascii");
  entry.write("0000000\0", 116, "ascii");
  entry.write(`${content.byteLength.toString(8).padStart(11, "0")}\0`, 124, "ascii");
  entry.write(`${Math.floor(mtimeS).toString(8).padStart(11, "0")}\0`, 136, "ascii");
  entry.write("        0", 148, "ascii");
  entry.write("ustar\u000000", 257, "ascii");
  const sum = entry.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  entry.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "ascii");
  entry.set(content, BLOCK);
  return entry;
}

/** The two empty blocks that end an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * BLOCK);

/**
 * Passes an archive on without its end marker, so that more entries can follow: zero blocks are held
 * back until something else comes.
 */
export async function* withoutTarEnd(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let zeros = 0;
  for await (const chunk of chunks) {
    let end = chunk.byteLength;
    while (end > 0 && chunk[end - 1] === 0) end -= 1;
    if (end === 0) {
      zeros += chunk.byteLength;
      continue;
    }
    if (zeros > 0) yield* zeroBytes(zeros);
    yield chunk.subarray(0, end);
    zeros = chunk.byteLength - end;
  }
  // What is left is the end marker and, before it, padding of the last entry.
  const padding = Math.max(0, zeros - 2 * BLOCK);
  if (padding > 0) yield* zeroBytes(padding);
}

function* zeroBytes(count: number): Generator<Uint8Array> {
  for (let left = count; left > 0; left -= 65_536) yield new Uint8Array(Math.min(left, 65_536));
}
