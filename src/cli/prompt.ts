/** Lines with editing and history, by node:readline on the process's own terminal. */
import { createInterface } from "node:readline";
import type { Prompt, PromptLine } from "./host.ts";

const HISTORY_MAX = 1_000;

export function openPrompt({ history }: { readonly history: readonly string[] }): Prompt {
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    historySize: HISTORY_MAX,
    // Newest first.
    history: history.toReversed(),
  });
  let onInterrupt = () => {};
  let onEnd = () => {};
  let isClosed = false;
  lines.on("SIGINT", () => onInterrupt());
  lines.on("close", () => {
    isClosed = true;
    onEnd();
  });
  return {
    ask(text) {
      if (isClosed) return Promise.resolve({ kind: "end" });
      return new Promise<PromptLine>((resolve) => {
        const asking = new AbortController();
        onEnd = () => resolve({ kind: "end" });
        onInterrupt = () => {
          // The line at hand is left where it is, and another one begins.
          process.stdout.write("^C\n");
          asking.abort();
          resolve({ kind: "cancelled" });
        };
        lines.question(text, { signal: asking.signal }, (line) =>
          resolve({ kind: "line", text: line }),
        );
      });
    },
    async during(work) {
      const aborter = new AbortController();
      onInterrupt = () => aborter.abort();
      return await work(aborter.signal);
    },
    close: () => lines.close(),
  };
}
