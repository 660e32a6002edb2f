/**
 * Writes frontend messages (protocol 3.0, "Message Formats") into slabs that are handed to the
 * socket and never written again, so that the socket may keep them as long as it must.
 */
import type { SqlParam } from "../../core/ports/database.ts";
import { wireErrors } from "./errors.ts";

const SLAB_BYTES = 64 * 1024;
/** A UTF-16 unit takes at most three bytes of UTF-8. */
const WORST_UTF8 = 3;
/** Up to here a loop is quicker than a call of native code. */
const SHORT_CHARS = 40;
const MAX_PARAMS = 65_535;

export class MessageWriter {
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** First byte not yet taken. */
  #from = 0;
  #at = 0;

  /** Bytes written since the last `take`. */
  get pendingBytes(): number {
    return this.#at - this.#from;
  }

  /** Everything written since the last call. The view stays valid. */
  take(): Buffer {
    const bytes = this.#slab.subarray(this.#from, this.#at);
    this.#from = this.#at;
    if (this.#slab.length - this.#at < 1024) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#from = 0;
      this.#at = 0;
    }
    return bytes;
  }

  /** Forgets what was written after `pendingBytes` had this value. */
  rewind(pendingBytes: number): void {
    this.#at = this.#from + pendingBytes;
  }

  /** "Parse": an empty name is the unnamed statement. Parameter types are left to Postgres. */
  parse(name: string, sql: string): void {
    const start = this.#begin(0x50);
    this.#cstring(name);
    this.#cstring(sql);
    this.#int16(0);
    this.#end(start);
  }

  /** "Bind" to the unnamed portal. Strings go as text, bytes as binary; all results come as text. */
  bind(name: string, params: readonly SqlParam[]): void {
    if (params.length > MAX_PARAMS) {
      throw wireErrors.query_invalid(`${params.length} parameters; the limit is ${MAX_PARAMS}`);
    }
    const start = this.#begin(0x42);
    this.#reserve(1);
    this.#slab[this.#at++] = 0;
    this.#cstring(name);
    this.#formats(params);
    this.#int16(params.length);
    for (const param of params) this.#value(param);
    this.#int16(0);
    this.#end(start);
  }

  /** "Describe" a prepared statement. */
  describeStatement(name: string): void {
    this.#named(0x44, name);
  }

  /** "Close" a prepared statement; no error if it does not exist. */
  closeStatement(name: string): void {
    this.#named(0x43, name);
  }

  /** "Execute" the unnamed portal to its end. */
  execute(): void {
    const start = this.#begin(0x45);
    this.#reserve(5);
    this.#slab[this.#at++] = 0;
    this.#at = this.#slab.writeInt32BE(0, this.#at);
    this.#end(start);
  }

  sync(): void {
    this.#end(this.#begin(0x53));
  }

  terminate(): void {
    this.#end(this.#begin(0x58));
  }

  /** "Query": the simple protocol. */
  simpleQuery(sql: string): void {
    const start = this.#begin(0x51);
    this.#cstring(sql);
    this.#end(start);
  }

  /** "PasswordMessage" for cleartext and md5. */
  password(text: string): void {
    const start = this.#begin(0x70);
    this.#cstring(text);
    this.#end(start);
  }

  /** "SASLInitialResponse". */
  saslInitial(mechanism: string, text: string): void {
    const start = this.#begin(0x70);
    this.#cstring(mechanism);
    this.#value(text);
    this.#end(start);
  }

  /** "SASLResponse". */
  saslResponse(text: string): void {
    const start = this.#begin(0x70);
    this.#utf8(text);
    this.#end(start);
  }

  #named(type: number, name: string): void {
    const start = this.#begin(type);
    this.#reserve(1);
    this.#slab[this.#at++] = 0x53;
    this.#cstring(name);
    this.#end(start);
  }

  #begin(type: number): number {
    this.#reserve(5);
    this.#slab[this.#at] = type;
    this.#at += 5;
    return this.#at - this.#from - 4;
  }

  /** `start` is relative to #from, because a growing slab moves the bytes. */
  #end(start: number): void {
    const at = this.#from + start;
    this.#slab.writeInt32BE(this.#at - at, at);
  }

  #formats(params: readonly SqlParam[]): void {
    const hasBytes = params.some((param) => param instanceof Uint8Array);
    this.#int16(hasBytes ? params.length : 0);
    if (!hasBytes) return;
    for (const param of params) this.#int16(param instanceof Uint8Array ? 1 : 0);
  }

  #value(param: SqlParam): void {
    if (param === null) this.#int32(-1);
    else if (typeof param === "string") this.#text(param);
    else this.#bytes(param);
  }

  /** The length goes in front once the number of UTF-8 bytes is known. */
  #text(text: string): void {
    this.#reserve(4);
    const start = this.#at - this.#from;
    this.#at += 4;
    this.#utf8(text);
    const at = this.#from + start;
    this.#slab.writeInt32BE(this.#at - at - 4, at);
  }

  #bytes(bytes: Uint8Array): void {
    this.#int32(bytes.length);
    this.#reserve(bytes.length);
    this.#slab.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #cstring(text: string): void {
    if (text.includes("\0")) throw wireErrors.query_invalid("the text holds a NUL character");
    this.#utf8(text);
    this.#reserve(1);
    this.#slab[this.#at++] = 0;
  }

  #utf8(text: string): void {
    const { length } = text;
    this.#reserve(length * WORST_UTF8);
    if (length > SHORT_CHARS || !this.#ascii(text)) {
      this.#at += this.#slab.write(text, this.#at, "utf8");
    }
  }

  /** False, and nothing is written, when another character turns up. */
  #ascii(text: string): boolean {
    const slab = this.#slab;
    const start = this.#at;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code > 0x7f) return false;
      slab[start + at] = code;
    }
    this.#at = start + text.length;
    return true;
  }

  #int16(value: number): void {
    this.#reserve(2);
    this.#at = this.#slab.writeUInt16BE(value, this.#at);
  }

  #int32(value: number): void {
    this.#reserve(4);
    this.#at = this.#slab.writeInt32BE(value, this.#at);
  }

  #reserve(sizeBytes: number): void {
    if (this.#at + sizeBytes <= this.#slab.length) return;
    const held = this.#at - this.#from;
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, (held + sizeBytes) * 2));
    this.#slab.copy(slab, 0, this.#from, this.#at);
    this.#slab = slab;
    this.#from = 0;
    this.#at = held;
  }
}

/** "StartupMessage", protocol 3.0: it has no type byte. */
export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).flatMap(([key, value]) => [`${key}\0`, `${value}\0`]);
  const body = Buffer.from(`${pairs.join("")}\0`, "utf8");
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, body]);
}

/** "SSLRequest". */
export function sslRequest(): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(8, 0);
  bytes.writeInt32BE(80_877_103, 4);
  return bytes;
}

/** "CancelRequest" with the BackendKeyData of the connection to interrupt. */
export function cancelRequest(pid: number, secret: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32BE(16, 0);
  bytes.writeInt32BE(80_877_102, 4);
  bytes.writeInt32BE(pid, 8);
  bytes.writeInt32BE(secret, 12);
  return bytes;
}
