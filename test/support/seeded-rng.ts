/** Randomness from a seed (mulberry32): the same seed gives the same run. Never for real secrets. */
import type { Rng } from "../../src/core/ports/rng.ts";

export interface SeededRng extends Rng {
  /** Uniform integer in [0, n). */
  below(n: number): number;
  pick<T>(values: readonly T[]): T;
}

export function createSeededRng(seed: number): SeededRng {
  let state = seed >>> 0;
  const float = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number) => Math.floor(float() * n);
  const bytes = (n: number) => Uint8Array.from({ length: n }, () => below(256));
  return {
    float,
    below,
    bytes,
    fill: (target) => target.set(bytes(target.length)),
    pick<T>(values: readonly T[]) {
      return values[below(values.length)] as T;
    },
  };
}
