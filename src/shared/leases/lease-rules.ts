/** The bound every Leases adapter keeps. */
const TTL_MS_MIN = 1_000;

/** @throws RangeError: a lease shorter than the time a renewal takes is a defect of the caller. */
export function checkTtl(ttlMs: number): void {
  if (!(ttlMs >= TTL_MS_MIN)) throw new RangeError(`a lease lasts at least ${TTL_MS_MIN} ms`);
}
