/**
 * `Bun.password` on threads of our own, which yield to everything else: a hash takes a core for tens of
 * milliseconds, and a read that comes meanwhile must not wait for it. Bun's own threads also read files
 * and look up names, whose priority must stay. A thread is made when one is needed and ended when nobody
 * has needed it for a while.
 */
import type { Clock } from "../../../core/ports/clock.ts";

export interface HashSettings {
  readonly algorithm: "argon2id";
  /** KiB. */
  readonly memoryCost: number;
  readonly timeCost: number;
}

export type HashOrder =
  | { readonly t: "hash"; readonly password: string; readonly settings: HashSettings }
  | { readonly t: "verify"; readonly password: string | Uint8Array; readonly stored: string };

export type HashAnswer =
  | { readonly value: string | boolean }
  | { readonly code: string | null; readonly message: string };

/** What hashes are computed by; `Bun.password` is one. */
export interface HashComputer {
  hash(password: string, settings: HashSettings): Promise<string>;
  /** Rejects with a `code` that begins with PASSWORD_ for a hash that is none. */
  verify(password: string | Uint8Array, stored: string): Promise<boolean>;
}

export interface HashThreads extends HashComputer {
  /** Ends the threads, and with them what they compute. */
  close(): void;
}

interface Thread {
  readonly worker: Worker;
  /** Calls off its end. */
  stay: () => void;
  /** Of who waits for its answer. */
  fail: (error: Error) => void;
}

const IDLE_MS = 30_000;

/** As many threads as there are orders at a time: whoever asks bounds them. */
export function createHashThreads(clock: Clock): HashThreads {
  const all = new Set<Thread>();
  const idle: Thread[] = [];

  const end = (thread: Thread) => {
    thread.stay();
    all.delete(thread);
    const at = idle.indexOf(thread);
    if (at >= 0) idle.splice(at, 1);
    thread.worker.terminate();
  };
  const start = (): Thread => {
    const worker = new Worker(new URL("./hash-worker.ts", import.meta.url), { ref: false });
    const thread: Thread = { worker, stay: () => undefined, fail: () => undefined };
    const fail = (why: string) => thread.fail(new Error(`The hashing thread ${why}`));
    worker.addEventListener("error", ({ message }) => fail(`failed: ${message}`));
    worker.addEventListener("close", () => fail("has ended"));
    all.add(thread);
    return thread;
  };
  const rest = (thread: Thread) => {
    thread.stay = clock.after(IDLE_MS, () => end(thread));
    idle.push(thread);
  };
  const compute = async (order: HashOrder): Promise<string | boolean> => {
    const thread = idle.pop() ?? start();
    thread.stay();
    let answer: HashAnswer;
    try {
      answer = await ask(thread, order);
    } catch (error) {
      end(thread);
      throw error;
    }
    if (all.has(thread)) rest(thread);
    if ("value" in answer) return answer.value;
    throw Object.assign(new Error(answer.message), { code: answer.code });
  };
  return {
    hash: async (password, settings) =>
      (await compute({ t: "hash", password, settings })) as string,
    verify: async (password, stored) =>
      (await compute({ t: "verify", password, stored })) as boolean,
    close() {
      for (const thread of [...all]) end(thread);
    },
  };
}

/** Rejects when the thread fails or is ended. */
function ask(thread: Thread, order: HashOrder): Promise<HashAnswer> {
  return new Promise((resolve, reject) => {
    thread.fail = reject;
    thread.worker.onmessage = ({ data }: MessageEvent<HashAnswer>) => resolve(data);
    thread.worker.postMessage(order);
  });
}
