/** `reactor serve` and `reactor dev`: configuration, log, boot, signals; runs until stopped. */

import type { Config } from "../../core/config/config.ts";
import type { Env } from "../../core/config/env.ts";
import type { ProjectDir } from "../../core/config/project-dir.ts";
import type { LogConfig, ServerConfig } from "../../core/config/sections.ts";
import { nearestName } from "../../core/nearest-name.ts";
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
}

/** Runs until stopped; the exit code. @throws StartupError */
export async function serve(request: ServeRequest): Promise<number> {
  const config = loadServerConfig(request.project, request.flags, request.env);
  const log = openLog(config.section<LogConfig>("log"), request);
  let shutdown: Shutdown | undefined;
  const options = bootOptions(request, config, log, () => shutdown?.request("admin"));
  // A signal during the boot ends it by undoing what was done, when the boot has come to its end.
  let early: string | undefined;
  const off = onSignals((signal) => {
    if (shutdown) shutdown.request(signal);
    else early = signal;
  });
  try {
    const server = await boot(options);
    const { shutdown_timeout_s } = config.section<ServerConfig>("server");
    shutdown = createShutdown({
      clock: systemClock,
      log: log.logger,
      budgetMs: shutdown_timeout_s * 1000,
      stop: (budgetMs) => server.stop(budgetMs),
    });
    if (early !== undefined) shutdown.request(early);
    else await announce(request, server);
    const stopWatching = request.development
      ? watchProject({ ...request, config, log: log.logger, server })
      : null;
    const code = await shutdown.ended;
    stopWatching?.();
    return code;
  } finally {
    off();
    await log.flush();
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
