/** All randomness goes through here, so that a simulation can seed it. */
export interface Rng {
  /** `n` bytes; cryptographically strong in the system adapter. */
  bytes(n: number): Uint8Array;
  /** Uniform in [0, 1): jitter and sampling, never secrets. */
  float(): number;
}
