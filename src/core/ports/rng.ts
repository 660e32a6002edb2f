/** All randomness goes through here, so that a simulation can seed it. */
export interface Rng {
  /** `n` bytes; cryptographically strong in the system adapter. */
  bytes(n: number): Uint8Array;
  /** The same into memory that is there, at most 65,536 bytes. */
  fill(target: Uint8Array<ArrayBuffer>): void;
  /** Uniform in [0, 1): jitter and sampling, never secrets. */
  float(): number;
}
