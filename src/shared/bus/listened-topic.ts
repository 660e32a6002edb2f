/**
 * One LISTEN and the subscribers behind it: begun with the first, ended with the last, and told to
 * all as a gap when the connection had to be made again. Steps run one after the other, so that a
 * subscriber who comes while the last one goes is not left on a dead channel.
 */
import type { ListenMeta, Sql } from "postgres";
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import { FrameReader } from "./frame.ts";
import { deliver, deliverGap, type Subscriber } from "./subscriber.ts";

export interface ListenedTopicOptions {
  readonly topic: string;
  readonly channel: string;
  readonly direct: () => Sql;
  readonly clock: Clock;
  readonly log: Logger;
}

export class ListenedTopic {
  readonly #options: ListenedTopicOptions;
  readonly #subscribers = new Set<Subscriber>();
  readonly #reader = new FrameReader();
  #listening: ListenMeta | null = null;
  #step: Promise<unknown> = Promise.resolve();

  constructor(options: ListenedTopicOptions) {
    this.#options = options;
  }

  /** Resolves when live; the returned function removes the subscriber. */
  async add(subscriber: Subscriber): Promise<() => Promise<void>> {
    this.#subscribers.add(subscriber);
    try {
      await this.#inTurn(() => this.#adjust());
    } catch (error) {
      this.#subscribers.delete(subscriber);
      throw error;
    }
    return async () => {
      this.#subscribers.delete(subscriber);
      await this.#inTurn(() => this.#adjust());
    };
  }

  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#step.then(step);
    // A failed step is its caller's to report; the next one must still run.
    this.#step = done.catch(() => undefined);
    return done;
  }

  async #adjust(): Promise<void> {
    const wanted = this.#subscribers.size > 0;
    if (wanted && !this.#listening) {
      let isFirst = true;
      this.#listening = await this.#options.direct().listen(
        this.#options.channel,
        (frame) => this.#receive(frame),
        () => {
          if (!isFirst) this.#gap();
          isFirst = false;
        },
      );
    } else if (!wanted && this.#listening) {
      const listening = this.#listening;
      this.#listening = null;
      this.#reader.reset();
      await listening.unlisten();
    }
  }

  #receive(frame: string): void {
    const payload = this.#reader.read(frame);
    if (payload === null) return;
    deliver(this.#options.log, this.#subscribers, { topic: this.#options.topic, payload });
  }

  #gap(): void {
    this.#reader.reset();
    this.#options.log.warn("bus.reconnected", { topic: this.#options.topic });
    deliverGap(this.#options.log, this.#options.topic, this.#subscribers);
  }
}
