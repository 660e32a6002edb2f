/** Damaged modules: bytes of a real one changed, removed, doubled. Most do not validate; some do. */
import type { SeededRng } from "../seeded-rng.ts";

const HEADER_BYTES = 8;

export function mutateModule(
  bytes: Uint8Array<ArrayBuffer>,
  rng: SeededRng,
): Uint8Array<ArrayBuffer> {
  let result = bytes;
  for (let n = 1 + rng.below(3); n > 0; n -= 1) result = change(result, rng);
  return result;
}

function change(bytes: Uint8Array<ArrayBuffer>, rng: SeededRng): Uint8Array<ArrayBuffer> {
  const at = HEADER_BYTES + rng.below(bytes.length - HEADER_BYTES);
  const byte = bytes[at] ?? 0;
  switch (rng.below(6)) {
    case 0:
      return bytes.with(at, rng.below(256));
    case 1:
      return bytes.with(at, byte ^ (1 << rng.below(8)));
    case 2:
      return bytes.with(at, rng.pick([0, 1, 0x7f, 0x80, 0xff, 0x40, 0x0b]));
    case 3:
      return bytes.with(at, bytes[HEADER_BYTES + rng.below(bytes.length - HEADER_BYTES)] ?? 0);
    case 4:
      return spliced(bytes, at, 1, []);
    default:
      return spliced(bytes, at, 0, [byte]);
  }
}

function spliced(bytes: Uint8Array, at: number, removed: number, added: readonly number[]) {
  return Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + removed)]);
}
