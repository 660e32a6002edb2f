/**
 * The compiled executable as a person has it: one file in a folder of its own, run by root and by an
 * ordinary user, with an environment that holds nothing of this repository. Builds `dist/reactor`
 * first when it is missing or older than the sources.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { until } from "./until.ts";

const ROOT = resolve(import.meta.dir, "../..");
const SOURCES = ["src", "migrations", "scripts", "build.ts", "package.json"];
const DEADLINE_MS = 110_000;

export interface TestUser {
  readonly name: string;
  readonly ids: { readonly uid: number; readonly gid: number } | null;
}

/** `nobody` of every Linux: has no home and may write nothing but what it is given. */
export const ordinaryUser: TestUser = {
  name: "an ordinary user",
  ids: { uid: 65_534, gid: 65_534 },
};

/** Root and an ordinary user, or only whoever runs the tests where that is not root. */
export const testUsers: readonly TestUser[] =
  process.getuid?.() === 0
    ? [{ name: "root", ids: null }, ordinaryUser]
    : [{ name: "the user of the tests", ids: null }];

export interface Installation {
  /** The executable, alone in a folder that everybody may enter. */
  readonly program: string;
  /** A new empty folder that `user` owns. */
  folder(user?: TestUser): string;
  /** Removes the executable and every folder. */
  remove(): void;
}

