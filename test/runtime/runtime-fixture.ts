/** A pair of runtimes in a folder of their own, with what they logged, for the tests of this room. */
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  FunctionAnswer,
  FunctionLogLine,
  FunctionSpec,
} from "../../src/core/ports/function-runtime.ts";
import type { Logger } from "../../src/core/ports/log.ts";
import { DEFAULT_TENANT } from "../../src/core/tenant.ts";
import { createRuntimes, type RuntimeOptions, type Runtimes } from "../../src/runtime/index.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { DEFAULT_LIMITS, type FixtureCall, requestOf } from "./runtime-call.ts";

const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silent,
};

export interface Fixture {
  readonly runtimes: Runtimes;
  readonly dir: string;
  readonly lines: FunctionLogLine[];
  /** A Bun function from source text (plain ES module, no bundling). */
  bunSpec(name: string, source: string, more?: Partial<FunctionSpec>): FunctionSpec;
  wasmSpec(name: string, bytes: Uint8Array, more?: Partial<FunctionSpec>): FunctionSpec;
  /** A handler from source text, a zip, or the description of a function on AWS. */
  lambdaSpec(name: string, code: string | Uint8Array, more?: Partial<FunctionSpec>): FunctionSpec;
  invoke(spec: FunctionSpec, call?: FixtureCall): Promise<Response>;
  /** Waits for a line that matches; fails after 30 s. */
  line(match: (line: FunctionLogLine) => boolean): Promise<FunctionLogLine>;
  close(): Promise<void>;
}

export async function createFixture(options: Partial<RuntimeOptions> = {}): Promise<Fixture> {
  const dir = mkdtempSync(join(tmpdir(), "rx-"));
  // As a server's own folder is: children of other users get through to theirs.
  chmodSync(dir, 0o711);
  const lines: FunctionLogLine[] = [];
  const ids = createIds(systemClock, systemRng);
  const runtimes = createRuntimes({
    requests: () => 0,
    clock: systemClock,
    ids,
    logger: silent,
    dir: join(dir, "run"),
    onLog: (line) => lines.push(line),
    gateway: () => ({ socket: null, url: null }),
    ...options,
  });
  await runtimes.start();

  function spec(
    kind: FunctionSpec["runtime"],
    name: string,
    code: string | Uint8Array,
  ): FunctionSpec {
    const version = createHash("sha256").update(code).digest("hex");
    const codePath = join(dir, `${version}.${kind === "wasm" ? "wasm" : "mjs"}`);
    writeFileSync(codePath, code);
    const own = { name, version, runtime: kind, codePath, entry: null, config: {}, env: {} };
    return {
      ...own,
      limits: DEFAULT_LIMITS,
      isolation: "reuse",
      service: false,
      instances: { min: 0, max: 1 },
      egress: ["*"],
    };
  }

  return {
    runtimes,
    dir,
    lines,
    bunSpec: (name, source, more) => ({ ...spec("bun", name, source), ...more }),
    wasmSpec: (name, bytes, more) => ({ ...spec("wasm", name, bytes), ...more }),
    lambdaSpec: (name, code, more) => ({ ...spec("lambda", name, code), ...more }),
    async invoke(wanted, call = {}) {
      const answer = await runtimes[wanted.runtime].invoke({
        tenant: call.tenant ?? DEFAULT_TENANT,
        requestId: call.requestId ?? ids.uuid(),
        spec: wanted,
        request: requestOf(call.url ?? `http://localhost/${wanted.name}`, call.init),
        exportName: call.exportName ?? null,
        ...(call.caller ? { caller: call.caller } : {}),
      });
      return responseOf(answer);
    },
    async line(match) {
      const until = systemClock.monotonic() + 30_000;
      for (;;) {
        const found = lines.find(match);
        if (found) return found;
        if (systemClock.monotonic() > until) throw new Error(`no such line in ${show(lines)}`);
        await systemClock.sleep(5);
      }
    },
    async close() {
      await runtimes.stop(1000);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** As the server answers with it. */
function responseOf({ status, statusText = "", headers, body }: FunctionAnswer): Response {
  const all = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, String(one)]),
  );
  return new Response(body, { status, statusText, headers: all });
}

function show(lines: readonly FunctionLogLine[]): string {
  return JSON.stringify(lines.slice(-20));
}
