/**
 * Has the engine collect what a module makes us throw away. By itself it waits until as much again has
 * come together as lives, and beside a module that holds a lot that is more than its host may have.
 */
const COLLECT_AFTER_BYTES = 32 * 1024 * 1024;

/** Since it was last told to collect; of the process, as the heap is. */
let thrownBytes = 0;

export function threwAway(bytes: number): void {
  thrownBytes += bytes;
  if (thrownBytes < COLLECT_AFTER_BYTES) return;
  thrownBytes = 0;
  // One that is large is waited for: the next may be as large.
  Bun.gc(bytes >= COLLECT_AFTER_BYTES);
}
