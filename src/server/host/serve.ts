/** `reactor serve` and `reactor dev`: configuration, log, boot, signals; runs until stopped. */

import type { Config } from "../../core/config/config.ts";
import type { Env } from "../../core/config/env.ts";
import { type ProjectDir, withNewFile } from "../../core/config/project-dir.ts";
import type { LogConfig, ServerConfig } from "../../core/config/sections.ts";
import { nearestName } from "../../core/nearest-name.ts";
import type { Logger } from "../../core/ports/log.ts";
import { StartupError } from "../../core/startup-error.ts";
import { systemClock } from "../../shared/clock.ts";
import { createLog, type Log, resolveLogFormat } from "../../shared/log/create-log.ts";
import { fileSink } from "../../shared/log/log-sink.ts";
import { systemRng } from "../../shared/rng.ts";
import { singleTenant } from "../../shared/tenants.ts";
import { boot, type RunningServer } from "../boot/boot.ts";
import { capabilities } from "../list.ts";
import { createShutdown, onSignals, type Shutdown } from "../shutdown.ts";
import { developerPage, readyLine } from "./announce.ts";
import { closeMemory } from "./close-memory.ts";
import { loadServerConfig } from "./config.ts";
import { watchProject } from "./watch-project.ts";

/** What the command line hands over. */
export interface ServeRequest {
  readonly project: ProjectDir;
  /** Absolute. */
  readonly dataDir: string;
  /** Capabilities to mount; null = all. */
  readonly only: readonly string[] | null;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Env;
  readonly version: string;
  readonly development: boolean;
  /** Standard output. */
  print(text: string): void;
  bundleFunction(path: string): Promise<Uint8Array>;
  /** Files that went into what was bundled, absolute; of `dev`. */
  bundledFiles?(): ReadonlySet<string>;
}

/** Runs until stopped; the exit code. @throws StartupError */
export async function serve(request: ServeRequest): Promise<number> {
  const config = loadServerConfig(request.project, request.flags, request.env);
  const log = openLog(config.section<LogConfig>("log"), request);
  closeMemory(log.logger);
  const stopping = stopRequests();
  const off = onSignals(["SIGINT", "SIGTERM"], stopping.ask);
  // While it boots there is nothing to read anew, and the default of the signal is an end.
  const offUser = onSignals(["SIGUSR1", "SIGUSR2"], () => undefined);
  try {
    const booting = boot(bootOptions(request, config, log, () => stopping.ask("admin")));
    const server = await Promise.race([booting, stopping.forced]);
    return server === FORCED ? 1 : await run(request, config, log, server, stopping);
  } finally {
    off();
    offUser();
    await log.flush();
  }
}

const FORCED = Symbol("forced");

interface StopRequests {
  /** Asks the shutdown, or is kept for it while there is none. */
  ask(reason: string): void;
  /** Hands over to the shutdown; the reason of a request that came before it. */
  handTo(shutdown: Shutdown): string | undefined;
  /** Resolves at a second request during the boot. */
  readonly forced: Promise<typeof FORCED>;
}

/**
 * Requests to stop, from signals and `POST /_admin/shutdown`. One that comes during the boot waits for
 * its end, so that all that was done is undone in order; a second does not wait.
 */
function stopRequests(): StopRequests {
  const { promise: forced, resolve } = Promise.withResolvers<typeof FORCED>();
  let shutdown: Shutdown | undefined;
  let early: string | undefined;
  return {
    forced,
    ask(reason) {
      if (shutdown) shutdown.request(reason);
      else if (early === undefined) early = reason;
      else resolve(FORCED);
    },
    handTo(given) {
      shutdown = given;
      return early;
    },
  };
}

async function run(
  request: ServeRequest,
  config: Config,
  log: Log,
  server: RunningServer,
  stopping: StopRequests,
): Promise<number> {
  const { shutdown_timeout_s, tls } = config.section<ServerConfig>("server");
  const shutdown = createShutdown({
    clock: systemClock,
    log: log.logger,
    budgetMs: shutdown_timeout_s * 1000,
    stop: (budgetMs) => server.stop(budgetMs),
  });
  // The end of a terminal, unless it can mean new certificates.
  const offHangup = onSignals(["SIGHUP"], (signal) => {
    if (tls.cert === "" || request.development) stopping.ask(signal);
    else void reloadCertificates(server, log.logger);
  });
  const offRefresh = onSignals(["SIGUSR1"], () => void refresh(server, log.logger));
  const offConfigure = onSignals(["SIGUSR2"], () => void reconfigure(request, server, log.logger));
  const early = stopping.handTo(shutdown);
  if (early !== undefined) shutdown.request(early);
  else await announce(request, server);
  const stopWatching = request.development
    ? watchProject({ ...request, config, log: log.logger, server })
    : null;
  const code = await shutdown.ended;
  stopWatching?.();
  offHangup();
  offRefresh();
  offConfigure();
  return code;
}

/** What could not be read stays as it was; the log says so. */
async function refresh(server: RunningServer, log: Logger): Promise<void> {
  try {
    await server.refresh();
    log.info("server.refreshed");
  } catch (error) {
    log.error("server.not_refreshed", { error });
  }
}

/** A configuration that cannot be used leaves the old one in place; the log says so. */
async function reconfigure(
  request: ServeRequest,
  server: RunningServer,
  log: Logger,
): Promise<void> {
  try {
    const project = withNewFile(request.project);
    await server.reconfigure(loadServerConfig(project, request.flags, request.env));
    log.info("server.reconfigured");
  } catch (error) {
    log.error("server.not_reconfigured", { error });
  }
}

/** A certificate that cannot be used leaves the old one in place; the log says so. */
async function reloadCertificates(server: RunningServer, log: Logger): Promise<void> {
  try {
    await server.reloadCertificates();
    log.info("server.certificates_reloaded");
  } catch (error) {
    log.error("server.certificates_not_reloaded", { error });
  }
}

function openLog(config: LogConfig, request: ServeRequest): Log {
  const format = resolveLogFormat(config.format, process.stderr.isTTY === true);
  const color = process.stderr.isTTY === true && !request.env["NO_COLOR"];
  return createLog({
    clock: systemClock,
    level: config.level,
    format,
    color,
    sink: fileSink(systemClock),
  });
}

function bootOptions(
  request: ServeRequest,
  config: Config,
  log: Log,
  onShutdownRequest: () => void,
) {
  return {
    config,
    projectDir: request.project.dir,
    dataDir: request.dataDir,
    capabilities: chosen(request.only),
    development: request.development,
    version: request.version,
    logs: log,
    env: request.env,
    clock: systemClock,
    rng: systemRng,
    tenants: singleTenant(),
    bundleFunction: request.bundleFunction,
    onShutdownRequest,
  };
}

function chosen(only: readonly string[] | null) {
  if (only === null) return capabilities;
  const names = capabilities.map((c) => c.name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new StartupError({
      code: "capability_unknown",
      message: `There is no capability '${unknown}'`,
      hint: `Did you mean '${nearestName(unknown, names) ?? names[0]}'? There are: ${names.join(", ")}`,
      exitCode: 2,
    });
  }
  return capabilities.filter((c) => only.includes(c.name));
}

async function announce(request: ServeRequest, server: RunningServer): Promise<void> {
  request.print(`${readyLine(server.url, systemClock.monotonic(), server.steps)}\n`);
  if (!request.development) return;
  const { table, fn } = await server.examples();
  request.print(developerPage(await server.status(), table, fn));
}
