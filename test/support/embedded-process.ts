/**
 * Builds, starts, watches and kills the embedded driver for the boot tests, as root and as an ordinary
 * user when the tests run as root, else as whoever runs them.
 */
import { afterAll, afterEach, beforeAll, setDefaultTimeout } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { hostTarget } from "../../scripts/pack-postgres.ts";
import { carryPostgres } from "../../scripts/postgres/carry-postgres.ts";
import type { PostgresTarget } from "../../scripts/postgres/npm-package.ts";
import { folderIdentity, postgresProcessesIn } from "../../src/postgres/embedded/processes.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import type { DriverOrder } from "./embedded-driver.ts";

const DEADLINE_MS = 30_000;
const POLL_MS = 10;

/** A line the driver printed. */
export interface DriverEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface TestUser {
  readonly name: string;
  readonly ids: { readonly uid: number; readonly gid: number } | null;
}

const isRoot = process.getuid?.() === 0;
const ORDINARY = { uid: 61_234, gid: 61_234 };

/** Who the driver runs as: a uid without a passwd entry is the harder case. */
export const testUsers: readonly TestUser[] = isRoot
  ? [
      { name: "root", ids: null },
      { name: "an ordinary user", ids: ORDINARY },
    ]
  : [{ name: "the user of the tests", ids: null }];

/** The ones that are root: for cases that only root can meet. None when the tests run as somebody else. */
export const rootUsers: readonly TestUser[] = testUsers.filter((user) => isRoot && !user.ids);

/** A folder for one test that the user owns, below one that everybody may pass. */
function workFolder(user: TestUser): string {
  const folder = mkdtempSync(join(tmpdir(), "reactor-boot-"));
  if (user.ids) chownSync(folder, user.ids.uid, user.ids.gid);
  return folder;
}

/** An executable with the driver and PostgreSQL in it, and a cache folder for each user. */
class DriverBuild {
  readonly folder: string = mkdtempSync(join(tmpdir(), "reactor-driver-"));
  readonly #program = join(this.folder, "driver");

  async build(): Promise<void> {
    chmodSync(this.folder, 0o755);
    await buildDriver(this.#program, hostTarget());
    for (const user of testUsers) {
      mkdirSync(this.cacheDir(user));
      if (user.ids) chownSync(this.cacheDir(user), user.ids.uid, user.ids.gid);
    }
  }

  cacheDir(user: TestUser): string {
    return join(this.folder, `cache-${user.ids?.uid ?? "own"}`);
  }

  start(user: TestUser, order: DriverOrder): Driver {
    const cacheDir = this.cacheDir(user);
    const child = spawn(this.#program, [JSON.stringify({ cacheDir, ...order })], {
      ...user.ids,
      cwd: "/",
      env: {},
      stdio: ["pipe", "pipe", "inherit"],
    });
    return new Driver(child, join(order.dataDir, "pg"));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(`/tmp/reactor-${ORDINARY.uid}`, { recursive: true, force: true });
  }
}

/** Compiles the driver; with null it carries no PostgreSQL, as on musl. */
export async function buildDriver(outfile: string, target: PostgresTarget | null): Promise<void> {
  const result = await Bun.build({
    entrypoints: [join(import.meta.dir, "embedded-driver.ts")],
    target: "bun",
    plugins: [carryPostgres(target)],
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
  });
  if (!result.success) throw new AggregateError(result.logs, "the driver was not built");
}

/** One running driver and everything it has said. */
export class Driver {
  readonly events: DriverEvent[] = [];
  /** The data directory, `<dataDir>/pg`. */
  readonly cluster: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | string>;

  constructor(child: ChildProcess, cluster: string) {
    this.#child = child;
    this.cluster = cluster;
    let rest = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.events.push(...lines.map((line) => JSON.parse(line) as DriverEvent));
    });
    this.#exited = new Promise((resolve) => {
      child.on("close", (code, signal) => resolve(code ?? signal ?? -1));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first event, from the `from`th on, that fits. Fails after 30 s or when the driver has ended. */
  async until(fits: (event: DriverEvent) => boolean, from = 0): Promise<DriverEvent> {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const found = this.events.slice(from).find(fits);
      if (found) return found;
      if (this.#child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the event did not come; seen: ${JSON.stringify(this.events.slice(-8))}`);
      }
      await Bun.sleep(POLL_MS);
    }
  }

  async ready(): Promise<DriverEvent & { ownerUrl: string; pid: number; firstBoot: boolean }> {
    const event = await this.until(({ event }) => event === "ready" || event === "failed");
    if (event.event === "failed") throw new Error(JSON.stringify(event));
    return event as DriverEvent & { ownerUrl: string; pid: number; firstBoot: boolean };
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Exit code, or the name of the signal. */
  exited(): Promise<number | string> {
    return this.#exited;
  }

  /** Resolves when it and its PostgreSQL are gone. */
  async ended(): Promise<void> {
    await this.#exited;
    if (existsSync(this.cluster)) await this.untilGone();
    for (const { socketDir } of this.events) {
      if (typeof socketDir === "string") rmSync(socketDir, { recursive: true, force: true });
    }
  }

  async stop(): Promise<number | string> {
    this.kill("SIGTERM");
    return this.#exited;
  }

  /** PostgreSQL processes at work in the data folder. */
  processes(): number[] {
    return postgresProcessesIn(folderIdentity(this.cluster));
  }

  /** Resolves when no PostgreSQL process works in the data folder any more. */
  async untilGone(): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (this.processes().length > 0) {
      if (Date.now() > deadline) throw new Error(`still there: ${this.processes().join(", ")}`);
      await Bun.sleep(POLL_MS);
    }
  }
}

