/** The open event streams of this server, and their heartbeats. */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Metrics } from "../../../../core/ports/metrics.ts";
import type { Service } from "../../../../core/service.ts";
import type { Change } from "../change-feed.ts";
import type { FeedSubscription } from "../feed/tenant-feed.ts";
import type { EventStream } from "./event-stream.ts";
import { changeText, eventText } from "./event-text.ts";

export interface OpenStream {
  readonly stream: EventStream;
  readonly subscription: FeedSubscription;
}

const TICK_MS = 1_000;
const HEARTBEAT_MS = 15_000;

export class SubscriberStreams {
  readonly #clock: Clock;
  readonly #open = new Set<OpenStream>();
  /** The same change goes to many: it is written once. */
  readonly #written = new WeakMap<Change, Uint8Array>();
  readonly #encoder = new TextEncoder();
  #stopTicking: (() => void) | null = null;
  readonly service: Service;

  constructor(clock: Clock, metrics: Metrics) {
    this.#clock = clock;
    this.service = {
      name: "data.event_streams",
      scope: "process",
      start: async () => {
        this.#stopTicking ??= clock.every(TICK_MS, () => this.#beat());
      },
      stop: async () => {
        this.#stopTicking?.();
        this.#stopTicking = null;
      },
    };
    const open = metrics.gauge("reactor_realtime_streams", "Open event streams of subscriptions");
    metrics.onCollect(() => open.set({}, this.#open.size));
  }

  add(open: OpenStream): void {
    this.#open.add(open);
  }

  remove(open: OpenStream): void {
    this.#open.delete(open);
  }

  changeBytes(change: Change): Uint8Array {
    const known = this.#written.get(change);
    if (known) return known;
    const bytes = this.#encoder.encode(changeText(change));
    this.#written.set(change, bytes);
    return bytes;
  }

  /** No event, but clients take its id and its time. */
  openingBytes(retryMs: number, id: string): Uint8Array {
    return this.#encoder.encode(`id: ${id}\nretry: ${retryMs}\n\n`);
  }

  eventBytes(name: string, data: unknown, id: string | null = null): Uint8Array {
    return this.#encoder.encode(eventText(name, JSON.stringify(data), id));
  }

  /** Streams that were silent for a while; they also learn how far the feed is, to resume from there. */
  #beat(): void {
    const nowMs = this.#clock.monotonic();
    const ts = new Date(this.#clock.now()).toISOString();
    for (const { stream, subscription } of this.#open) {
      if (nowMs - stream.wroteAtMs < HEARTBEAT_MS) continue;
      stream.write(this.eventBytes("heartbeat", { ts }, subscription.position()));
    }
  }
}
