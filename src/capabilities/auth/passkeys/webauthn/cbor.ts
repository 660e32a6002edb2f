/**
 * Reads CBOR (RFC 8949) as authenticators write it: CTAP2's canonical form (CTAP 2.2 §8), which has
 * no indefinite lengths, tags or floats. It is fed by strangers, so nothing is allocated by what a
 * length claims, nesting is bounded, and a map that names a key twice is refused.
 */

export type CborValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | CborMap;
export type CborMap = ReadonlyMap<number | string, CborValue>;

/** What cannot be read, or says something other than it may. Never carries the input. */
export class WebAuthnFault extends Error {}

/** CTAP 2.2 §8: messages nest no deeper. */
const DEPTH_MAX = 4;

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

/** The first value and how many bytes it took. @throws WebAuthnFault */
export function readCbor(bytes: Uint8Array): { value: CborValue; length: number } {
  const cursor: Cursor = { bytes, at: 0 };
  const value = readValue(cursor, 0);
  return { value, length: cursor.at };
}

/** The value that the bytes are, all of them. @throws WebAuthnFault */
export function readCborExactly(bytes: Uint8Array): CborValue {
  const { value, length } = readCbor(bytes);
  if (length !== bytes.length) throw new WebAuthnFault("CBOR: bytes are left over");
  return value;
}

function readValue(cursor: Cursor, depth: number): CborValue {
  if (depth > DEPTH_MAX) throw new WebAuthnFault("CBOR: nested too deeply");
  const [head] = take(cursor, 1);
  const major = (head as number) >> 5;
  const info = (head as number) & 0x1f;
  if (major === 7) return simple(info);
  const argument = readArgument(cursor, info);
  switch (major) {
    case 0:
      return argument;
    case 1:
      return -1 - argument;
    case 2:
      return take(cursor, argument).slice();
    case 3:
      return text(take(cursor, argument));
    case 4:
      return readArray(cursor, argument, depth);
    case 5:
      return readMap(cursor, argument, depth);
    default:
      throw new WebAuthnFault("CBOR: tags are not accepted");
  }
}

function take(cursor: Cursor, count: number): Uint8Array {
  if (count > cursor.bytes.length - cursor.at) throw new WebAuthnFault("CBOR: cut short");
  const part = cursor.bytes.subarray(cursor.at, cursor.at + count);
  cursor.at += count;
  return part;
}

/** RFC 8949 §3: the low five bits, or the 1, 2, 4 or 8 bytes they announce. */
function readArgument(cursor: Cursor, info: number): number {
  if (info < 24) return info;
  if (info > 27) throw new WebAuthnFault("CBOR: indefinite or reserved length");
  let value = 0;
  for (const byte of take(cursor, 1 << (info - 24))) value = value * 256 + byte;
  if (!Number.isSafeInteger(value)) throw new WebAuthnFault("CBOR: a number is too large");
  return value;
}

function simple(info: number): CborValue {
  if (info === 20) return false;
  if (info === 21) return true;
  if (info === 22) return null;
  throw new WebAuthnFault("CBOR: floats and unknown simple values are not accepted");
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new WebAuthnFault("CBOR: text is not UTF-8");
  }
}

function readArray(cursor: Cursor, count: number, depth: number): readonly CborValue[] {
  const items: CborValue[] = [];
  for (let n = 0; n < count; n += 1) items.push(readValue(cursor, depth + 1));
  return items;
}

function readMap(cursor: Cursor, count: number, depth: number): CborMap {
  const map = new Map<number | string, CborValue>();
  for (let n = 0; n < count; n += 1) {
    const key = readValue(cursor, depth + 1);
    if (typeof key !== "number" && typeof key !== "string") {
      throw new WebAuthnFault("CBOR: a key is neither a number nor text");
    }
    if (map.has(key)) throw new WebAuthnFault("CBOR: a key is there twice");
    map.set(key, readValue(cursor, depth + 1));
  }
  return map;
}
