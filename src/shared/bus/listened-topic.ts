/** The subscribers of one topic on one server, and the channel behind them while there are any. */
import type { Logger } from "../../core/ports/log.ts";
import { FrameReader } from "./frame.ts";
import type { Listener } from "./listener.ts";
import { deliver, deliverGap, type Subscriber } from "./subscriber.ts";

export interface ListenedTopicOptions {
  readonly topic: string;
  readonly channel: string;
  readonly listener: Listener;
  readonly log: Logger;
  /** Called when nobody subscribes any more: the value may be forgotten. */
  readonly onIdle: () => void;
}

export class ListenedTopic {
  readonly #options: ListenedTopicOptions;
  readonly #subscribers = new Set<Subscriber>();
  readonly #reader = new FrameReader();
  #step: Promise<unknown> = Promise.resolve();
  #live = false;

  constructor(options: ListenedTopicOptions) {
    this.#options = options;
  }

  /** Resolves when live; the returned function removes the subscriber. */
  async add(subscriber: Subscriber): Promise<() => Promise<void>> {
    this.#subscribers.add(subscriber);
    try {
      await this.#adjust();
    } catch (error) {
      this.#subscribers.delete(subscriber);
      throw error;
    }
    return async () => {
      this.#subscribers.delete(subscriber);
      await this.#adjust();
    };
  }

  receive(frame: string): void {
    const payload = this.#reader.read(frame);
    if (payload === null) return;
    const { log, topic } = this.#options;
    deliver(log, this.#subscribers, { topic, payload });
  }

  gap(): void {
    this.#reader.reset();
    deliverGap(this.#options.log, this.#options.topic, this.#subscribers);
  }

  /** One step at a time, so that who comes while the last one goes is not left on a dead channel. */
  #adjust(): Promise<void> {
    const done = this.#step.then(() => this.#follow());
    // A failed step is its caller's to report; the next one must still run.
    this.#step = done.catch(() => undefined);
    return done;
  }

  /** Listens with the first subscriber, ceases with the last. */
  async #follow(): Promise<void> {
    const { listener, channel, onIdle } = this.#options;
    const wanted = this.#subscribers.size > 0;
    if (wanted !== this.#live) {
      if (wanted) await listener.listen(channel);
      else await listener.unlisten(channel);
      this.#live = wanted;
    }
    if (this.#subscribers.size === 0) onIdle();
  }
}
