/**
 * How a message travels in NOTIFY: a payload there is text of fewer than 8,000 bytes without NUL,
 * and equal payloads of one transaction are merged. So each frame begins with publisher, sequence
 * and part, which also makes it unique; larger messages become several frames, sent in one
 * transaction and therefore received together and in order.
 */
import { createHash } from "node:crypto";

/** With the header below the 8,000 bytes of NOTIFY (PostgreSQL documentation, NOTIFY). */
const PART_BYTES = 7_800;

/** Plain text, or JSON text where the plain one could not travel (NUL, lone surrogates). */
type Form = "p" | "j";

/** A channel name of Postgres: an identifier of at most 63 bytes. */
export function channelOf(tenantId: string, topic: string): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([tenantId, topic]))
    .digest("hex");
  return `reactor_${digest.slice(0, 48)}`;
}

/** The frames of one message, in order. */
export function toFrames(publisher: string, sequence: number, payload: string): string[] {
  const travels = !payload.includes("\0") && payload.isWellFormed();
  const form: Form = travels ? "p" : "j";
  const parts = split(travels ? payload : JSON.stringify(payload));
  return parts.map((part, i) => `${form}.${publisher}.${sequence}.${i}.${parts.length}:${part}`);
}

/** Cuts between characters, so that each part is valid text of at most `PART_BYTES`. */
function split(text: string): string[] {
  if (text.length * 3 <= PART_BYTES) return [text];
  const bytes = Buffer.from(text);
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    let to = Math.min(from + PART_BYTES, bytes.length);
    // 10xxxxxx continues a character: step back to where one begins.
    while (to < bytes.length && ((bytes[to] ?? 0) & 0xc0) === 0x80) to -= 1;
    parts.push(bytes.toString("utf8", from, to));
    from = to;
  }
  return parts;
}

/** Puts frames of one channel together again. */
export class FrameReader {
  #open: { id: string; parts: string[]; total: number } | null = null;

  /** The whole message once its last part is here; null before that, and for what is not a frame. */
  read(frame: string): string | null {
    const headEnd = frame.indexOf(":");
    const [form, publisher, sequence, index, total] = frame.slice(0, headEnd).split(".");
    if (headEnd < 0 || total === undefined || (form !== "p" && form !== "j")) return null;
    const part = frame.slice(headEnd + 1);
    const text =
      total === "1" ? part : this.#collect(`${publisher}.${sequence}`, index, total, part);
    if (text === null) return null;
    return form === "p" ? text : (JSON.parse(text) as string);
  }

  /** After a lost connection: the rest of a half-received message will not come. */
  reset(): void {
    this.#open = null;
  }

  #collect(id: string, index: string | undefined, total: string, part: string): string | null {
    if (index === "0") this.#open = { id, parts: [], total: Number(total) };
    const open = this.#open;
    if (!open || open.id !== id || open.parts.length !== Number(index)) {
      this.#open = null;
      return null;
    }
    open.parts.push(part);
    if (open.parts.length < open.total) return null;
    this.#open = null;
    return open.parts.join("");
  }
}
