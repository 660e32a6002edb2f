/** UUIDv7 and opaque tokens from a Clock and an Rng, so that a seed reproduces them. */
import type { Clock } from "../core/ports/clock.ts";
import type { Ids } from "../core/ports/ids.ts";
import type { Rng } from "../core/ports/rng.ts";

/**
 * RFC 9562 §5.7 with method 3 of §6.2 (a 12-bit counter in `rand_a`): ids made in one millisecond
 * stay in order, and a clock that steps back does not reorder them.
 */
export function createIds(clock: Clock, rng: Rng): Ids {
  let lastMs = 0;
  let counter = 0;
  const nextTick = () => {
    const now = clock.now();
    if (now > lastMs) {
      lastMs = now;
      const [high = 0, low = 0] = rng.bytes(2);
      counter = ((high << 8) | low) & 0x7ff;
    } else if (++counter > 0xfff) {
      lastMs += 1;
      counter = 0;
    }
  };
  return {
    uuid() {
      nextTick();
      const time = lastMs.toString(16).padStart(12, "0");
      const tail = rng.bytes(8);
      tail[0] = ((tail[0] ?? 0) & 0x3f) | 0x80;
      const hex = Buffer.from(tail).toString("hex");
      const sequence = counter.toString(16).padStart(3, "0");
      return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence}-${hex.slice(0, 4)}-${hex.slice(4)}`;
    },
    token: (n = 32) => Buffer.from(rng.bytes(n)).toString("base64url"),
  };
}
