/** Gives damaged modules to a thread and stops those that go on; see `run-mutant.ts`. */
import type { MutantJob, MutantReport } from "./run-mutant.ts";

const STOP_AFTER_MS = 30;
/** A module that has been told to stop and is still there after this has escaped. */
const ESCAPED_AFTER_MS = 5_000;

export interface MutantRunner {
  /** Null, or what is wrong. */
  run(job: MutantJob): Promise<string | null>;
  close(): void;
}

export function createMutantRunner(): MutantRunner {
  const worker = new Worker(new URL("./run-mutant.ts", import.meta.url));
  return {
    run: (job) =>
      new Promise((resolve) => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const end = (defect: string | null) => {
          clearTimeout(timer);
          resolve(defect);
        };
        worker.onmessage = ({ data }: MessageEvent<MutantReport>) => {
          if (data.t === "done") return end(data.defect);
          const { stop } = data;
          timer = setTimeout(() => {
            Atomics.store(stop, 0, 1);
            timer = setTimeout(() => end("it does not stop"), ESCAPED_AFTER_MS);
          }, STOP_AFTER_MS);
        };
        worker.onerror = (event) => end(`the thread failed: ${event.message}`);
        worker.postMessage(job);
      }),
    close: () => worker.terminate(),
  };
}
