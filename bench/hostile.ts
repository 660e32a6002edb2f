/**
 * What a well-behaved function feels of one that means harm, on the compiled executable: its calls at a
 * fixed rate, alone and beside each class of the guests of `test/hostile`, which are called one after
 * another. Also how long after its limit the last of each class was stopped. Quiet
 * windows and noisy ones are interleaved. `bun run bench hostile [seconds a window] [class…]`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers, floods } from "../test/fixtures/hostile/guests/bridge.ts";
import { disks, hogs, loops } from "../test/fixtures/hostile/guests/greedy.ts";
import { kernelCalls } from "../test/fixtures/hostile/guests/kernel-calls.ts";
import { type HostileWorld, startHostileWorld } from "../test/hostile/hostile-world.ts";
import { wasmLoops } from "../test/hostile/wasm-guest.ts";
import { install, runExecutable, startExecutable, testUsers } from "../test/support/executable.ts";
import { type PacedResult, runPaced } from "./load/paced-load.ts";

const CALLS_PER_S = 200;
const ROUNDS = 3;
/** Between guests: what they do is measured, not how many calls a client can make. */
const PAUSE_MS = 20;
/** Of `loop` and `wasm` in the project; the others end by what they take. */
const DEADLINE_MS = 1_200;
const FLOOD_DEADLINE_MS = 2_500;

interface Guest {
  readonly path: string;
  readonly probe?: string;
  readonly limitMs?: number;
}

const probes = (path: string, all: object, limitMs?: number): Guest[] =>
  Object.keys(all).map((probe) => ({ path, probe, ...(limitMs ? { limitMs } : {}) }));

const pick = (all: object, wanted: RegExp) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => wanted.test(name)));

const { threads, ...memory } = hogs;
const CLASSES: Readonly<Record<string, readonly Guest[]>> = {
  "loops, TypeScript": probes("loop", loops, DEADLINE_MS),
  "loops, WASM": wasmLoops.map((name) => ({ path: `wasm/${name}`, limitMs: DEADLINE_MS })),
  memory: probes("hog", memory),
  "threads and processes": [
    ...probes("hog", { threads }),
    ...probes("probe", pick(kernelCalls, /fork|shell|again|execve/)),
  ],
  disk: probes("probe", disks),
  "floods, by deadline": probes("flood", floods, FLOOD_DEADLINE_MS),
  "answers that are too much": probes("flood", answers),
};

interface Window extends PacedResult {
  /** The latest stop after a limit, milliseconds; null where none was by the clock. */
  readonly lateMs: number | null;
  readonly guests: number;
}

/** Calls the neighbour at its rate from a process of its own. */
function neighbour({ server }: HostileWorld, folder: string, seconds: number) {
  const url = `${server.url}/fn/v1/neighbour`;
  const headers = { apikey: server.status.publishable_key };
  return runPaced({ url, headers, perS: CALLS_PER_S, seconds }, folder);
}

/** Guests in a row until told to stop; how late the latest stop was. */
function harm(world: HostileWorld, guests: readonly Guest[]) {
  let going = true;
  let lateMs: number | null = null;
  let called = 0;
  const run = async () => {
    for (let n = 0; going && guests.length > 0; n += 1) {
      const { path, probe, limitMs } = guests[n % guests.length] as Guest;
      const { ms, status } = await world.call(path, { probe, target: world.target });
      called += 1;
      await Bun.sleep(PAUSE_MS);
      if (limitMs !== undefined && status === 504) lateMs = Math.max(lateMs ?? 0, ms - limitMs);
    }
  };
  const running = run();
  return async () => {
    going = false;
    await running;
    return { lateMs, guests: called };
  };
}

async function measure(
  world: HostileWorld,
  folder: string,
  guests: readonly Guest[],
  seconds: number,
): Promise<Window> {
  const stop = harm(world, guests);
  const result = await neighbour(world, folder, seconds);
  return { ...result, ...(await stop()) };
}

const median = (windows: readonly Window[]): Window =>
  windows.toSorted((a, b) => a.p99Ms - b.p99Ms)[Math.floor(windows.length / 2)] as Window;

function print(name: string, windows: readonly Window[], quiet: Window): void {
  const { p50Ms, p99Ms } = median(windows);
  const worst = Math.max(...windows.map((w) => w.p99Ms));
  const late = windows.flatMap(({ lateMs }) => lateMs ?? []);
  const cells = [
    ...[name, windows.reduce((sum, { guests }) => sum + guests, 0)],
    ...[p50Ms.toFixed(2), p99Ms.toFixed(2), worst.toFixed(2), (p99Ms / quiet.p99Ms).toFixed(2)],
    late.length > 0 ? `${Math.round(Math.max(...late))} ms` : "–",
  ];
  console.log(`| ${cells.join(" | ")} |`);
  const errors = windows.reduce((sum, w) => sum + w.errors, 0);
  if (errors > 0) console.log(`${errors} calls of the neighbour failed`);
}

async function main(): Promise<void> {
  const [seconds = 8, ...wanted] = [Number(process.argv[2] ?? 8), ...process.argv.slice(3)];
  const chosen = Object.entries(CLASSES).filter(
    ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(String(part))),
  );
  const installation = await install();
  const { program } = installation;
  const folder = mkdtempSync(join(tmpdir(), "reactor-bench-"));
  const [user] = testUsers;
  if (!user) throw new Error("nobody runs this");
  const world = await startHostileWorld(
    {
      program,
      folder: (of) => installation.folder(of),
      run: (cwd, args, more) => runExecutable({ program, cwd, args, ...more }),
      start: (cwd, args, more) => startExecutable({ program, cwd, args, ...more }),
      project: () => Promise.reject(new Error("no project is asked for")),
    },
    user,
  );
  try {
    await neighbour(world, folder, 2);
    const quiet: Window[] = [];
    const noisy = new Map<string, Window[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, guests] of chosen) {
        quiet.push(await measure(world, folder, [], seconds / 2));
        const window = await measure(world, folder, guests, seconds);
        noisy.set(name, [...(noisy.get(name) ?? []), window]);
      }
    }
    console.log(
      `${CALLS_PER_S} calls a second of the neighbour, median of ${ROUNDS} windows of ${seconds} s, jail ${world.level}\n`,
    );
    console.log(
      "| beside | guests | p50 ms | p99 ms | worst p99 ms | p99 / alone | latest stop after a limit |",
    );
    console.log("| --- | --- | --- | --- | --- | --- | --- |");
    const alone = median(quiet);
    print("nothing", quiet, alone);
    for (const [name, windows] of noisy) print(name, windows, alone);
  } finally {
    world.close();
    await world.server.stop();
    installation.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
