/**
 * Kills the processes of a server in turn, under a load that remembers what was acknowledged, and
 * finds out what that cost: rows, time, orphans. `plant` breaks the promise on purpose, to show that
 * the loop would see it. Used by the crash campaign and, for a few rounds, by its test.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { signalProcess } from "../../src/postgres/embedded/processes.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { startEarlyAck } from "./early-ack.ts";
import { type RunningExecutable, runExecutable, startExecutable } from "./executable.ts";
import { JournalLoad, journalFaults, makeJournalProject, readJournal } from "./journal.ts";
import { orphansOf, processTree, type SeenProcess, stillRunning } from "./process-tree.ts";
import { createSeededRng } from "./seeded-rng.ts";
import { until } from "./until.ts";

export type Plant = "sync-off" | "early-ack";

const VICTIMS = ["server", "postmaster", "backend", "runner", "everything"] as const;
type Victim = (typeof VICTIMS)[number];

export interface CrashOptions {
  readonly program: string;
  /** An empty folder. */
  readonly folder: string;
  readonly rounds: number;
  readonly seed: number;
  readonly plant: Plant | null;
  /** Rows acknowledged between two kills, at least. */
  readonly rowsPerRound: number;
  onRound?(round: CrashRound): void;
}

export interface CrashRound {
  readonly number: number;
  readonly victim: Victim;
  /** From the kill until rows are acknowledged and the function answers again, milliseconds. */
  readonly readyMs: number;
  /** The `ready` line of a server that was started again. */
  readonly boot: string | null;
  /** Processes that outlived what they belonged to. */
  readonly orphans: readonly string[];
}

export interface CrashReport {
  readonly rounds: readonly CrashRound[];
  readonly acknowledged: number;
  /** Of the rows, in sentences; empty when the promise was kept. */
  readonly faults: readonly string[];
  /** Answers by status; 0 for a connection that failed. */
  readonly answers: Readonly<Record<string, number>>;
}

const READY_DEADLINE_MS = 60_000;
const ORPHAN_DEADLINE_MS = 30_000;
/** A kill comes at any moment of a commit, not always at the first one after a count. */
const JITTER_MS = 120;

export async function crashLoop(options: CrashOptions): Promise<CrashReport> {
  const loop = await CrashLoop.start(options);
  try {
    return await loop.run();
  } finally {
    await loop.end();
  }
}

class CrashLoop {
  readonly #options: CrashOptions;
  readonly #project: string;
  readonly #load: JournalLoad;
  readonly #proxy: ReturnType<typeof startEarlyAck> | null;
  #server: RunningExecutable;

  static async start(options: CrashOptions): Promise<CrashLoop> {
    const project = join(options.folder, "shop");
    const { program, folder } = options;
    await runExecutable({ program, cwd: folder, args: ["init", "shop"] });
    makeJournalProject(project);
    const server = await startExecutable(serveIn(options, project));
    if (options.plant === "sync-off") await turnSyncOff(server);
    return new CrashLoop(options, project, server);
  }

  private constructor(options: CrashOptions, project: string, server: RunningExecutable) {
    this.#options = options;
    this.#project = project;
    this.#server = server;
    this.#proxy = options.plant === "early-ack" ? startEarlyAck(() => this.#server.url) : null;
    this.#load = new JournalLoad(this.#address());
  }