/** What the boot tests share: registers the hooks that build the driver once and clean up after each test. */
export function bootBench() {
  const build = new DriverBuild();
  const folders: string[] = [];
  const drivers: Driver[] = [];
  setDefaultTimeout(90_000);
  beforeAll(() => build.build());
  afterAll(() => build.remove());
  afterEach(async () => {
    for (const driver of drivers) driver.kill("SIGKILL");
    for (const driver of drivers.splice(0)) await driver.ended();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });
  return {
    cacheDir: (user: TestUser) => build.cacheDir(user),
    folder(user: TestUser): string {
      const folder = workFolder(user);
      folders.push(folder);
      return folder;
    },
    start(user: TestUser, dataDir: string, more: Omit<DriverOrder, "dataDir"> = {}): Driver {
      const driver = build.start(user, { dataDir, ...more });
      drivers.push(driver);
      return driver;
    },
  };
}

/** How a start that must fail ended. */
export async function failure(driver: Driver) {
  const event = await driver.until(({ event }) => event === "failed" || event === "ready");
  const exit = event.event === "failed" ? await driver.exited() : null;
  return { code: event["code"], message: event["message"], exit };
}

/** One statement on a connection of its own. */
export async function query(
  ownerUrl: string,
  statement: string,
): Promise<Record<string, unknown>[]> {
  const sql = connect(ownerUrl);
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Which of the numbers are missing in the table `acknowledged`. */
export async function missing(ownerUrl: string, acknowledged: readonly number[]) {
  const rows = await query(ownerUrl, "select n from acknowledged");
  const found = new Set(rows.map((row) => Number(row["n"])));
  return acknowledged.filter((n) => !found.has(n));
}

/** Resolves when a statement with this text is running. */
export async function untilActive(ownerUrl: string, text: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  const statement = `select 1 from pg_stat_activity
    where pid <> pg_backend_pid() and state = 'active' and query like '%${text}%'`;
  while ((await query(ownerUrl, statement)).length === 0) {
    if (Date.now() > deadline) throw new Error(`${text} never became active`);
    await Bun.sleep(POLL_MS);
  }
}

export function uidOf(pid: number): number {
  return statSync(`/proc/${pid}`).uid;
}

export function chownTree(root: string, { uid, gid }: { uid: number; gid: number }): void {
  chownSync(root, uid, gid);
  for (const path of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    chownSync(join(root, path), uid, gid);
  }
}

/** Connects as the superuser. */
export function connect(ownerUrl: string, connections = 1): postgres.Sql {
  return postgres({
    ...postgresJsOptions(parseDatabaseUrl(ownerUrl)),
    max: connections,
    onnotice: () => undefined,
  });
}

/** Inserts numbers over 4 connections until told to end or the server goes; knows what was acknowledged. */
export function insertForever(ownerUrl: string) {
  const sql = connect(ownerUrl, 4);
  const acknowledged: number[] = [];
  let next = 0;
  let isOver = false;
  const worker = async () => {
    while (!isOver) {
      const n = next++;
      await sql`insert into acknowledged values (${n})`;
      acknowledged.push(n);
    }
  };
  const done = Promise.allSettled([worker(), worker(), worker(), worker()]);
  return {
    /** Resolves when so many inserts are acknowledged. */
    async reached(count: number): Promise<void> {
      const deadline = Date.now() + DEADLINE_MS;
      while (acknowledged.length < count) {
        if (Date.now() > deadline) throw new Error(`only ${acknowledged.length} inserts`);
        await Bun.sleep(POLL_MS);
      }
    },
    async end(): Promise<readonly number[]> {
      isOver = true;
      await done;
      await sql.end({ timeout: 1 });
      return acknowledged;
    },
  };
}
