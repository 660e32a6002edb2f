/** The presence that one channel keeps: `track`, `untrack`, and the state for who asks for it. */
import type { Channel } from "./channel.ts";
import { type InboundFrame, isObject } from "./wire.ts";

/** Everybody on a channel gets it, and each server keeps it: less than a broadcast may have. */
const PRESENCE_BYTES_MAX = 64 * 1024;

interface Tracked {
  readonly ref: string;
  /** JSON text as the client sent it. */
  readonly payload: string;
}

export class ChannelPresence {
  readonly #channel: Channel;
  readonly #key: string;
  #tracked: Tracked | null = null;
  /** State and differences are sent. */
  #isOn: boolean;

  constructor(channel: Channel) {
    this.#channel = channel;
    const { presenceKey, presenceEnabled } = channel.request;
    this.#key = presenceKey === "" ? channel.hub.newPresenceRef() : presenceKey;
    this.#isOn = presenceEnabled;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** To a channel that was just opened, or has begun to track. */
  sendState(): void {
    const { permissions, hub, topic } = this.#channel;
    if (!this.#isOn || !permissions.readPresence) return;
    this.#channel.push("presence_state", hub.presenceState(topic));
  }

  handle(frame: InboundFrame): void {
    const event = frame.kind === "json" ? frame.payload["event"] : null;
    switch (typeof event === "string" ? event.toLowerCase() : null) {
      case "track":
        this.#track(frame);
        break;
      case "untrack":
        this.untrack();
        this.#channel.reply(frame, "ok");
        break;
      default:
        this.#refuse(frame, "Unknown presence event");
    }
  }

  untrack(): void {
    if (!this.#tracked) return;
    this.#channel.hub.removePresence(this.#tracked.ref);
    this.#tracked = null;
  }

  /** The policies have changed: who may not be seen any more is not. */
  recheck(): void {
    if (!this.#channel.permissions.writePresence) this.untrack();
  }

  #track(frame: InboundFrame): void {
    const read = this.#payloadOf(frame);
    if ("fault" in read) {
      this.#refuse(frame, read.fault);
      return;
    }
    if (read.payload !== this.#tracked?.payload) this.#replace(read.payload);
    this.#channel.reply(frame, "ok");
    if (this.#isOn) return;
    // Who shows himself without having asked to see the others sees them from now on.
    this.#isOn = true;
    this.sendState();
  }

  #payloadOf(frame: InboundFrame): { readonly payload: string } | { readonly fault: string } {
    const { permissions, session } = this.#channel;
    if (!permissions.writePresence) return { fault: "Unauthorized" };
    const sent = frame.kind === "json" ? (frame.payload["payload"] ?? {}) : null;
    if (!isObject(sent)) return { fault: "Presence track payload must be a map" };
    const payload = JSON.stringify(sent);
    const limit = Math.min(session.room.config.realtime_max_payload_bytes, PRESENCE_BYTES_MAX);
    if (Buffer.byteLength(payload) > limit) return { fault: "Track message size exceeded" };
    return { payload };
  }

  #replace(payload: string): void {
    const { hub, topic } = this.#channel;
    const before = this.#tracked;
    const ref = hub.newPresenceRef();
    const previous = before === null ? "" : `,"phx_ref_prev":${JSON.stringify(before.ref)}`;
    // Behind what the client sent: of two members of one name the last counts.
    const own = `"phx_ref":${JSON.stringify(ref)}${previous}}`;
    const meta = payload === "{}" ? `{${own}` : `${payload.slice(0, -1)},${own}`;
    hub.addPresence({ ref, topic, key: this.#key, meta });
    if (before) hub.removePresence(before.ref);
    this.#tracked = { ref, payload };
  }

  #refuse(frame: InboundFrame, reason: string): void {
    this.#channel.reply(frame, "error", JSON.stringify({ reason }));
  }
}
