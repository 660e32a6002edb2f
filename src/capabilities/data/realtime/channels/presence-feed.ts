/**
 * Presence as Phoenix tells it: the state of a channel for who joins it, and differences for who is
 * there. Differences of a short while go out together: a room that fills up costs one for each while,
 * not one for each person.
 */
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Presence } from "./presence-state.ts";

const WHILE_MS = 20;

interface Difference {
  readonly joins: Map<string, Presence>;
  readonly leaves: Map<string, Presence>;
}

export class PresenceFeed {
  readonly #clock: Clock;
  readonly #send: (topic: string, payload: string) => void;
  readonly #beforeSending: () => void;
  readonly #open = new Map<string, Difference>();
  #isScheduled = false;

  /**
   * @param send delivers a `presence_diff` payload to a channel
   * @param beforeSending called once for each while
   */
  constructor(
    clock: Clock,
    send: (topic: string, payload: string) => void,
    beforeSending: () => void,
  ) {
    this.#clock = clock;
    this.#send = send;
    this.#beforeSending = beforeSending;
  }

  changed(change: "join" | "leave", presence: Presence): void {
    const { topic, ref } = presence;
    const difference = this.#open.get(topic) ?? { joins: new Map(), leaves: new Map() };
    this.#open.set(topic, difference);
    if (change === "join") difference.joins.set(ref, presence);
    // Who came and went within the while was never there.
    else if (!difference.joins.delete(ref)) difference.leaves.set(ref, presence);
    this.#schedule();
  }

  /** Sends what is open of a channel at once: whoever gets its state next must not be told twice. */
  flush(topic: string): void {
    const difference = this.#open.get(topic);
    if (!difference) return;
    this.#open.delete(topic);
    const { joins, leaves } = difference;
    if (joins.size + leaves.size > 0) {
      this.#send(
        topic,
        `{"joins":${writeState(joins.values())},"leaves":${writeState(leaves.values())}}`,
      );
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.after(WHILE_MS, () => {
      this.#isScheduled = false;
      this.#beforeSending();
      for (const topic of [...this.#open.keys()]) this.flush(topic);
    });
  }
}

/** `{key: {metas: [...]}}` as JSON text. */
export function writeState(presences: Iterable<Presence>): string {
  const metas = new Map<string, string[]>();
  for (const { key, meta } of presences) {
    const known = metas.get(key);
    if (known) known.push(meta);
    else metas.set(key, [meta]);
  }
  const members = [...metas].map(
    ([key, list]) => `${JSON.stringify(key)}:{"metas":[${list.join(",")}]}`,
  );
  return `{${members.join(",")}}`;
}
