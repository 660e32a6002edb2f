/** The thread that hashes passwords: see `hash-threads.ts`. */
import type { HashAnswer, HashOrder } from "./hash-threads.ts";
import { yieldThread } from "./yield-thread.ts";

declare const self: Worker;

yieldThread();

self.onmessage = ({ data }: MessageEvent<HashOrder>) => self.postMessage(answerTo(data));

function answerTo(order: HashOrder): HashAnswer {
  try {
    return order.t === "hash"
      ? { value: Bun.password.hashSync(order.password, order.settings) }
      : { value: Bun.password.verifySync(order.password, order.stored) };
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    return { code: code ?? null, message };
  }
}
