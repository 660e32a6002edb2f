/**
 * Delivers what SQL sent. The database notifies of each committed row by its id; rows of channels
 * that nobody here has joined are not read. When the connection was lost, or a read failed, the rows
 * of all transactions that had not ended well before are read again; what was delivered is known.
 */
import type { Sql } from "postgres";
import type { Clock } from "../../../../core/ports/clock.ts";
import type { Logger } from "../../../../core/ports/log.ts";
import { Listener } from "../../../../shared/bus/listener.ts";
import { LruMap } from "../../../../shared/lru-map.ts";
import {
  readHorizon,
  readMessages,
  readSince,
  type SinceCursor,
  type StoredMessage,
} from "./message-store.ts";
import { topicKey } from "./topic.ts";

export interface MessageWatchOptions {
  readonly system: () => Sql;
  readonly direct: () => Sql;
  readonly clock: Clock;
  readonly log: Logger;
  /** Somebody here has joined. */
  readonly isWanted: (topic: string) => boolean;
  readonly deliver: (message: StoredMessage) => void;
}

const CHANNEL = "realtime_messages";
const BATCH = 200;
const DELIVERED_MAX = 10_000;
/** With more the rows are looked for anew, a page at a time. */
const WAITING_MAX = 10_000;
const RETRY_MS = 500;
/** Notifications take less than this; a horizon is trusted once it is so old. */
const HORIZON_AGE_MS = 30_000;

export class MessageWatch {
  readonly #options: MessageWatchOptions;
  readonly #listener: Listener;
  readonly #delivered = new LruMap<string, true>(DELIVERED_MAX);
  #waiting: string[] = [];
  #reading = false;
  /** Rows may have been missed since `#horizon`. */
  #behind = false;
  #live = false;
  #horizon = "0";
  #next = { horizon: "0", at: 0 };

  constructor(options: MessageWatchOptions) {
    this.#options = options;
    this.#listener = new Listener({
      ...options,
      onNotification: (_channel, payload) => this.#notified(payload),
      onGap: () => this.#catchUp(),
    });
  }

  /** Resolves when everything committed from now on will be delivered. */
  async start(): Promise<void> {
    this.#live = true;
    await this.#listener.listen(CHANNEL);
    this.#horizon = await readHorizon(this.#options.system());
    this.#next = { horizon: this.#horizon, at: this.#options.clock.monotonic() };
  }

  async stop(): Promise<void> {
    this.#live = false;
    this.#waiting = [];
    await this.#listener.close();
  }

  #notified(payload: string): void {
    const [id, kind, ...topic] = payload.split(" ");
    if (!id || !kind) return;
    const name = topic.join(" ");
    if (name !== "" && !this.#options.isWanted(topicKey(name, kind === "p"))) return;
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(id);
    else this.#behind = true;
    void this.#read();
  }

  #catchUp(): void {
    this.#behind = true;
    void this.#read();
  }

  /** One read at a time, so that messages keep the order of their commits. */
  async #read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    while (this.#live && (this.#behind || this.#waiting.length > 0)) {
      try {
        await (this.#behind ? this.#readMissed() : this.#readWaiting());
      } catch (error) {
        this.#options.log.warn("realtime.messages_unread", { error });
        this.#behind = true;
        await this.#options.clock.sleep(RETRY_MS);
      }
    }
    this.#reading = false;
  }

  async #readWaiting(): Promise<void> {
    const ids = this.#waiting.splice(0, BATCH);
    const { messages, horizon } = await readMessages(this.#options.system(), ids);
    const byId = new Map(messages.map((message) => [message.id, message]));
    for (const id of ids) this.#deliver(byId.get(id));
    if (horizon !== null) this.#advance(horizon);
  }

  async #readMissed(): Promise<void> {
    this.#behind = false;
    let from: SinceCursor | null = { xid: this.#horizon, id: null };
    while (from !== null) {
      const { messages, next } = await readSince(this.#options.system(), from, BATCH);
      for (const message of messages) this.#deliver(message);
      from = next;
    }
  }

  /** A row that was deleted in between is nobody's any more. */
  #deliver(message: StoredMessage | undefined): void {
    if (!message || !this.#live || this.#delivered.get(message.id)) return;
    this.#delivered.set(message.id, true);
    this.#options.deliver(message);
  }

  #advance(horizon: string): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#next.at < HORIZON_AGE_MS) return;
    this.#horizon = this.#next.horizon;
    this.#next = { horizon, at: now };
  }
}
