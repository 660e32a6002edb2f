/** UUIDv7 and opaque tokens from a Clock and an Rng, so that a seed reproduces them. */
import type { Clock } from "../core/ports/clock.ts";
import type { Ids } from "../core/ports/ids.ts";
import type { Rng } from "../core/ports/rng.ts";

const HEX = "0123456789abcdef";
const UUID_CHARS = 36;
/** Random bytes drawn at once. */
const DRAW_BYTES = 1024;
const TAIL_BYTES = 8;

/**
 * RFC 9562 §5.7 with method 3 of §6.2 (a 12-bit counter in `rand_a`): ids made in one millisecond
 * stay in order, and a clock that steps back does not reorder them. Each request takes one, so the
 * text is put together in place.
 */
export function createIds(clock: Clock, rng: Pick<Rng, "bytes">): Ids {
  const text = Buffer.alloc(UUID_CHARS, "-");
  let drawn: Uint8Array = new Uint8Array(0);
  let drawnAt = 0;
  let lastMs = 0;
  let counter = 0;
  const nextTick = () => {
    const now = clock.now();
    if (now > lastMs) {
      lastMs = now;
      counter = ((nextByte() << 8) | nextByte()) & 0x7ff;
      return true;
    }
    if (++counter <= 0xfff) return false;
    lastMs += 1;
    counter = 0;
    return true;
  };
  const nextByte = () => {
    if (drawnAt === drawn.length) {
      drawn = rng.bytes(DRAW_BYTES);
      drawnAt = 0;
    }
    return drawn[drawnAt++] ?? 0;
  };
  const put = (at: number, nibble: number) => {
    text[at] = HEX.charCodeAt(nibble & 0xf);
  };
  const putTime = () => {
    let rest = lastMs;
    for (let at = 12; at >= 0; at -= 1) {
      if (at === 8) continue;
      put(at, rest % 16);
      rest = Math.floor(rest / 16);
    }
  };
  const putTail = () => {
    let at = 19;
    for (let byte = 0; byte < TAIL_BYTES; byte += 1) {
      const value = byte === 0 ? (nextByte() & 0x3f) | 0x80 : nextByte();
      put(at, value >> 4);
      put(at + 1, value);
      at += at === 21 ? 3 : 2;
    }
  };
  putTime();
  put(14, 7);
  return {
    uuid() {
      if (nextTick()) putTime();
      put(15, counter >> 8);
      put(16, counter >> 4);
      put(17, counter);
      putTail();
      return text.toString("latin1");
    },
    token: (n = 32) => Buffer.from(rng.bytes(n)).toString("base64url"),
  };
}
