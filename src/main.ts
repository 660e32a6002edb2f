/**
 * Entry of the program and the only place that ends it: a child-process role, else a command. What
 * needs the server's code is loaded when it is called for, so that `reactor --help` is quick.
 */

import type { CliHost, ServeOptions } from "./cli/host.ts";
import { runCli } from "./cli/run-cli.ts";
import { systemTerminal } from "./cli/terminal.ts";
import { processEnv } from "./core/config/env.ts";
import { VERSION } from "./core/version.ts";
import { playRole } from "./roles.ts";
import { bundleFunction } from "./runtime/bundle.ts";
import { loadServerConfig } from "./server/host/config.ts";
import { systemClock } from "./shared/clock.ts";

const bundle = async (path: string) => new TextEncoder().encode((await bundleFunction(path)).code);

async function runServer(host: CliHost, options: ServeOptions, development: boolean) {
  const { serve } = await import("./server/host/serve.ts");
  return serve({
    ...options,
    development,
    env: host.env,
    version: host.version,
    print: (text) => host.terminal.stdout.write(text),
    bundleFunction: bundle,
  });
}

function createHost(): CliHost {
  const env = processEnv();
  const host: CliHost = {
    version: VERSION,
    env,
    cwd: process.cwd(),
    clock: systemClock,
    terminal: systemTerminal(),
    serve: (options) => runServer(host, options, false),
    dev: (options) => runServer(host, options, true),
    async restore(options) {
      const { restore } = await import("./server/host/restore.ts");
      return { ...(await restore({ ...options, env, clock: systemClock })) };
    },
    loadConfig: (project, flags) => loadServerConfig(project, flags, env),
    bundleFunction: bundle,
  };
  return host;
}

const argv = process.argv.slice(2);
if (!(await playRole(argv))) process.exit(await runCli(argv, createHost()));
