/**
 * The server's end of a child's control channel: sorts what arrives into log lines and answers that
 * somebody waits for. Reads shapes defensively, because the child runs somebody else's code.
 */
import type { LogLevel } from "../core/ports/log.ts";
import { cutLine } from "./log-cap.ts";
import type { FromChild, LogEntry } from "./messages.ts";

export interface ControlChannel {
  /** Takes one raw message from the child. */
  receive(raw: unknown): void;
  /** Resolves with the first answer for which `pick` gives a value. */
  waitFor<T>(pick: (answer: FromChild) => T | undefined): Promise<T>;
  /** Fails all who wait, now and later: the child has gone. */
  fail(error: Error): void;
}

interface Listener {
  take(message: FromChild): boolean;
  fail(error: Error): void;
}

const LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(["debug", "info", "warn", "error"]);

/** What arrives without having been asked for. */
export interface ChannelEvents {
  onLog(entry: LogEntry): void;
  onBackground(running: number): void;
  /** Whether work of this call goes on after its answer. */
  onWork(call: number, isWorking: boolean): void;
}

export function createControlChannel(events: ChannelEvents): ControlChannel {
  const listeners = new Set<Listener>();
  let gone: Error | null = null;
  return {
    receive(raw) {
      const message = raw as FromChild | null;
      if (typeof message !== "object" || message === null) return;
      if (message.t === "log") return takeLines(message.lines, (entry) => events.onLog(entry));
      if (message.t === "background") {
        if (typeof message.call === "number") events.onWork(message.call, message.works === true);
        return events.onBackground(countOf(message.running));
      }
      for (const listener of listeners) if (listener.take(message)) listeners.delete(listener);
    },
    waitFor<T>(pick: (answer: FromChild) => T | undefined) {
      if (gone) return Promise.reject(gone);
      return new Promise<T>((resolve, reject) => {
        const take = (message: FromChild) => {
          const picked = pick(message);
          if (picked !== undefined) resolve(picked);
          return picked !== undefined;
        };
        listeners.add({ take, fail: reject });
      });
    },
    fail(error) {
      gone = error;
      for (const listener of listeners) listener.fail(error);
      listeners.clear();
    },
  };
}

function takeLines(lines: unknown, onLog: (entry: LogEntry) => void): void {
  if (!Array.isArray(lines)) return;
  for (const line of lines as unknown[]) {
    if (!Array.isArray(line)) continue;
    const [level, requestId, text] = line as unknown[];
    const known = LEVELS.has(level) ? (level as LogLevel) : "info";
    onLog([known, typeof requestId === "string" ? requestId : null, textOf(text)]);
  }
}

/** Not `String`: what a child sends may be nested too deep to be made text of. */
function textOf(value: unknown): string {
  return typeof value === "string" ? cutLine(value) : `(${typeof value})`;
}

function countOf(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
