/** Handing a message, or the news of a gap, to subscribers, none of which may hurt another. */
import type { BusMessage } from "../../core/ports/bus.ts";
import type { Logger } from "../../core/ports/log.ts";

export interface Subscriber {
  readonly onMessage: (message: BusMessage) => void;
  readonly onGap: (() => void) | null;
}

/** Calls each subscriber of this moment; one that throws is logged and does not stop the others. */
export function deliver(
  log: Logger,
  subscribers: ReadonlySet<Subscriber> | undefined,
  message: BusMessage,
): void {
  for (const subscriber of [...(subscribers ?? [])]) {
    try {
      subscriber.onMessage(message);
    } catch (error) {
      log.error("bus.subscriber_failed", { topic: message.topic, error });
    }
  }
}

/** Tells each subscriber that messages may have been missed. */
export function deliverGap(log: Logger, topic: string, subscribers: ReadonlySet<Subscriber>): void {
  for (const subscriber of [...subscribers]) {
    try {
      subscriber.onGap?.();
    } catch (error) {
      log.error("bus.subscriber_failed", { topic, error });
    }
  }
}
