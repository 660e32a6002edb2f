/**
 * Where log text goes. Standard error is written in batches off the event loop, so that a slow
 * reader never holds up a request; what is still waiting is written when the process exits.
 */
import { write, writeSync } from "node:fs";
import type { Clock } from "../../core/ports/clock.ts";
import { PendingText } from "./pending-text.ts";

export interface LogSink {
  /** One line, without newline. Never throws, never blocks. */
  write(text: string): void;
  /** Resolves when everything written before is out. */
  flush(): Promise<void>;
}

const RETRY_MS = 10;
/** Lines of this long leave together: a write is a thread woken, which costs more than a line. */
const GATHER_MS = 25;
const STDERR = 2;

/** A sink on a file descriptor (default standard error). */
export function fileSink(clock: Clock, fd: number = STDERR): LogSink {
  const pending = new PendingText();
  let isScheduled = false;
  let isWriting = false;
  const waiters: (() => void)[] = [];

  const finish = (bytes: Buffer) => {
    isWriting = false;
    pending.giveBack(bytes);
    if (!pending.isEmpty) return start();
    for (const resolve of waiters.splice(0)) resolve();
  };
  const writeRest = (bytes: Buffer, offset: number): void => {
    write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
      if (error && error.code !== "EAGAIN") return finish(bytes);
      const next = offset + (error ? 0 : written);
      if (next >= bytes.length) return finish(bytes);
      clock.after(error ? RETRY_MS : 0, () => writeRest(bytes, next));
    });
  };
  const start = () => {
    isScheduled = false;
    if (isWriting || pending.isEmpty) return;
    isWriting = true;
    writeRest(pending.take(), 0);
  };
  process.on("exit", () => {
    while (!pending.isEmpty) writeNow(fd, pending.take());
  });
  return {
    write(text) {
      pending.add(text);
      if (isScheduled || isWriting) return;
      isScheduled = true;
      clock.after(GATHER_MS, start);
    },
    flush() {
      start();
      if (!isWriting) return Promise.resolve();
      return new Promise((resolve) => waiters.push(resolve));
    },
  };
}

/** Blocking, for the last moment of the process. A reader that has gone away ends it. */
function writeNow(fd: number, bytes: Buffer): void {
  let offset = 0;
  for (let tries = 0; offset < bytes.length && tries < 1000; tries++) {
    try {
      offset += writeSync(fd, bytes, offset);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}
