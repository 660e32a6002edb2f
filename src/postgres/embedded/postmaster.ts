/**
 * One run of PostgreSQL: spawned through the shim, its stderr turned into log events, ready when its
 * own pid file says so and names our child (a stale file would read as ready).
 */
import type { Clock } from "../../core/ports/clock.ts";
import type { Logger } from "../../core/ports/log.ts";
import { selfCommand } from "../../core/self.ts";
import type { StartupError } from "../../core/startup-error.ts";
import { embeddedErrors } from "./errors.ts";
import type { Identity } from "./identity.ts";
import { type LogSignal, logRecord, parseRecord, signalOf } from "./log-lines.ts";
import { readPostmasterPid } from "./postmaster-pid.ts";
import { postgresArguments } from "./settings.ts";
import { CANNOT_EXECUTE, type ShimOrder } from "./shim.ts";

const READY_DEADLINE_MS = 300_000;
const READY_POLL_MS = 3;
const KEPT_LINES = 20;
/** 128 + SIGINT: by itself PostgreSQL ends with 0 then. */
const INTERRUPTED = 130;
const ENVIRONMENT = [
  "PATH=/usr/bin:/bin",
  "LC_ALL=C",
  "TZ=UTC",
  // `scripts/postgres/one-session.ts` tells what it does. A path of ours might hold a space, which divides.
  "LD_PRELOAD=$ORIGIN/../lib/reactor-one-session.so",
];

export interface PostmasterOptions {
  /** Absolute path of the program `postgres`. */
  readonly program: string;
  readonly cluster: string;
  readonly socketDir: string;
  readonly identity: Identity | null;
  /** False when the identity cannot pass the folders above the cluster. */
  readonly reachable: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onSignal: (signal: Exclude<LogSignal, null>) => void;
}

export class Postmaster {
  readonly pid: number;
  /** Resolves with the exit code or 128 + signal when the process is reaped. */
  readonly exited: Promise<number>;
  readonly #options: PostmasterOptions;
  readonly #lastLines: string[] = [];
  readonly #drained: Promise<void>;
  #ended = false;

  constructor(options: PostmasterOptions) {
    this.#options = options;
    const child = Bun.spawn(selfCommand("__pg-shim", JSON.stringify(shimOrder(options))), {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.pid = child.pid;
    this.exited = child.exited.then((code) => {
      this.#ended = true;
      return code;
    });
    this.#drained = this.#readLog(child.stderr).catch((error: unknown) => {
      options.log.error("postgres.log_unreadable", { cause: error });
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves whether Ctrl-C in a terminal ended it, before it had left the server's process group. */
  async wasInterrupted(): Promise<boolean> {
    return (await this.exited) === INTERRUPTED;
  }

  /** True from the first "ready" until the end, except during crash recovery. */
  isReady(): boolean {
    const file = readPostmasterPid(this.#options.cluster);
    return file?.pid === this.pid && file.state === "ready";
  }

  /** Resolves when connections are accepted. Throws `StartupError` when it ends before. */
  async ready(): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + READY_DEADLINE_MS;
    while (!this.isReady()) {
      if (this.#ended) throw await this.#startError();
      if (clock.monotonic() > deadline)
        throw embeddedErrors.start_timeout(READY_DEADLINE_MS / 1000);
      await clock.sleep(READY_POLL_MS);
    }
  }

  async #startError(): Promise<StartupError> {
    await this.#drained;
    const text = this.#lastLines.join("\n");
    const library = /error while loading shared libraries: (\S+):/.exec(text)?.[1];
    if (library) return embeddedErrors.library_missing(library);
    if ((await this.exited) === CANNOT_EXECUTE) {
      return embeddedErrors.cannot_execute(this.#options.program, text);
    }
    if (text.includes("No space left on device")) {
      return embeddedErrors.disk_full(this.#options.cluster, new Error(text));
    }
    const telling = this.#lastLines.filter((line) => /FATAL|PANIC/.test(line)).at(-1);
    return embeddedErrors.start_failed(parseRecord(telling ?? text).text || "it ended at once");
  }

  async #readLog(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#takeLine(line);
    }
    if (rest) this.#takeLine(rest);
  }

  #takeLine(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
    const record = parseRecord(line);
    logRecord(this.#options.log, record, this.pid);
    const signal = signalOf(record);
    if (signal) this.#options.onSignal(signal);
  }
}

/**
 * A root server's data folder may lie below a 0700 folder. PostgreSQL's processes all work in the
 * cluster, so /proc/self/cwd leads them there without passing the folders above, with no privilege.
 */
function shimOrder(options: PostmasterOptions): ShimOrder {
  const { cluster, reachable, program, socketDir, identity } = options;
  const dataPath = reachable ? cluster : "/proc/self/cwd";
  return {
    parent: process.pid,
    cwd: cluster,
    identity,
    argv: [program, ...postgresArguments(dataPath, socketDir)],
    env: ENVIRONMENT,
  };
}
