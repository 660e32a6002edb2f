/**
 * Requests at a fixed rate, whatever their answers take: what somebody feels while others push. They
 * come from a child process of its own, which is this file again: told by a file of JSON, it prints its
 * result as JSON. A request that was due while the server did not answer counts from when it was due.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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
}

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
  const one = async (dueAt: number) => {
    const response = await fetch(url, { headers });
    await response.arrayBuffer();
    if (response.ok) times.push(performance.now() - dueAt);
    else errors += 1;
  };
  const startedAt = performance.now();
  const waiting: Promise<void>[] = [];
  for (let n = 0; n < perS * seconds; n += 1) {
    const dueAt = startedAt + (n * 1000) / perS;
    const early = dueAt - performance.now();
    if (early > 0) await Bun.sleep(early);
    waiting.push(one(Math.max(dueAt, performance.now())));
  }
  await Promise.all(waiting);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0;
  return { requests: times.length, p50Ms: at(0.5), p99Ms: at(0.99), errors };
}

if (import.meta.main) {
  const [file = ""] = process.argv.slice(2);
  console.log(JSON.stringify(await run(JSON.parse(readFileSync(file, "utf8")) as PacedOptions)));
  process.exit(0);
}
