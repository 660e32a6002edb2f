/**
 * Requests at a fixed rate, whatever their answers take: what somebody feels while others push. They
 * come from a child process of its own, which is this file again: told by a file of JSON, it prints its
 * result as JSON. Requests do not wait for the answers of those before.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scheduleThread } from "../../src/shared/linux/scheduling.ts";

interface PacedOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly perS: number;
  readonly seconds: number;
}

export interface PacedResult {
  readonly requests: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that are not 2xx. */
  readonly errors: number;
  /** Milliseconds of each answer that counts. */
  readonly times: readonly number[];
}

/** All windows as one: a p99 of few requests is one unlucky moment. */
export function pooled(results: readonly PacedResult[]): PacedResult {
  const errors = results.reduce((sum, result) => sum + result.errors, 0);
  return summary(
    results.flatMap(({ times }) => times),
    errors,
  );
}

function summary(times: readonly number[], errors: number): PacedResult {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { requests: times.length, p50Ms: at(0.5), p99Ms: at(0.99), errors, times };
}

/** Its own code is compiled meanwhile: not counted. */
const WARM_UP_MS = 1_000;

/** @param folder where the child's orders are written */
export async function runPaced(options: PacedOptions, folder: string): Promise<PacedResult> {
  const file = join(folder, "paced.json");
  writeFileSync(file, JSON.stringify(options));
  const child = Bun.spawn([process.execPath, import.meta.path, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(await new Response(child.stdout).text()) as PacedResult;
}

async function run({ url, headers, perS, seconds }: PacedOptions): Promise<PacedResult> {
  const times: number[] = [];
  let errors = 0;
  const one = async (sentAt: number) => {
    const response = await fetch(url, { headers });
    await response.arrayBuffer();
    if (!response.ok) errors += 1;
    else if (sentAt >= warmAt) times.push(performance.now() - sentAt);
  };
  const startedAt = performance.now();
  const warmAt = startedAt + WARM_UP_MS;
  const waiting: Promise<void>[] = [];
  const count = perS * (seconds + WARM_UP_MS / 1000);
  for (let n = 0; n < count; n += 1) {
    const dueAt = startedAt + (n * 1000) / perS;
    const early = dueAt - performance.now();
    if (early > 0) await Bun.sleep(early);
    waiting.push(one(performance.now()));
  }
  await Promise.all(waiting);
  return summary(times, errors);
}

if (import.meta.main) {
  const [file = ""] = process.argv.slice(2);
  const options = JSON.parse(readFileSync(file, "utf8")) as PacedOptions;
  // Its thread of HTTP begins with the first request.
  await (await fetch(options.url, { headers: options.headers })).arrayBuffer();
  // A client elsewhere would have a processor of its own: here it is let in first, as the server is.
  const threads = process.platform === "linux" ? readdirSync("/proc/self/task") : [];
  for (const thread of threads) scheduleThread(Number(thread), "soon");
  console.log(JSON.stringify(await run(options)));
  process.exit(0);
}
