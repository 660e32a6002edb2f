/** A server-sent event stream (HTML Living Standard §9.2) fed by pushes, with a heartbeat. */
import type { Clock } from "../core/ports/clock.ts";

const HEARTBEAT_MS = 15_000;
/** A reader this far behind is cut off rather than held in memory. */
const BACKLOG_MAX = 1_000;

export interface EventSink {
  push(event: string, data: unknown): void;
}

/**
 * @param start called once with the sink; returns what ends the subscription.
 * @param signal the request's: the stream ends with it.
 */
export function eventStream(
  clock: Clock,
  signal: AbortSignal,
  start: (sink: EventSink) => () => void,
): Response {
  const encoder = new TextEncoder();
  let end = () => {};
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const write = (text: string) => {
          if ((controller.desiredSize ?? 0) < -BACKLOG_MAX) return end();
          controller.enqueue(encoder.encode(text));
        };
        const beat = clock.every(HEARTBEAT_MS, () => write(": beat\n\n"));
        const stop = start({
          push: (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
        });
        let open = true;
        end = () => {
          if (!open) return;
          open = false;
          beat();
          stop();
          controller.close();
        };
        signal.addEventListener("abort", () => end(), { once: true });
        write(": open\n\n");
      },
      cancel: () => end(),
    },
    { highWaterMark: 64 },
  );
  return new Response(body, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}
