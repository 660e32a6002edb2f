/** "Standby status update": what the reader of a stream tells the server about its progress. */

/** Between 1970 and 2000, where Postgres begins to count. */
const POSTGRES_EPOCH_MS = 946_684_800_000;
const BODY_BYTES = 34;

/**
 * As a whole CopyData message. `flushed` is what the slot keeps: it may forget everything before.
 * @param nowMs wall clock.
 */
export function standbyStatus(written: bigint, flushed: bigint, nowMs: number): Buffer {
  const bytes = Buffer.alloc(5 + BODY_BYTES);
  bytes[0] = 0x64;
  bytes.writeInt32BE(4 + BODY_BYTES, 1);
  bytes[5] = 0x72;
  bytes.writeBigUInt64BE(written, 6);
  bytes.writeBigUInt64BE(flushed, 14);
  bytes.writeBigUInt64BE(flushed, 22);
  bytes.writeBigInt64BE(BigInt(nowMs - POSTGRES_EPOCH_MS) * 1000n, 30);
  bytes[38] = 0;
  return bytes;
}
