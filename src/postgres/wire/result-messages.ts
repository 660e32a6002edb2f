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

/** Reads command tags. Most are the one before again, and then no text is made. */
export class TagReader {
  #last = "";

  read(data: Buffer, start: number, end: number): string {
    if (!this.#isLast(data, start, end)) this.#last = data.toString("latin1", start, end);
    return this.#last;
  }

  #isLast(data: Buffer, start: number, end: number): boolean {
    const last = this.#last;
    if (end - start !== last.length) return false;
    for (let at = 0; at < last.length; at += 1) {
      if (data[start + at] !== last.charCodeAt(at)) return false;
    }
    return true;
  }
}
