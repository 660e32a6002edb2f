/** One request to a service outside, bounded in time and size. */
import type { Clock } from "../../../core/ports/clock.ts";

export interface Bounds {
  /** Of the whole exchange. */
  readonly timeoutMs: number;
  /** Of the answer's body. */
  readonly maxBytes: number;
}

/** Rejects with an Error past a bound. Redirects are not followed. */
export async function readTextWithin(
  clock: Clock,
  url: string,
  init: RequestInit,
  { timeoutMs, maxBytes }: Bounds,
): Promise<{ readonly status: number; readonly text: string }> {
  const controller = new AbortController();
  const cancel = clock.after(timeoutMs, () =>
    controller.abort(new Error(`no answer within ${timeoutMs} ms`)),
  );
  try {
    const { signal } = controller;
    const answer = await fetch(url, { ...init, signal, redirect: "manual" });
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of answer.body ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return { status: answer.status, text: Buffer.concat(chunks).toString() };
  } finally {
    cancel();
  }
}
