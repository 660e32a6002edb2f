/** The thread that hashes passwords: see `hash-threads.ts`. */
import { constants, setPriority } from "node:os";
import type { HashAnswer, HashOrder } from "./hash-threads.ts";

declare const self: Worker;

// Linux gives it to the thread, other systems would give it to the whole process.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

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
