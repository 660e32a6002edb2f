/** Lines of a child's output pipe, each bounded, so that a flood without line ends costs no memory. */
import { cutLine, LOG_LINE_BYTES } from "./log-cap.ts";

/** How fast a pipe is read; what is not read waits in it, and so does who writes. */
export interface ReadingPace {
  /** After so many bytes. */
  waitMs(bytes: number): number;
  sleep(ms: number): Promise<void>;
}

/** Calls `take` for each non-empty line until the pipe ends. Text beyond the cap of a line is dropped. */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
  pace: ReadingPace,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = (lines.pop() ?? "").slice(0, LOG_LINE_BYTES + 1);
    for (const line of lines) if (line !== "") take(cutLine(line));
    const waitMs = pace.waitMs(chunk.length);
    if (waitMs > 0) await pace.sleep(waitMs);
  }
  if (rest !== "") take(cutLine(rest));
}
