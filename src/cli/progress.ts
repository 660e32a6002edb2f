/**
 * Tells of work that takes longer than a second, on standard error: one line rewritten in place on a
 * terminal, else a line at the start and every ten seconds.
 */
import type { Clock } from "../core/ports/clock.ts";
import type { TextOut } from "./host.ts";

export interface Progress {
  /** What is going on now; shown at the next tick. */
  update(text: string): void;
  /** Clears the line. Call it however the work ended. */
  end(): void;
}

const PATIENCE_MS = 1000;
const TICK_MS = 120;
const PLAIN_TICK_MS = 10_000;
const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const CLEAR = "\r\x1b[K";

export function createProgress(clock: Clock, out: TextOut, label: string): Progress {
  let text = "";
  let frame = 0;
  let isShown = false;
  let stopTicks = () => {};
  const show = () => {
    const line = text === "" ? label : `${label}: ${text}`;
    isShown = true;
    if (!out.isTerminal) return out.write(`${line} …\n`);
    out.write(`${CLEAR}${FRAMES[frame++ % FRAMES.length] ?? ""} ${line}`);
  };
  const stopWaiting = clock.after(PATIENCE_MS, () => {
    show();
    stopTicks = clock.every(out.isTerminal ? TICK_MS : PLAIN_TICK_MS, show);
  });
  return {
    update(next) {
      text = next;
    },
    end() {
      stopWaiting();
      stopTicks();
      if (isShown && out.isTerminal) out.write(CLEAR);
      isShown = false;
    },
  };
}
