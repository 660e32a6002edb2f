/** A broadcast on its way: as a client pushed it, between servers, and as subscribers get it. Pure. */
import {
  decodeUtf8,
  isName,
  type PushedBroadcast,
  type Version,
  writeBroadcast,
  writeFrame,
} from "./wire.ts";

/** JSON text, or bytes that only version 2.0.0 can carry. */
export type BroadcastBody =
  | { readonly encoding: "json"; readonly text: string }
  | { readonly encoding: "binary"; readonly bytes: Uint8Array };

export interface BroadcastMeta {
  /** Row of realtime.messages. */
  readonly id: string;
  readonly replayed?: true;
}

export interface Broadcast {
  readonly event: string;
  readonly body: BroadcastBody;
  readonly meta: BroadcastMeta | null;
  /** JSON text of a pushed object that holds more than event and payload: subscribers get it as it is. */
  readonly whole: string | null;
}

const EMPTY: BroadcastBody = { encoding: "json", text: "{}" };
const KNOWN_MEMBERS: ReadonlySet<string> = new Set(["type", "event", "payload", "persist"]);

/** From a text frame; null when it names no event. */
export function broadcastFromObject(payload: Readonly<Record<string, unknown>>): Broadcast | null {
  const { event, payload: body } = payload;
  if (!isName(event)) return null;
  const isPlain = body !== undefined && Object.keys(payload).every((key) => KNOWN_MEMBERS.has(key));
  return {
    event,
    body: body === undefined ? EMPTY : { encoding: "json", text: JSON.stringify(body) },
    meta: null,
    whole: isPlain ? null : JSON.stringify(payload),
  };
}

/** From a binary frame; null when what it calls JSON is none: it would throw in every subscriber. */
export function broadcastFromPush(pushed: PushedBroadcast): Broadcast | null {
  const rest = { event: pushed.event, meta: null, whole: null };
  if (pushed.encoding === "binary") {
    return { ...rest, body: { encoding: "binary", bytes: pushed.bytes } };
  }
  try {
    const text = decodeUtf8(pushed.bytes);
    JSON.parse(text);
    return { ...rest, body: { encoding: "json", text } };
  } catch {
    return null;
  }
}

/** Bytes that count against `realtime_max_payload_bytes`. */
export function sizeOf({ body, whole }: Broadcast): number {
  if (body.encoding === "binary") return body.bytes.length;
  return Buffer.byteLength(whole ?? body.text);
}

/** Encodes one broadcast once for each version, however many subscribe. */
export class OutgoingBroadcast {
  readonly #wireTopic: string;
  readonly #broadcast: Broadcast;
  readonly #frames = new Map<Version, string | Uint8Array | null>();

  /** @param wireTopic with `realtime:` */
  constructor(wireTopic: string, broadcast: Broadcast) {
    this.#wireTopic = wireTopic;
    this.#broadcast = broadcast;
  }

  get id(): string | null {
    return this.#broadcast.meta?.id ?? null;
  }

  /** Null when this version cannot say it (bytes in 1.0.0). */
  frame(version: Version): string | Uint8Array | null {
    const known = this.#frames.get(version);
    if (known !== undefined) return known;
    const made = version === 1 ? this.#text(1) : (this.#binary() ?? this.#text(2));
    this.#frames.set(version, made);
    return made;
  }

  #binary(): Uint8Array | null {
    const { event, body, meta, whole } = this.#broadcast;
    if (whole !== null) return null;
    const bytes = body.encoding === "binary" ? body.bytes : Buffer.from(body.text);
    const metadata = meta === null ? "" : JSON.stringify(meta);
    const { encoding } = body;
    return writeBroadcast({ topic: this.#wireTopic, event, encoding, bytes, metadata });
  }

  #text(version: Version): string | null {
    const { event, body, meta, whole } = this.#broadcast;
    if (body.encoding === "binary") return null;
    const more = meta === null ? "" : `,"meta":${JSON.stringify(meta)}`;
    const payload =
      whole ??
      `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${body.text}${more}}`;
    const address = { joinRef: null, ref: null, topic: this.#wireTopic, event: "broadcast" };
    return writeFrame(version, address, payload);
  }
}

type BodyForm = "json" | "binary" | "whole";

/** Between servers: a JSON head, and on the next line the body, which is not read on the way. */
export function packBroadcast({ event, body, meta, whole }: Broadcast): {
  readonly head: Readonly<Record<string, unknown>>;
  readonly text: string;
} {
  const form: BodyForm = whole === null ? body.encoding : "whole";
  const head = { event, form, ...(meta === null ? {} : { meta }) };
  if (whole !== null) return { head, text: whole };
  return {
    head,
    text: body.encoding === "json" ? body.text : Buffer.from(body.bytes).toString("base64"),
  };
}

export interface BroadcastHead {
  readonly event: string;
  readonly form: BodyForm;
  readonly meta?: BroadcastMeta;
}

export function unpackBroadcast(head: BroadcastHead, text: string): Broadcast {
  const rest = { event: head.event, meta: head.meta ?? null, whole: null };
  if (head.form === "binary") {
    return { ...rest, body: { encoding: "binary", bytes: Buffer.from(text, "base64") } };
  }
  const body = { encoding: "json", text } as const;
  return head.form === "whole" ? { ...rest, body, whole: text } : { ...rest, body };
}
