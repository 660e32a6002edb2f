/**
 * One WebSocket: reads its frames, keeps its channels, and bounds what it may cost. Whatever a client
 * sends, the worst that happens to it is that its socket is closed with a reason.
 */
import type { Socket, SocketHandler } from "../../../../core/context.ts";
import type { Credentials, Principal } from "../../../../core/ports/auth.ts";
import type { TenantCtx } from "../../../../core/tenant.ts";
import type { Channel } from "./channel.ts";
import { joinChannel } from "./join-channel.ts";
import type { ChannelRoom } from "./room.ts";
import { TokenBucket } from "./token-bucket.ts";
import {
  type Address,
  type InboundFrame,
  readFrame,
  type Version,
  writeFrame,
  writeReply,
} from "./wire.ts";

/** RFC 6455 §7.4.1 and the IANA registry. */
const CLOSE = {
  "malformed frame": 1007,
  "too many messages per second": 1008,
  "no heartbeat": 1008,
  "internal error": 1011,
  "slow consumer": 1013,
} as const;

type CloseReason = keyof typeof CLOSE;

export interface SessionInit {
  readonly tenant: TenantCtx;
  readonly version: Version;
  /** Who opened the socket: joins without a token are his. */
  readonly principal: Principal;
  /** As sent: what joins with a token keep of them, and how a key is proven again. */
  readonly credentials: Credentials;
  /** Of the request that opened the socket, as JSON, without credentials. */
  readonly headers: string;
}

export class Session implements SocketHandler {
  readonly room: ChannelRoom;
  readonly init: SessionInit;
  /** By their topic as the client writes it. */
  readonly channels = new Map<string, Channel>();
  readonly joins: TokenBucket;
  readonly #messages: TokenBucket;
  #socket: Socket | null = null;
  /** Monotonic milliseconds. */
  #heardAt: number;

  constructor(room: ChannelRoom, init: SessionInit) {
    const { realtime_max_messages_per_s: perS, realtime_max_joins_per_s: joins } = room.config;
    // Whoever comes back joins all that it had at once.
    const joinsAtOnce = Math.max(joins, room.config.realtime_max_channels);
    const now = room.clock.monotonic();
    this.room = room;
    this.init = init;
    this.#messages = new TokenBucket(perS, perS * 2, now);
    this.joins = new TokenBucket(joins, joinsAtOnce, now);
    this.#heardAt = now;
  }

  open(socket: Socket): void {
    this.#socket = socket;
  }

  message(_socket: Socket, data: string | Uint8Array): void {
    // What arrives between our close and the client's is nobody's.
    if (!this.#socket) return;
    try {
      this.#receive(data);
    } catch (error) {
      this.room.log.error("realtime.failed", { tenant: this.init.tenant.id, error });
      this.#end("internal error");
    }
  }

  close(): void {
    this.#socket = null;
    this.room.sessionsOf(this.init.tenant).delete(this);
    for (const channel of this.channels.values()) channel.abandon();
    this.channels.clear();
  }

  /** Closes the socket when it has been silent since `sinceMs` (monotonic). */
  endIfSilent(sinceMs: number): void {
    if (this.#heardAt < sinceMs) this.#end("no heartbeat");
  }

  send(frame: string | Uint8Array): void {
    const socket = this.#socket;
    if (!socket) return;
    this.room.counted.sent();
    const sent = socket.send(frame);
    if (sent > 0) return;
    // It could not go at once. What waits for one client must not fill the server; a single frame may
    // be larger than that.
    const waiting = socket.bufferedBytes - frame.length;
    const isFull = waiting > this.room.config.realtime_max_buffered_bytes;
    // 0: it was thrown away, and a client must not go on without it.
    if (isFull || sent === 0) this.#end("slow consumer");
  }

  /** @param payload JSON text of an object */
  push(address: Address, payload: string): void {
    this.send(writeFrame(this.init.version, address, payload));
  }

  /** @param response JSON text */
  reply(to: Address, status: "ok" | "error", response = "{}"): void {
    this.send(writeReply(this.init.version, to, status, response));
  }

  #receive(data: string | Uint8Array): void {
    const now = this.room.clock.monotonic();
    this.#heardAt = now;
    this.room.counted.received();
    const isTooMuch = !this.#messages.take(now);
    const frame = isTooMuch ? null : readFrame(this.init.version, data);
    if (frame) this.#route(frame);
    else this.#end(isTooMuch ? "too many messages per second" : "malformed frame");
  }

  #route(frame: InboundFrame): void {
    if (frame.topic === "phoenix") {
      if (frame.event === "heartbeat") this.reply(frame, "ok");
    } else if (frame.event === "phx_join") joinChannel(this, frame);
    else this.#toChannel(frame);
  }

  #toChannel(frame: InboundFrame): void {
    const channel = this.channels.get(frame.topic);
    const isStale = channel && frame.joinRef !== null && channel.joinRef !== frame.joinRef;
    if (channel && !isStale) channel.receive(frame);
    else if (frame.event === "phx_leave") this.reply(frame, "ok");
    else if (!channel) this.reply(frame, "error", '{"reason":"unmatched topic"}');
  }

  #end(reason: CloseReason): void {
    const socket = this.#socket;
    if (!socket) return;
    this.room.counted.closed.add({ reason });
    this.close();
    socket.close(CLOSE[reason], reason);
  }
}
