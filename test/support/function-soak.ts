/**
 * Functions called without pause while they are deployed anew, crash and overrun their deadlines. Every
 * answer is judged: a call that begins after a deploy was acknowledged must be answered by that release
 * or a later one, whole; what breaks must say so, and nobody else may notice.
 */
import { readFileSync } from "node:fs";
import type { Installation, RunningExecutable } from "./executable.ts";
import { runExecutable, startExecutable } from "./executable.ts";
import { orphansOf } from "./process-tree.ts";
import { createSeededRng, type SeededRng } from "./seeded-rng.ts";
import { STREAM_BYTES, writeSoakProject } from "./soak-project.ts";

export interface SoakOptions {
  readonly installation: Installation;
  readonly seconds: number;
  readonly deployEverySeconds: number;
  readonly seed: number;
  onProgress?(line: string): void;
}

export interface SoakReport {
  readonly calls: Readonly<Record<string, number>>;
  readonly deploys: number;
  /** Answers that should not have been given, at most 50 of them told. */
  readonly faults: readonly string[];
  readonly faultCount: number;
  /** Of the server's own process, MiB a minute: least squares through the least of each half minute. */
  readonly slopeMibPerMinute: number;
  readonly lastRssMib: number;
  /** Processes left when the server had stopped. */
  readonly left: readonly string[];
}

const PAUSE_MS = 5;
const SAMPLE_MS = 2_000;
const FAULTS_TOLD = 50;
const HALF_MINUTE_S = 30;
const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;

export async function soakFunctions(options: SoakOptions): Promise<SoakReport> {
  const { program } = options.installation;
  const [home, project] = [options.installation.folder(), options.installation.folder()];
  const server = await startExecutable({ program, cwd: home, args: ["serve", "--port", "0"] });
  const soak = new Soak(server, options, project);
  try {
    await soak.deploy(0);
    await soak.run();
  } finally {
    await server.stop();
  }
  const left = orphansOf(program, home, 0).map((seen) => seen.command);
  return { ...soak.report(), left };
}

class Soak {
  readonly #server: RunningExecutable;
  readonly #options: SoakOptions;
  readonly #project: string;
  readonly #rng: SeededRng;
  readonly #calls: Record<string, number> = {};
  readonly #faults: string[] = [];
  readonly #memory: Sample[] = [];
  #faultCount = 0;
  /** Newest release whose deploy was acknowledged, and whose deploy has begun. */
  #released = 0;
  #begun = 0;
  #running = true;

  constructor(server: RunningExecutable, options: SoakOptions, project: string) {
    this.#server = server;
    this.#options = options;
    this.#project = project;
    this.#rng = createSeededRng(options.seed);
  }

