/** Writes CBOR (RFC 8949), for tests. */

/** Numbers, text, bytes, arrays, maps, true, false, null. */
export function encodeCbor(value: unknown): Buffer {
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return withHead(3, Buffer.from(value));
  if (value instanceof Uint8Array) return withHead(2, Buffer.from(value));
  if (value === false) return Buffer.from([0xf4]);
  if (value === true) return Buffer.from([0xf5]);
  if (value === null) return Buffer.from([0xf6]);
  if (Array.isArray(value)) {
    return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)]);
  }
  if (value instanceof Map) {
    const pairs = [...value].flatMap(([key, one]) => [encodeCbor(key), encodeCbor(one)]);
    return Buffer.concat([head(5, value.size), ...pairs]);
  }
  throw new Error(`cannot be CBOR: ${String(value)}`);
}

const withHead = (major: number, bytes: Buffer) =>
  Buffer.concat([head(major, bytes.length), bytes]);

/** The initial byte with its argument, as short as can be. */
export function head(major: number, argument: number): Buffer {
  const type = major << 5;
  if (argument < 24) return Buffer.from([type | argument]);
  if (argument < 0x100) return Buffer.from([type | 24, argument]);
  const bytes = Buffer.alloc(argument < 0x10000 ? 3 : 5);
  bytes[0] = type | (argument < 0x10000 ? 25 : 26);
  if (argument < 0x10000) bytes.writeUInt16BE(argument, 1);
  else bytes.writeUInt32BE(argument, 1);
  return bytes;
}
