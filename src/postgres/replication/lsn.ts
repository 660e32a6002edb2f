/** Log sequence numbers: positions in the write-ahead log, 64 bits, printed as `16/B374D848`. */

const LSN = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;

/** @throws RangeError for anything else than Postgres prints. */
export function parseLsn(text: string): bigint {
  const match = LSN.exec(text);
  if (!match) throw new RangeError(`${text.slice(0, 40)} is no log sequence number`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

export function formatLsn(lsn: bigint): string {
  const hex = (part: bigint) => part.toString(16).toUpperCase();
  return `${hex(lsn >> 32n)}/${hex(lsn & 0xffff_ffffn)}`;
}