  async deploy(release: number): Promise<void> {
    writeSoakProject(this.#project, release);
    this.#begun = release;
    const { url, status } = this.#server;
    const { code, stdout, stderr } = await runExecutable({
      program: this.#options.installation.program,
      cwd: this.#project,
      args: ["fn", "deploy", "--no-check", "--url", url, "--token", status.admin_token],
    });
    if (code === 0) this.#released = release;
    else this.#fault(`deploy ${release}: ${code} ${stdout}${stderr}`);
  }

  async run(): Promise<void> {
    const { seconds } = this.#options;
    const callers = [
      ...Array.from({ length: 4 }, () => this.#loop("answers", () => this.#answers())),
      ...Array.from({ length: 2 }, () => this.#loop("released", () => this.#wasm())),
      this.#loop("streams", () => this.#streams()),
      this.#loop("crashes", () => this.#crashes()),
      this.#loop("spins", () => this.#spins()),
      this.#deploying(),
      this.#sampling(),
    ];
    await Bun.sleep(seconds * 1000);
    this.#running = false;
    await Promise.all(callers);
  }

  report(): Omit<SoakReport, "left"> {
    return {
      calls: this.#calls,
      deploys: this.#released,
      faults: this.#faults,
      faultCount: this.#faultCount,
      slopeMibPerMinute: slopeOf(leastOfEach(HALF_MINUTE_S, this.#memory)) * 60,
      lastRssMib: this.#memory.at(-1)?.mib ?? 0,
    };
  }

  async #loop(name: string, once: () => Promise<string | null>): Promise<void> {
    while (this.#running) {
      const fault = await once().catch((error: unknown) => String(error));
      this.#calls[name] = (this.#calls[name] ?? 0) + 1;
      if (fault !== null) this.#fault(`${name}: ${fault}`);
      await Bun.sleep(PAUSE_MS);
    }
  }

  #fault(text: string): void {
    this.#faultCount += 1;
    if (this.#faults.length < FAULTS_TOLD) this.#faults.push(text);
  }

  #call(path: string, body = ""): Promise<Response> {
    const headers = { apikey: this.#server.status.publishable_key };
    return fetch(`${this.#server.url}/fn/v1/${path}`, { method: "POST", headers, body });
  }

  /** Null when the release is one that may answer a call that began when `from` was the newest. */
  #judge(release: number, from: number): string | null {
    const isRight = release >= from && release <= this.#begun;
    return isRight ? null : `release ${release} instead of ${from} to ${this.#begun}`;
  }

  async #answers(): Promise<string | null> {
    const from = this.#released;
    const text = "x".repeat(this.#rng.below(20_000)) + String(this.#rng.below(1e9));
    const answer = await this.#call("answers", text);
    if (answer.status !== 200) return `${answer.status} ${await answer.text()}`;
    const told = (await answer.json()) as { release: number; text: string; length: number };
    if (told.text !== text || told.length !== text.length) return "another text";
    return this.#judge(told.release, from);
  }

  async #wasm(): Promise<string | null> {
    const from = this.#released;
    const answer = await this.#call("released/release");
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (answer.status !== 200) return `${answer.status} ${new TextDecoder().decode(bytes)}`;
    const releases = Array.from({ length: this.#begun - from + 1 }, (_, n) => (from + n) & 0x7f);
    if (bytes.length === 1 && releases.includes(bytes[0] ?? -1)) return null;
    return `release ${bytes.join()} instead of one of ${releases.join()}`;
  }

  async #streams(): Promise<string | null> {
    const from = this.#released;
    const answer = await this.#call("streams");
    if (answer.status !== 200) return `${answer.status} ${await answer.text()}`;
    const release = Number(answer.headers.get("x-release"));
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (bytes.length !== STREAM_BYTES) return `${bytes.length} bytes`;
    if (bytes.some((byte) => byte !== (release & 0xff))) return "two releases in one stream";
    return this.#judge(release, from);
  }

  /** It alone is called there, so each answer is known. */
  async #crashes(): Promise<string | null> {
    const [body, expected] = this.#rng.pick([
      ["exit", [502]],
      ["throw", [500]],
      ["later", [200]],
      // Its process may be ending of what came after an earlier answer.
      ["well", [200, 502]],
    ] as const);
    const answer = await this.#call("crashes", body);
    const text = await answer.text();
    const isRight = (expected as readonly number[]).includes(answer.status);
    await Bun.sleep(100);
    return isRight ? null : `${body}: ${answer.status} ${text}`;
  }

  async #spins(): Promise<string | null> {
    const answer = await this.#call("spins");
    const text = await answer.text();
    await Bun.sleep(500);
    return answer.status === 504 ? null : `${answer.status} ${text}`;
  }

  async #deploying(): Promise<void> {
    for (let release = 1; this.#running; release += 1) {
      const untilMs = performance.now() + this.#options.deployEverySeconds * 1000;
      while (this.#running && performance.now() < untilMs) await Bun.sleep(50);
      if (this.#running) await this.deploy(release);
    }
  }

  async #sampling(): Promise<void> {
    const from = performance.now();
    for (let n = 0; this.#running; n += 1) {
      const pages = readFileSync(`/proc/${this.#server.pid}/statm`, "utf8").split(" ")[1];
      const mib = (Number(pages) * PAGE_BYTES) / MIB;
      const atS = (performance.now() - from) / 1000;
      this.#memory.push({ atS, mib });
      const calls = Object.values(this.#calls).reduce((sum, count) => sum + count, 0);
      const line = `${atS.toFixed(0)} s: ${calls} calls, release ${this.#released}, ${mib.toFixed(0)} MiB, ${this.#faultCount} faults`;
      if (n % 15 === 0) this.#options.onProgress?.(line);
      await Bun.sleep(SAMPLE_MS);
    }
  }
}

interface Sample {
  readonly atS: number;
  readonly mib: number;
}

/** Between two collections memory only grows: what is left after them is what counts. Warm-up left out. */
function leastOfEach(seconds: number, samples: readonly Sample[]): Sample[] {
  const groups = Map.groupBy(samples, ({ atS }) => Math.floor(atS / seconds));
  return [...groups.values()]
    .slice(Math.ceil(groups.size / 4))
    .map((group) => group.reduce((least, one) => (one.mib < least.mib ? one : least)));
}

function slopeOf(samples: readonly Sample[]): number {
  const count = samples.length;
  if (count < 2) return 0;
  const meanS = samples.reduce((sum, { atS }) => sum + atS, 0) / count;
  const meanMib = samples.reduce((sum, { mib }) => sum + mib, 0) / count;
  const over = samples.reduce((sum, { atS, mib }) => sum + (atS - meanS) * (mib - meanMib), 0);
  const under = samples.reduce((sum, { atS }) => sum + (atS - meanS) ** 2, 0);
  return over / under;
}
