/** A neighbour that is called all the time: how long it takes, and whether it always answers. */
import type { HostileWorld } from "./hostile-world.ts";

export interface Watch {
  /** Ends the calls. */
  stop(): Promise<{ readonly calls: number; readonly failures: string[]; readonly p99Ms: number }>;
}

const PAUSE_MS = 40;

export function watchNeighbour({ call }: HostileWorld): Watch {
  const took: number[] = [];
  const failures: string[] = [];
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      const answer = await call("neighbour");
      took.push(answer.ms);
      if (answer.status !== 200 || !answer.text.includes('"worked":"one two","polluted":false')) {
        failures.push(`${answer.status} ${answer.text.slice(0, 200)}`);
      }
      await new Promise((next) => setTimeout(next, PAUSE_MS));
    }
  };
  const running = run();
  return {
    async stop() {
      isOver = true;
      await running;
      took.sort((a, b) => a - b);
      const p99Ms = Math.round(took[Math.floor(took.length * 0.99)] ?? 0);
      return { calls: took.length, failures, p99Ms };
    },
  };
}