  async run(): Promise<CrashReport> {
    const rng = createSeededRng(this.#options.seed);
    const rounds: CrashRound[] = [];
    for (let number = 0; number < this.#options.rounds; number++) {
      await this.#load.reached(this.#load.count + this.#options.rowsPerRound);
      await Bun.sleep(rng.below(JITTER_MS));
      const victim = this.#victim(number);
      const pick = (found: readonly SeenProcess[]) => rng.pick(found);
      const round = await this.#round(number, victim, pick);
      rounds.push(round);
      this.#options.onRound?.(round);
    }
    await this.#load.stop();
    await this.#proxy?.stop();
    const acknowledged = this.#load.acknowledged();
    const found = await readJournal(this.#server.status.database_url);
    return {
      rounds,
      acknowledged: acknowledged.size,
      faults: journalFaults(found, acknowledged, this.#load.sent()),
      answers: Object.fromEntries(this.#load.answers),
    };
  }

  async end(): Promise<void> {
    await this.#load.stop();
    await this.#proxy?.stop();
    await this.#server.stop();
  }

  /** Lost are only rows that PostgreSQL had not yet given to the kernel: all of it must go at once. */
  #victim(round: number): Victim {
    if (this.#options.plant === "sync-off") return "everything";
    if (this.#options.plant === "early-ack") return round % 2 === 0 ? "server" : "everything";
    return VICTIMS[round % VICTIMS.length] as Victim;
  }

  async #round(number: number, victim: Victim, pick: Pick): Promise<CrashRound> {
    await this.#hello();
    const tree = processTree(this.#server.pid);
    const { killed, ending } = chooseVictims(victim, tree, this.#postmasterPid(), pick);
    const from = performance.now();
    // Some follow the first one by themselves before their turn comes.
    for (const { pid } of killed) signalProcess(pid, "SIGKILL");
    const isNew = victim === "server" || victim === "everything";
    if (isNew) await this.#restart();
    const what = `the end of ${ending.map(({ pid, command }) => `${pid} ${command}`).join(", ")}`;
    await until(what, () => stillRunning(ending).length === 0, READY_DEADLINE_MS);
    await until("a row", () => this.#load.writeOnce(), READY_DEADLINE_MS);
    await until("a function", () => this.#hello(), READY_DEADLINE_MS);
    const readyMs = performance.now() - from;
    const boot = isNew ? this.#server.readyLine : null;
    return { number, victim, readyMs, boot, orphans: await this.#orphans() };
  }

  async #restart(): Promise<void> {
    await this.#server.ended;
    this.#server = await startExecutable(serveIn(this.#options, this.#project));
    this.#load.server = this.#address();
  }

  #address() {
    return { url: this.#proxy?.url ?? this.#server.url, status: this.#server.status };
  }

  async #hello(): Promise<boolean> {
    const { url, status } = this.#server;
    const headers = { apikey: status.secret_key };
    const call = fetch(`${url}/fn/v1/hello`, { method: "POST", headers });
    return call.then(
      (response) => response.ok,
      () => false,
    );
  }

  #postmasterPid(): number {
    const file = join(this.#server.dataDir, "pg/postmaster.pid");
    return Number(readFileSync(file, "utf8").split("\n")[0]);
  }

  async #orphans(): Promise<string[]> {
    const { program } = this.#options;
    const find = () => orphansOf(program, this.#project, this.#server.pid);
    await until("no orphans", () => find().length === 0, ORPHAN_DEADLINE_MS).catch(() => undefined);
    return find().map(({ pid, command }) => `${pid} ${command}`);
  }
}

type Pick = (found: readonly SeenProcess[]) => SeenProcess;

/** Who is killed, and who must have ended because of it before the server counts as ready again. */
function chooseVictims(
  victim: Victim,
  tree: readonly SeenProcess[],
  postmaster: number,
  pick: Pick,
): { killed: readonly SeenProcess[]; ending: readonly SeenProcess[] } {
  const [server] = tree;
  const runners = tree.filter(({ command }) => command.includes("__fn-runner"));
  const children = tree.filter(({ parent }) => parent === postmaster);
  const database = tree.filter(({ pid }) => pid === postmaster);
  const backends = children.filter(({ command }) => command.includes("[local]"));
  if (!server || runners.length === 0 || backends.length === 0 || database.length === 0) {
    throw new Error(`the server is not whole: ${tree.map(({ command }) => command).join(", ")}`);
  }
  switch (victim) {
    case "server":
      return { killed: [server], ending: tree };
    case "postmaster":
      return { killed: database, ending: [...database, ...children] };
    case "backend":
      return { killed: [pick(backends)], ending: children };
    case "runner":
      return { killed: runners, ending: runners };
    case "everything":
      return { killed: [...database, ...children, server], ending: tree };
  }
}

function serveIn({ program }: CrashOptions, project: string) {
  return { program, cwd: project, args: ["serve", "--port", "0", "--log-level", "warn"] };
}

/** Commits are acknowledged before they are written, and the writer sleeps. */
async function turnSyncOff({ status }: RunningExecutable): Promise<void> {
  const sql = postgres({ ...postgresJsOptions(parseDatabaseUrl(status.database_url)), max: 1 });
  await sql`alter system set synchronous_commit = off`;
  await sql`alter system set wal_writer_delay = '10s'`;
  await sql`alter system set wal_writer_flush_after = '1GB'`;
  await sql`select pg_reload_conf()`;
  await sql.end({ timeout: 1 });
}
