/**
 * The frames of the Phoenix channel protocol, as text and as bytes: reading what a client sent,
 * writing what it gets. Pure. Version 1.0.0 has JSON objects, 2.0.0 JSON arrays and, for broadcasts,
 * the binary frames of realtime-js (kinds 3 and 4).
 */

/** `vsn` 1.x or 2.x. */
export type Version = 1 | 2;

/** As the client sent it: echoed in the reply. */
export type Ref = string | number | null;

export interface Address {
  readonly joinRef: Ref;
  readonly ref: Ref;
  readonly topic: string;
  readonly event: string;
}

/** A broadcast as a binary frame carries it. */
export interface PushedBroadcast {
  readonly event: string;
  readonly encoding: "json" | "binary";
  readonly bytes: Uint8Array;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export type InboundFrame =
  | (Address & { readonly kind: "json"; readonly payload: Readonly<Record<string, unknown>> })
  | (Address & { readonly kind: "broadcast"; readonly broadcast: PushedBroadcast })
  | (Address & { readonly kind: "binary" });

/** RFC-like limits of the binary header: every length is one byte. */
export const NAME_BYTES_MAX = 255;
const REF_LENGTH_MAX = 64;

const PUSH = 0;
const BROADCAST_PUSH = 3;
const BROADCAST = 4;
const JSON_ENCODING = 1;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** UTF-8 as text. @throws TypeError for what is none */
export function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/** The frame, or null for what is none: then nothing more can be understood of this client. */
export function readFrame(version: Version, data: string | Uint8Array): InboundFrame | null {
  try {
    if (typeof data !== "string") return version === 2 ? readBinary(data) : null;
    return version === 2 ? readArray(JSON.parse(data)) : readObject(JSON.parse(data));
  } catch {
    // No JSON, too deep, no UTF-8, or shorter than its header says.
    return null;
  }
}

function readArray(value: unknown): InboundFrame | null {
  if (!Array.isArray(value) || value.length < 5) return null;
  const [joinRef, ref, topic, event, payload] = value as unknown[];
  return jsonFrame(joinRef, ref, topic, event, payload);
}

function readObject(value: unknown): InboundFrame | null {
  if (!isObject(value)) return null;
  return jsonFrame(
    value["join_ref"],
    value["ref"],
    value["topic"],
    value["event"],
    value["payload"],
  );
}

function jsonFrame(
  joinRef: unknown,
  ref: unknown,
  topic: unknown,
  event: unknown,
  payload: unknown,
): InboundFrame | null {
  if (!isRef(joinRef) || !isRef(ref) || !isName(topic) || !isName(event)) return null;
  const value = payload ?? {};
  if (!isObject(value)) return null;
  const address = { joinRef: joinRef ?? null, ref: ref ?? null, topic, event };
  return { kind: "json", ...address, payload: value };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRef(value: unknown): value is Ref | undefined {
  if (value === null || value === undefined) return true;
  return typeof value === "string" ? value.length <= REF_LENGTH_MAX : Number.isFinite(value);
}

/** A topic or an event: text that PostgreSQL and UTF-8 can hold. */
export function isName(value: unknown): value is string {
  if (typeof value !== "string" || value === "" || value.length > NAME_BYTES_MAX) return false;
  if (!value.isWellFormed() || value.includes("\0")) return false;
  return value.length * 3 <= NAME_BYTES_MAX || Buffer.byteLength(value) <= NAME_BYTES_MAX;
}

/** Reads a header whose lengths come first, each one byte, then the parts in the same order. */
class HeaderReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, lengths: number) {
    this.#bytes = bytes;
    this.#at = 1 + lengths;
    if (bytes.length < this.#at) throw new RangeError("shorter than its header");
  }

  text(length: number): string {
    return utf8.decode(this.#take(length));
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("shorter than its header says");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}

function readBinary(bytes: Uint8Array): InboundFrame | null {
  if (bytes[0] === BROADCAST_PUSH) return readBroadcastPush(bytes);
  return bytes[0] === PUSH ? readPush(bytes) : null;
}

function readPush(bytes: Uint8Array): InboundFrame | null {
  const header = new HeaderReader(bytes, 4);
  const [, joinRef = 0, ref = 0, topic = 0, event = 0] = bytes;
  const address = {
    joinRef: header.text(joinRef) || null,
    ref: header.text(ref) || null,
    topic: header.text(topic),
    event: header.text(event),
  };
  return isName(address.topic) && isName(address.event) ? { kind: "binary", ...address } : null;
}

function readBroadcastPush(bytes: Uint8Array): InboundFrame | null {
  const header = new HeaderReader(bytes, 6);
  const [, joinRef = 0, ref = 0, topic = 0, event = 0, metadata = 0, encoding = 0] = bytes;
  const address = {
    joinRef: header.text(joinRef) || null,
    ref: header.text(ref) || null,
    topic: header.text(topic),
    event: "broadcast",
  };
  const name = header.text(event);
  const meta: unknown = metadata === 0 ? {} : JSON.parse(header.text(metadata));
  if (!isName(address.topic) || !isName(name) || !isObject(meta) || encoding > 1) return null;
  const broadcast: PushedBroadcast = {
    event: name,
    encoding: encoding === JSON_ENCODING ? "json" : "binary",
    bytes: header.rest(),
    metadata: meta,
  };
  return { kind: "broadcast", ...address, broadcast };
}

/** A message to the client. @param payload JSON text of an object */
export function writeFrame(version: Version, address: Address, payload: string): string {
  const ref = JSON.stringify(address.ref);
  const topic = JSON.stringify(address.topic);
  const event = JSON.stringify(address.event);
  if (version === 1) return `{"topic":${topic},"event":${event},"payload":${payload},"ref":${ref}}`;
  return `[${JSON.stringify(address.joinRef)},${ref},${topic},${event},${payload}]`;
}

/** @param response JSON text */
export function writeReply(
  version: Version,
  to: Address,
  status: "ok" | "error",
  response: string,
): string {
  const payload = `{"status":"${status}","response":${response}}`;
  return writeFrame(version, { ...to, event: "phx_reply" }, payload);
}

export interface BroadcastFrame {
  readonly topic: string;
  readonly event: string;
  readonly encoding: "json" | "binary";
  readonly bytes: Uint8Array;
  /** JSON text, or "" for none; at most 255 bytes. */
  readonly metadata: string;
}

/** Kind 4 of version 2.0.0; null when a name is too long for its one byte. */
export function writeBroadcast(frame: BroadcastFrame): Uint8Array | null {
  const parts = [frame.topic, frame.event, frame.metadata].map((text) => Buffer.from(text));
  if (parts.some((part) => part.length > NAME_BYTES_MAX)) return null;
  const lengths = parts.map((part) => part.length);
  const encoding = frame.encoding === "json" ? JSON_ENCODING : 0;
  return Buffer.concat([Uint8Array.of(BROADCAST, ...lengths, encoding), ...parts, frame.bytes]);
}
