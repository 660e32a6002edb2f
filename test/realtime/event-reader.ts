/** A client of server-sent events (HTML Living Standard §9.2.6) that keeps what it was sent. */
import { until } from "../support/until.ts";

export interface SentEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string | null;
}

export class EventReader {
  readonly events: SentEvent[] = [];
  readonly headers: Headers;
  retryMs: number | null = null;
  /** With which the stream begins. */
  firstId: string | null = null;
  hasEnded = false;
  readonly #controller: AbortController;
  #rest = "";

  /** Throws for an answer that is no stream. */
  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<EventReader> {
    const controller = new AbortController();
    const answer = await fetch(url, { headers, signal: controller.signal });
    if (!answer.ok || !answer.body) throw new Error(`${answer.status} ${await answer.text()}`);
    return new EventReader(answer, answer.body, controller);
  }

  private constructor(
    answer: Response,
    body: ReadableStream<Uint8Array>,
    controller: AbortController,
  ) {
    this.headers = answer.headers;
    this.#controller = controller;
    void this.#read(body).catch(() => undefined);
  }

  named(name: string): SentEvent[] {
    return this.events.filter((event) => event.name === name);
  }

  /** The `count`th event of the name, once it has come. */
  async heard(name: string, count: number): Promise<SentEvent> {
    const find = () => this.named(name)[count - 1];
    return await until(`${count} of ${name}`, find);
  }

  close(): void {
    this.#controller.abort();
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        const blocks = (this.#rest + decoder.decode(chunk, { stream: true })).split("\n\n");
        this.#rest = blocks.pop() ?? "";
        for (const block of blocks) this.#take(block);
      }
    } finally {
      this.hasEnded = true;
    }
  }

  #take(block: string): void {
    const lines = block.split("\n");
    const fields = (name: string) =>
      lines
        .filter((line) => line.startsWith(`${name}: `))
        .map((line) => line.slice(name.length + 2));
    const [retry] = fields("retry");
    if (retry !== undefined) this.retryMs = Number(retry);
    this.firstId ??= fields("id")[0] ?? null;
    const [name] = fields("event");
    if (name === undefined) return;
    this.events.push({ name, data: fields("data").join("\n"), id: fields("id")[0] ?? null });
  }
}
