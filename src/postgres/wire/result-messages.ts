/** Reads the two backend messages that carry results (protocol 3.0, "Message Formats"). */

/** Names of a RowDescription. */
export function readColumns(data: Buffer, start: number): string[] {
  const count = data.readUInt16BE(start);
  const columns: string[] = [];
  let at = start + 2;
  for (let column = 0; column < count; column += 1) {
    const stop = data.indexOf(0, at);
    columns.push(data.toString("utf8", at, stop));
    // Table OID, column number, type OID, type size, type modifier, format.
    at = stop + 1 + 18;
  }
  return columns;
}

/** Values of a DataRow as views of `data`, null for NULL. */
export function readRow(data: Buffer, start: number): (Uint8Array | null)[] {
  const count = data.readUInt16BE(start);
  const values: (Uint8Array | null)[] = [];
  let at = start + 2;
  for (let column = 0; column < count; column += 1) {
    const sizeBytes = data.readInt32BE(at);
    at += 4;
    if (sizeBytes < 0) {
      values.push(null);
      continue;
    }
    values.push(data.subarray(at, at + sizeBytes));
    at += sizeBytes;
  }
  return values;
}
