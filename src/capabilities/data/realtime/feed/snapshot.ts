/**
 * Whether a transaction is over for everybody. A change can be read from the log before its
 * transaction has ended for others (with synchronous replication long before): whoever looked then
 * would not find the row.
 */

const XIDS = 2 ** 32;

export interface Snapshot {
  readonly xmax: number;
  /** In progress, below `xmax`. */
  readonly running: ReadonlySet<number>;
}

/** Reads `pg_snapshot` as text: `xmin:xmax:xip,xip`. */
export function parseSnapshot(text: string): Snapshot {
  const [, xmax = "0", running = ""] = text.split(":");
  return {
    xmax: Number(xmax),
    running: new Set(running.split(",").filter(Boolean).map(Number)),
  };
}

/** @param xid 32 bits: its epoch is that which brings it nearest to the snapshot. */
export function isOver({ xmax, running }: Snapshot, xid: number): boolean {
  let full = Math.floor(xmax / XIDS) * XIDS + xid;
  if (full - xmax > XIDS / 2) full -= XIDS;
  else if (xmax - full > XIDS / 2) full += XIDS;
  return full < xmax && !running.has(full);
}
