/**
 * Load over kept-alive connections, one request under way on each: `wrk` when it is installed, else
 * a child process of our own on plain sockets.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** So many requests with an id are made and then sent in random order. */
const VARIED_REQUESTS = 1_000;

export interface LoadOptions {
  readonly origin: string;
  readonly method: string;
  /** Path and query; `$id` becomes a random number of 1 to `ids`. */
  readonly target: string;
  readonly ids: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `Authorization` of the request with id n: the one at n modulo their number. */
  readonly authorizations?: readonly string[];
  readonly body: string | null;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly perS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that are not 2xx. */
  readonly errors: number;
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), "reactor-load-"));
  try {
    const wrk = Bun.which("wrk");
    return wrk ? await runWrk(wrk, folder, options) : await runOwn(folder, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function output(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed`);
  return text;
}

async function runOwn(folder: string, options: LoadOptions): Promise<LoadResult> {
  const file = join(folder, "options.json");
  writeFileSync(file, JSON.stringify(options));
  const script = join(import.meta.dir, "socket-load.ts");
  return JSON.parse(await output([process.execPath, script, file])) as LoadResult;
}

/** A Lua string; JSON's escapes are not Lua's. */
function lua(text: string): string {
  const escaped = text.replace(
    /["\\\n\r]/g,
    (c) => `\\${String(c.charCodeAt(0)).padStart(3, "0")}`,
  );
  return `"${escaped}"`;
}

function wrkScript(options: LoadOptions): string {
  const { method, target, ids, headers, body, authorizations = [] } = options;
  const [before = "", after] = target.split("$id");
  const lines = Object.entries(headers).map(([k, v]) => `wrk.headers[${lua(k)}] = ${lua(v)}`);
  // Made before the load begins: wrk shares the cores with what it measures.
  const random = `local requests = {}
local authorizations = {${authorizations.map(lua).join(",")}}
init = function()
  for i = 1, ${VARIED_REQUESTS} do
    local id = math.random(${ids})
    if #authorizations > 0 then
      wrk.headers["Authorization"] = authorizations[id % #authorizations + 1]
    end
    requests[i] = wrk.format(nil, ${lua(before)} .. id .. ${lua(after ?? "")})
  end
end
request = function()
  return requests[math.random(${VARIED_REQUESTS})]
end`;
  // Without a function of its own wrk makes the request once.
  const fixed = `wrk.path = ${lua(before)}`;
  return `${lines.join("\n")}
wrk.method = ${lua(method)}
wrk.body = ${body === null ? "nil" : lua(body)}
${after === undefined ? fixed : random}
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %f %f %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status))
end
`;
}

async function runWrk(wrk: string, folder: string, options: LoadOptions): Promise<LoadResult> {
  const script = join(folder, "request.lua");
  writeFileSync(script, wrkScript(options));
  const { connections, seconds, origin } = options;
  const command = [wrk, "-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, origin];
  const result = /RESULT (.*)/.exec(await output(command))?.[1] ?? "";
  const [requests = 0, durationUs = 1, p50 = 0, p99 = 0, errors = 0] = result
    .split(" ")
    .map(Number);
  return {
    requests,
    perS: (requests * 1e6) / durationUs,
    p50Ms: p50 / 1e3,
    p99Ms: p99 / 1e3,
    errors,
  };
}
