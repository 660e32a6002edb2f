/** Progress speaks up after a second, in place on a terminal and sparsely elsewhere. */
import { expect, test } from "bun:test";
import type { Clock } from "../core/ports/clock.ts";
import { createProgress } from "./progress.ts";

/** Runs timers when told that time has passed. */
function fakeClock() {
  let now = 0;
  let timers: { at: number; everyMs: number | null; run: () => void }[] = [];
  const add = (ms: number, everyMs: number | null, run: () => void) => {
    const timer = { at: now + ms, everyMs, run };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: () => Promise.resolve(),
    after: (ms, run) => add(ms, null, run),
    every: (ms, run) => add(ms, ms, run),
  };
  const pass = (ms: number) => {
    const end = now + ms;
    for (;;) {
      const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      now = next.at;
      if (next.everyMs === null) timers = timers.filter((other) => other !== next);
      else next.at += next.everyMs;
      next.run();
    }
    now = end;
  };
  return { clock, pass, left: () => timers.length };
}

function out(isTerminal: boolean) {
  const written: string[] = [];
  return {
    isTerminal,
    written,
    write: (text: string | Uint8Array) => void written.push(String(text)),
  };
}

test("what ends within a second is silent", () => {
  const { clock, pass, left } = fakeClock();
  const sink = out(true);
  const progress = createProgress(clock, sink, "Deploying");
  pass(999);
  progress.end();
  pass(5000);
  expect(sink.written).toEqual([]);
  expect(left()).toBe(0);
});

test("a terminal's line is rewritten in place and cleared at the end", () => {
  const { clock, pass, left } = fakeClock();
  const sink = out(true);
  const progress = createProgress(clock, sink, "Deploying");
  pass(1000);
  progress.update("uploading 1 of 2");
  pass(120);
  progress.end();
  progress.end();
  expect(sink.written).toEqual([
    "\r\x1b[K⠋ Deploying",
    "\r\x1b[K⠙ Deploying: uploading 1 of 2",
    "\r\x1b[K",
  ]);
  expect(left()).toBe(0);
});

test("elsewhere it is a line at first and then every ten seconds", () => {
  const { clock, pass } = fakeClock();
  const sink = out(false);
  const progress = createProgress(clock, sink, "Backing up");
  pass(1000);
  progress.update("3 MiB");
  pass(20_000);
  progress.end();
  expect(sink.written).toEqual([
    "Backing up …\n",
    "Backing up: 3 MiB …\n",
    "Backing up: 3 MiB …\n",
  ]);
});
