/** Lines of a child's output pipe, each bounded, so that a flood without line ends costs no memory. */
import { cutLine, LOG_LINE_BYTES } from "./log-cap.ts";

/** How fast a pipe is read; what is not read waits in it, and so does who writes. */
export interface ReadingPace {
  /** After so many bytes. */
  waitMs(bytes: number): number;
  sleep(ms: number): Promise<void>;
}

/** What a line counts for beside its bytes: a flood of short ones is as much work as one of long ones. */
export const LINE_BYTES = 256;
/** In one turn of the event loop, which is everybody's. */
const LINES_A_TURN = 500;

/** Calls `take` for each non-empty line until the pipe ends. Text beyond the cap of a line is dropped. */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  take: (line: string) => void,
  pace: ReadingPace,
): Promise<void> {
  const decoder = new TextDecoder();
  const rest = async (bytes: number) => {
    const waitMs = pace.waitMs(bytes);
    if (waitMs > 0) await pace.sleep(waitMs);
  };
  let begun = "";
  for await (const chunk of stream) {
    const lines = (begun + decoder.decode(chunk, { stream: true })).split("\n");
    begun = (lines.pop() ?? "").slice(0, LOG_LINE_BYTES + 1);
    for (let at = 0; at < lines.length; at += LINES_A_TURN) {
      const some = lines.slice(at, at + LINES_A_TURN);
      for (const line of some) if (line !== "") take(cutLine(line));
      await rest(some.length * LINE_BYTES);
    }
    await rest(chunk.length);
  }
  if (begun !== "") take(cutLine(begun));
}
