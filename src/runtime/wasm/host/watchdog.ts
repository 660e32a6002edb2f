/**
 * Stops calls that take too long, from a thread of its own: the main thread is inside the module and
 * hears nothing. Both share a few words; the watchdog looks at them every 10 ms while calls come and
 * sleeps when none do, so that a call costs no system call here.
 */
import { CONTROL, CONTROL_WORDS, type ToWatchdog } from "./watchdog-control.ts";

const CALLS_MAX = 2 ** 30;
const LIMIT_MAX_MS = 2 ** 31 - 1;

export interface Watchdog {
  /** A call begins; after `limitMs` it is stopped. */
  begin(limitMs: number): void;
  /** The call has ended. True when it was stopped, or is about to be: its instance is lost. */
  end(): boolean;
  /** A new instance, by its stop word; it is what runs now. The number names it from now on. */
  adopt(stopWord: Int32Array): number;
  /** This instance is what runs now. */
  running(instance: number): void;
  /** The instance is gone. */
  forget(instance: number): void;
}

export function createWatchdog(): Watchdog {
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  // The process lives as long as its server, not as long as this thread: hence no reference.
  const worker = new Worker(new URL("./watchdog-worker.ts", import.meta.url), { ref: false });
  const tell = (message: ToWatchdog) => worker.postMessage(message);
  tell({ t: "control", control });
  let call = 0;
  let instances = 0;
  return {
    begin(limitMs) {
      call = (call % CALLS_MAX) + 1;
      Atomics.store(control, CONTROL.instance, 0);
      Atomics.store(control, CONTROL.limitMs, Math.max(0, Math.min(limitMs, LIMIT_MAX_MS)));
      Atomics.store(control, CONTROL.call, call);
      if (Atomics.load(control, CONTROL.asleep) === 1) tell({ t: "wake" });
    },
    end: () => Atomics.compareExchange(control, CONTROL.call, call, 0) !== call,
    adopt(stopWord) {
      instances += 1;
      tell({ t: "instance", id: instances, stopWord });
      Atomics.store(control, CONTROL.instance, instances);
      return instances;
    },
    running: (instance) => void Atomics.store(control, CONTROL.instance, instance),
    forget: (id) => tell({ t: "forget", id }),
  };
}
