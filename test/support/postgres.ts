/**
 * One embedded PostgreSQL for the whole `bun test` process, started by the first test that asks, with a
 * database for each test file. It ends with the process, however that ends.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { hostTarget, packPostgres } from "../../scripts/pack-postgres.ts";
import type { Logger } from "../../src/core/ports/log.ts";
import { exists } from "../../src/postgres/embedded/processes.ts";
import { startEmbeddedPostgres } from "../../src/postgres/embedded/start-embedded-postgres.ts";
import type { EmbeddedPostgres } from "../../src/postgres/embedded/types.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { systemClock } from "../../src/shared/clock.ts";

const FOLDER_PREFIX = "reactor-test-postgres-";

export interface TestDatabase {
  readonly name: string;
  /** libpq URL of the superuser, for this database. */
  readonly url: string;
  /** Ends its connections and removes it. */
  drop(): Promise<void>;
}

export interface TestPostgres {
  /** libpq URL of the superuser `postgres`, database `postgres`. */
  readonly ownerUrl: string;
  readonly socketDir: string;
  /** A new empty database; the default name is unique in this process. */
  createDatabase(name?: string): Promise<TestDatabase>;
}

/** A logger that says nothing; tests that read the log bring their own. */
export const silentLog: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLog,
};

// Here, because loading a module is not under a test's timeout.
ensurePacked();

let started: Promise<TestPostgres> | undefined;
let databases = 0;

/** The shared server; starting it takes about 0.5 s once. */
export function testPostgres(): Promise<TestPostgres> {
  started ??= start();
  return started;
}

/** Packs PostgreSQL for this host unless that is done. */
export function ensurePacked(): void {
  const host = hostTarget();
  if (!host) throw new Error("the tests need Linux with glibc");
  packPostgres(host);
}

async function start(): Promise<TestPostgres> {
  removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, "data"),
    clock: systemClock,
    log: silentLog,
    env: { home: process.env["HOME"], xdgRuntimeDir: process.env["XDG_RUNTIME_DIR"] },
  });
  removeAfterExit(folder, server.socketDir);
  return {
    ownerUrl: server.ownerUrl,
    socketDir: server.socketDir,
    createDatabase: (name) => createDatabase(server, name ?? `t${++databases}`),
  };
}

async function createDatabase(server: EmbeddedPostgres, name: string): Promise<TestDatabase> {
  await asOwner(server, `create database "${name}"`);
  return {
    name,
    url: server.ownerUrl.replace("@/postgres?", `@/${encodeURIComponent(name)}?`),
    drop: () => asOwner(server, `drop database if exists "${name}" with (force)`),
  };
}

async function asOwner(server: EmbeddedPostgres, statement: string): Promise<void> {
  const address = postgresJsOptions(parseDatabaseUrl(server.ownerUrl));
  const sql = postgres({ ...address, max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

/**
 * `bun test` runs no exit handlers, and a killed process runs nothing at all: a shell that waits for the
 * end of our pipe, then of PostgreSQL (which has the parent-death signal), removes the folders.
 */
function removeAfterExit(...folders: readonly string[]): void {
  const script =
    'cat; n=0; while [ -e "$1/data/pg/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done; rm -rf "$@"';
  const shell = Bun.spawn(["/bin/sh", "-c", script, "sh", ...folders], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  shell.unref();
}

/** Of processes whose shell was killed with them. */
function removeAbandoned(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const pid = Number(name.slice(FOLDER_PREFIX.length).split("-")[0]);
    if (!exists(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