/** `REACTOR_TEST_EXECUTABLE` names another executable to test than the one of this tree. */
export async function install(): Promise<Installation> {
  const given = process.env["REACTOR_TEST_EXECUTABLE"];
  const built = given ? resolve(given) : await upToDate(join(ROOT, "dist/reactor"));
  const home = newFolder(null);
  const folders = [home];
  const program = join(home, "reactor");
  linkOrCopy(built, program);
  return {
    program,
    folder(user) {
      const folder = newFolder(user?.ids ?? null);
      folders.push(folder);
      return folder;
    },
    remove() {
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A later build must not change what children of a running server are started from. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
  chmodSync(to, 0o755);
}

function newFolder(owner: TestUser["ids"]): string {
  const folder = mkdtempSync(join(tmpdir(), "reactor-exe-"));
  chmodSync(folder, 0o755);
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

async function upToDate(program: string): Promise<string> {
  const builtMs = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (SOURCES.every((path) => newestMs(join(ROOT, path)) < builtMs)) return program;
  const build = Bun.spawn([process.execPath, "build.ts", "--fast"], {
    cwd: ROOT,
    stdout: "ignore",
  });
  if ((await build.exited) !== 0) throw new Error("the executable was not built");
  return program;
}

function newestMs(path: string): number {
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".test.ts"))
    .reduce((newest, entry) => {
      const file = join(entry.parentPath, entry.name);
      return Math.max(newest, statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    }, own.mtimeMs);
}

export interface ExecutableOptions {
  readonly program: string;
  readonly cwd: string;
  readonly args: readonly string[];
  /** Added to PATH and HOME (= cwd). */
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: TestUser;
  /** Given on standard input. */
  readonly input?: string | Uint8Array;
}

function start(options: ExecutableOptions): ChildProcess {
  return spawn(options.program, [...options.args], {
    ...options.user?.ids,
    cwd: options.cwd,
    env: { PATH: "/usr/bin:/bin", HOME: options.cwd, NO_COLOR: "1", ...options.env },
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
}

export interface Finished {
  /** Exit code, or the name of the signal. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; killed after two minutes. */
export async function runExecutable(options: ExecutableOptions): Promise<Finished> {
  const child = start(options);
  const process = new Watched(child);
  child.stdin?.end(options.input);
  const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
  const code = await process.ended;
  clearTimeout(timer);
  return { code, stdout: process.stdout, stderr: process.stderr };
}

/** A child with everything it has printed. */
class Watched {
  stdout = "";
  stderr = "";
  /** Exit code, or the name of the signal; settles when its output has come to its end. */
  readonly ended: Promise<number | string>;
  hasEnded = false;

  constructor(child: ChildProcess) {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((done) => {
      child.on("exit", () => {
        this.hasEnded = true;
      });
      child.on("close", (code, signal) => done(code ?? signal ?? -1));
    });
  }
}

/** What `reactor status --output json` prints. */
export interface PrintedStatus {
  readonly url: string;
  readonly pid: number;
  readonly publishable_key: string;
  readonly secret_key: string;
  readonly admin_token: string;
  readonly jwks_url: string;
  readonly database_url: string;
  readonly version: string;
  readonly capabilities: Readonly<Record<string, { readonly status: string }>>;
}

export interface RunningExecutable {
  readonly url: string;
  readonly pid: number;
  /** Absolute. */
  readonly dataDir: string;
  /** The `ready` line, without its end. */
  readonly readyLine: string;
  /** From the start of the process until the line was here, milliseconds. */
  readonly readyMs: number;
  readonly status: PrintedStatus;
  /** Everything printed so far. */
  stdout(): string;
  stderr(): string;
  /** Settles with the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
  /** Asks it to end; the exit code. Kills it when that takes over two minutes. */
  stop(): Promise<number | string>;
}

/** The process has ended, or two minutes have passed, without the `ready` line. */
export class NotReady extends Error {
  readonly finished: Finished;
  constructor(finished: Finished) {
    super(`not ready, ended with ${finished.code}:\n${finished.stderr.slice(-4_000)}`);
    this.finished = finished;
  }
}

/** Starts `serve` or `dev` and waits for its `ready` line. @throws NotReady */
export async function startExecutable(options: ExecutableOptions): Promise<RunningExecutable> {
  const from = performance.now();
  const child = start(options);
  const watched = new Watched(child);
  const line = () => /^ready (http\S+) .*$/m.exec(watched.stdout);
  await until("the ready line", () => line() !== null || watched.hasEnded, DEADLINE_MS).catch(() =>
    child.kill("SIGKILL"),
  );
  const readyMs = performance.now() - from;
  const found = line();
  if (!found) {
    const code = await watched.ended;
    throw new NotReady({ code, stdout: watched.stdout, stderr: watched.stderr });
  }
  const dataDir = dataDirOf(options);
  return {
    url: found[1] ?? "",
    pid: child.pid ?? 0,
    dataDir,
    readyLine: found[0],
    readyMs,
    status: await statusOf(options, dataDir).catch((error: unknown) => {
      child.kill("SIGKILL");
      throw new Error(`the server says:\n${watched.stderr.slice(-4_000)}`, { cause: error });
    }),
    stdout: () => watched.stdout,
    stderr: () => watched.stderr,
    ended: watched.ended,
    kill: (signal) => void child.kill(signal),
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
      const code = await watched.ended;
      clearTimeout(timer);
      return code;
    },
  };
}

function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}

function dataDirOf({ cwd, args }: ExecutableOptions): string {
  const given = optionOf(args, "--data-dir");
  return given
    ? resolve(cwd, given)
    : join(resolve(cwd, optionOf(args, "--project") ?? "."), ".reactor");
}

async function statusOf(options: ExecutableOptions, dataDir: string): Promise<PrintedStatus> {
  const args = ["status", "--data-dir", dataDir, "--output", "json"];
  const { code, stdout, stderr } = await runExecutable({ ...options, args });
  if (code !== 0) throw new Error(`reactor status: ${code} ${stdout}${stderr}`);
  return JSON.parse(stdout) as PrintedStatus;
}

/** One line of the server's log. */
export interface LoggedLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The log of a server, which is JSON lines where standard error is no terminal. */
export function logLines(server: RunningExecutable): LoggedLine[] {
  const lines = server.stderr().split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as LoggedLine);
}

/** The text of a file of this repository. */
export function repositoryFile(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}
