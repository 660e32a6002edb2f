/**
 * Load over kept-alive connections, one request under way on each: `wrk` when it is installed, else
 * a child process of our own on plain sockets. Each request names a random id.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface LoadOptions {
  /** Everything before the id. */
  readonly url: string;
  /** Ids are 1 to `rows`. */
  readonly rows: number;
  readonly connections: number;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoadResult {
  readonly requests: number;
  readonly perS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 200. */
  readonly errors: number;
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const wrk = Bun.which("wrk");
  return wrk ? await runWrk(wrk, options) : await runOwn(options);
}

async function output(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed`);
  return text;
}

async function runOwn(options: LoadOptions): Promise<LoadResult> {
  const script = join(import.meta.dir, "socket-load.ts");
  return JSON.parse(
    await output([process.execPath, script, JSON.stringify(options)]),
  ) as LoadResult;
}

async function runWrk(wrk: string, options: LoadOptions): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), "reactor-wrk-"));
  const script = join(folder, "request.lua");
  const { pathname, search, origin } = new URL(options.url);
  const headers = Object.entries(options.headers).map(
    ([k, v]) => `wrk.headers[${JSON.stringify(k)}] = ${JSON.stringify(v)}`,
  );
  writeFileSync(
    script,
    `${headers.join("\n")}\nrequest = function() return wrk.format("GET", ${JSON.stringify(pathname + search)} .. math.random(${options.rows})) end
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %f %f %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.errors.status))
end\n`,
  );
  try {
    const text = await output([
      wrk,
      "-t1",
      `-c${options.connections}`,
      `-d${options.seconds}s`,
      "-s",
      script,
      origin,
    ]);
    const [requests = 0, durationUs = 1, p50 = 0, p99 = 0, errors = 0] = (
      /RESULT (.*)/.exec(text)?.[1] ?? ""
    )
      .split(" ")
      .map(Number);
    return {
      requests,
      perS: (requests * 1e6) / durationUs,
      p50Ms: p50 / 1e3,
      p99Ms: p99 / 1e3,
      errors,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
