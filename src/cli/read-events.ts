/** Reads a server-sent event stream (HTML Living Standard §9.2.6). */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  /** The last that was sent, "" before. */
  readonly id: string;
}

/** One event may not be longer: a stream that never ends a line must not fill memory. */
const EVENT_MAX = 4 * 1024 * 1024;

export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = "";
  let event = "message";
  let id = "";
  let data: string[] = [];
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > EVENT_MAX) throw new Error("the event stream holds an endless line");
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { event, data: data.join("\n"), id };
        event = "message";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") event = value;
      if (field === "id") id = value;
      if (field === "data") data.push(value);
    }
  }
}
