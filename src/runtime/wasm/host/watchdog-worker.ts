/** The watchdog's thread: see `watchdog.ts`. */
import { CONTROL, CONTROL_WORDS, type ToWatchdog } from "./watchdog-control.ts";

declare const self: Worker;

const TICK_MS = 10;
/** Ticks without a call before it sleeps. */
const QUIET_TICKS = 20;

const stopWords = new Map<number, Int32Array>();
let control: Int32Array = new Int32Array(CONTROL_WORDS);
let timer: ReturnType<typeof setInterval> | null = null;
let quiet = 0;
let watched = 0;
let watchedSince = 0;

self.onmessage = ({ data }: MessageEvent<ToWatchdog>) => {
  switch (data.t) {
    case "control":
      control = data.control;
      break;
    case "instance":
      stopWords.set(data.id, data.stopWord);
      return;
    case "forget":
      stopWords.delete(data.id);
      return;
    case "wake":
      break;
  }
  wake();
};

function wake(): void {
  Atomics.store(control, CONTROL.asleep, 0);
  quiet = 0;
  timer ??= setInterval(tick, TICK_MS);
}

function tick(): void {
  const call = Atomics.load(control, CONTROL.call);
  if (call <= 0) {
    watched = 0;
    quiet += 1;
    if (quiet > QUIET_TICKS) sleep();
    return;
  }
  quiet = 0;
  if (call !== watched) {
    watched = call;
    watchedSince = performance.now();
  }
  if (performance.now() - watchedSince >= Atomics.load(control, CONTROL.limitMs)) stop(call);
}

/** A call may begin between the last look and the sleep: hence one more look after it. */
function sleep(): void {
  if (timer) clearInterval(timer);
  timer = null;
  Atomics.store(control, CONTROL.asleep, 1);
  if (Atomics.load(control, CONTROL.call) > 0) wake();
}

/**
 * Claims the call first: if it ended meanwhile, nothing is stopped, and if it ends now, the host knows
 * that its instance is lost. While the module is still being made there is nothing to stop yet.
 */
function stop(call: number): void {
  const stopWord = stopWords.get(Atomics.load(control, CONTROL.instance));
  if (!stopWord) return;
  if (Atomics.compareExchange(control, CONTROL.call, call, -call) !== call) return;
  Atomics.store(stopWord, 0, 1);
}
