/**
 * A small server around the embedded PostgreSQL, built into an executable of its own by the boot tests
 * (see embedded-process.ts), so that it can be killed, run as another user and started from anywhere.
 * Prints one JSON line an event; SIGTERM stops it.
 */
import { dlopen } from "bun:ffi";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LogFields, Logger } from "../../src/core/ports/log.ts";
import { StartupError } from "../../src/core/startup-error.ts";
import { startEmbeddedPostgres } from "../../src/postgres/embedded/start-embedded-postgres.ts";
import { playRole } from "../../src/roles.ts";
import { systemClock } from "../../src/shared/clock.ts";

/** First argument, as JSON. */
export interface DriverOrder {
  readonly dataDir: string;
  readonly cacheDir?: string;
  readonly home?: string;
  readonly xdgRuntimeDir?: string;
  /**
   * Mounts a tmpfs of this size over the data folder, visible to this process tree only, and puts a
   * ballast into it when it has room for one. Needs root.
   */
  readonly tmpfsBytes?: number;
}

function say(event: string, fields: LogFields = {}): void {
  process.stdout.write(`${JSON.stringify({ ...fields, event })}\n`);
}

const log: Logger = {
  debug: (name, fields) => say("log", { level: "debug", name, fields }),
  info: (name, fields) => say("log", { level: "info", name, fields }),
  warn: (name, fields) => say("log", { level: "warn", name, fields }),
  error: (name, fields) => say("log", { level: "error", name, fields }),
  with: () => log,
};

function mountSmallDisk(folder: string, sizeBytes: number): void {
  const { symbols } = dlopen("libc.so.6", {
    unshare: { args: ["i32"], returns: "i32" },
    mount: { args: ["cstring", "cstring", "cstring", "u64", "cstring"], returns: "i32" },
  });
  const text = (value: string) => Buffer.from(`${value}\0`);
  const newMountNamespace = 0x20000;
  const privateRecursive = 0x40000 | 0x4000;
  const failed =
    symbols.unshare(newMountNamespace) !== 0 ||
    symbols.mount(text("none"), text("/"), text(""), privateRecursive, text("")) !== 0 ||
    symbols.mount(text("tmpfs"), text(folder), text("tmpfs"), 0, text(`size=${sizeBytes}`)) !== 0;
  if (failed) throw new Error("a small disk could not be mounted");
  const ballast = Buffer.alloc(64 * 1024 * 1024);
  if (sizeBytes > 2 * ballast.length) writeFileSync(join(folder, "ballast"), ballast);
}

async function drive(order: DriverOrder): Promise<void> {
  if (order.tmpfsBytes) mountSmallDisk(order.dataDir, order.tmpfsBytes);
  const { dataDir, cacheDir, home, xdgRuntimeDir } = order;
  const server = await startEmbeddedPostgres({
    dataDir,
    cacheDir,
    clock: systemClock,
    log,
    env: { home, xdgRuntimeDir },
  });
  const { ownerUrl, socketDir, firstBoot } = server;
  // The pipe ends with the tests, however they end.
  process.stdin.on("end", () => process.kill(process.pid, "SIGKILL")).resume();
  process.on("SIGTERM", () => {
    void server.stop(20_000).then(() => {
      say("stopped");
      process.exit(0);
    });
  });
  server.onState((state) => say("state", { state, pid: server.pid() }));
  say("ready", { ownerUrl, socketDir, firstBoot, pid: server.pid() });
}

if (!(await playRole(process.argv.slice(2)))) {
  try {
    await drive(JSON.parse(process.argv[2] ?? "{}") as DriverOrder);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    const { code, message, hint, exitCode } = error;
    say("failed", { code, message, hint, exitCode });
    process.exit(exitCode);
  }
}
