/** `reactor …` from source as a process of its own: for signals, failures of the boot and backups. */
import { afterEach } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ServerFile } from "../../src/server/data-folder.ts";
import { ensurePacked } from "../support/postgres.ts";
import { processTree, type SeenProcess, stillRunning } from "../support/process-tree.ts";
import { until } from "../support/until.ts";

const MAIN = resolve(import.meta.dir, "../../src/main.ts");
const READY_MS = 60_000;
const WATCH_MS = 15;

ensurePacked();

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class ServerProcess {
  readonly dataDir: string;
  stdout = "";
  stderr = "";
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #read: Promise<unknown>;
  readonly #family = new Map<string, SeenProcess>();

  constructor(args: readonly string[], cwd: string, dataDir: string, env: Record<string, string>) {
    this.dataDir = dataDir;
    this.#child = Bun.spawn([process.execPath, MAIN, ...args], {
      cwd,
      env: { PATH: process.env["PATH"], HOME: cwd, REACTOR_LOG__FORMAT: "json", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const keep = async (stream: ReadableStream<Uint8Array>, name: "stdout" | "stderr") => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) this[name] += decoder.decode(chunk, { stream: true });
    };
    this.#read = Promise.all([
      keep(this.#child.stdout, "stdout"),
      keep(this.#child.stderr, "stderr"),
    ]);
  }

  /** Resolves when it has printed `ready`; fails when it ends before. */
  async ready(): Promise<ServerFile> {
    await until(
      "the ready line",
      () => {
        if (this.#child.exitCode !== null) throw new Error(`ended: ${this.stderr}`);
        return /^ready http/m.test(this.stdout);
      },
      READY_MS,
    );
    return this.serverFile();
  }

  serverFile(): ServerFile {
    return JSON.parse(readFileSync(join(this.dataDir, "server.json"), "utf8")) as ServerFile;
  }

  hasServerFile(): boolean {
    return existsSync(join(this.dataDir, "server.json"));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Notes whoever belongs to it as long as it runs, for `leftOver`. Looks at every process there is. */
  async watch(): Promise<void> {
    while (this.#child.exitCode === null && this.#child.signalCode === null) {
      for (const seen of processTree(this.#child.pid)) {
        this.#family.set(`${seen.pid}@${seen.startedAt}`, seen);
      }
      await Bun.sleep(WATCH_MS);
    }
  }

  /** Names of the JSON log's events so far, in order. */
  events(): string[] {
    return this.stderr
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => (JSON.parse(line) as { event: string }).event);
  }

  async ended(): Promise<Finished> {
    const code = await this.#child.exited;
    await this.#read;
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  /** Processes of it that `watch` saw and that have not ended, given a moment. */
  async leftOver(): Promise<readonly SeenProcess[]> {
    const left = () => stillRunning([...this.#family.values()]);
    await until("its processes to end", () => left().length === 0).catch(() => undefined);
    return left();
  }

  async stop(): Promise<Finished> {
    this.kill("SIGTERM");
    return this.ended();
  }
}

/** Folders and processes of one test file; each test's are ended after it. */
export function processBench() {
  const folders: string[] = [];
  const running: ServerProcess[] = [];
  afterEach(async () => {
    for (const one of running.splice(0)) {
      one.kill("SIGKILL");
      await one.ended();
      await one.leftOver();
    }
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), "reactor-process-"));
    folders.push(made);
    return made;
  };
  const launch = (args: readonly string[], cwd: string, dataDir: string, env = {}) => {
    const one = new ServerProcess(args, cwd, dataDir, env);
    void one.watch();
    running.push(one);
    return one;
  };
  return {
    folder,
    /** `reactor serve` on any port; its data folder is below `cwd` unless given. */
    serve(
      options: { cwd?: string; args?: string[]; env?: Record<string, string>; toml?: string } = {},
    ) {
      const cwd = options.cwd ?? folder();
      if (options.toml !== undefined) writeFileSync(join(cwd, "reactor.toml"), options.toml);
      const dataDir = join(cwd, ".reactor");
      const args = ["serve", "--data-dir", dataDir, "--port", "0", ...(options.args ?? [])];
      return launch(args, cwd, dataDir, options.env);
    },
    /** Any command, to its end. */
    async run(args: readonly string[], cwd = folder()): Promise<Finished> {
      return launch(args, cwd, cwd).ended();
    },
  };
}
