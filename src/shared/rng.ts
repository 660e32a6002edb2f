/** System randomness: the only place that draws it. */
import type { Rng } from "../core/ports/rng.ts";

export const systemRng: Rng = {
  bytes: (n) => crypto.getRandomValues(new Uint8Array(n)),
  fill: (target) => void crypto.getRandomValues(target),
  float: () => Math.random(),
};
