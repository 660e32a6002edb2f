/**
 * Where a change stands in its tenant's feed. `lsn` is that of the commit (from triggers: a count),
 * `index` the change's place in its transaction. A position also stands for "everything up to and
 * including it", which is how subscribers resume and servers tell each other how far they are.
 */

export interface Position {
  readonly lsn: bigint;
  /** -1: before the first change of that commit. */
  readonly index: number;
}

export const START: Position = { lsn: 0n, index: -1 };

/** Everything that committed before `lsn`. */
export function before(lsn: bigint): Position {
  return { lsn, index: -1 };
}

/** Negative when `a` is the earlier one. */
export function compare(a: Position, b: Position): number {
  if (a.lsn !== b.lsn) return a.lsn < b.lsn ? -1 : 1;
  return a.index - b.index;
}

export function latest(a: Position, b: Position): Position {
  return compare(a, b) < 0 ? b : a;
}

/** `16b374d848-0`: no incarnation in it. */
export function formatPosition({ lsn, index }: Position): string {
  return `${lsn.toString(16)}-${(index + 1).toString(36)}`;
}

const POSITION = /^([0-9a-f]{1,16})-([0-9a-z]{1,7})$/;

/** Null for anything else than `formatPosition` gives. */
export function parsePosition(text: string): Position | null {
  const match = POSITION.exec(text);
  if (!match) return null;
  return { lsn: BigInt(`0x${match[1]}`), index: Number.parseInt(match[2] ?? "", 36) - 1 };
}

/**
 * What clients see: the position behind the incarnation of the log, because positions of another
 * cluster, or of another timeline of this one, mean something else.
 */
export function formatId(incarnation: string, position: Position): string {
  return `${incarnation}-${formatPosition(position)}`;
}

/** Null when the id is of another incarnation, or was never one of ours. */
export function parseId(incarnation: string, id: string): Position | null {
  const prefix = `${incarnation}-`;
  return id.startsWith(prefix) ? parsePosition(id.slice(prefix.length)) : null;
}
