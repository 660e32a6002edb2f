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
 * @param signals the stream ends with the first: the request's, the listener's.
 */
export function eventStream(
  clock: Clock,
  signals: readonly (AbortSignal | undefined)[],
  start: (sink: EventSink) => () => void,
): Response {
  const encoder = new TextEncoder();
  let end = (_isGone: boolean) => {};
  const close = () => end(false);
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const write = (text: string) => {
          if ((controller.desiredSize ?? 0) < -BACKLOG_MAX) return close();
          controller.enqueue(encoder.encode(text));
        };
        const beat = clock.every(HEARTBEAT_MS, () => write(": beat\n\n"));
        const stop = start({
          push: (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
        });
        end = (isGone) => {
          end = () => {};
          beat();
          stop();
          for (const signal of signals) signal?.removeEventListener("abort", close);
          if (!isGone) controller.close();
        };
        write(": open\n\n");
        for (const signal of signals) {
          if (signal?.aborted) close();
          signal?.addEventListener("abort", close, { once: true });
        }
      },
      cancel: () => end(true),
    },
    { highWaterMark: 64 },
  );
  return new Response(body, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}
