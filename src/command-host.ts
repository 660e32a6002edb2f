/**
 * What the command line is given of the rest of the program. The server's code is loaded by the
 * commands that need it, so that `reactor --help` is quick.
 */

import type { CliHost, ServeOptions } from "./cli/host.ts";
import { runCli } from "./cli/run-cli.ts";
import { systemTerminal } from "./cli/terminal.ts";
import { processEnv } from "./core/config/env.ts";
import { VERSION } from "./core/version.ts";
import { systemClock } from "./shared/clock.ts";

async function bundle(path: string): Promise<Uint8Array> {
  const { bundleFunction } = await import("./runtime/bundle.ts");
  return new TextEncoder().encode((await bundleFunction(path)).code);
}

async function runServer(host: CliHost, options: ServeOptions, development: boolean) {
  const { serve } = await import("./server/host/serve.ts");
  return serve({
    ...options,
    development,
    env: host.env,
    version: host.version,
    print: (text) => host.terminal.stdout.write(text),
    ...(development ? await bundler(options.project.dir ?? host.cwd) : { bundleFunction: bundle }),
  });
}

/** For a server that bundles again and again. */
async function bundler(projectDir: string) {
  const { createBundler } = await import("./runtime/bundle-cache.ts");
  const again = createBundler(projectDir);
  return {
    bundleFunction: async (path: string) =>
      new TextEncoder().encode((await again.bundle(path)).code),
    bundledFiles: () => again.files(),
  };
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
    async loadConfig(project, flags) {
      const { loadServerConfig } = await import("./server/host/config.ts");
      return loadServerConfig(project, flags, env);
    },
    async loadList({ file }, name) {
      const { loadList } = await import("./core/config/load-config.ts");
      return loadList({ file, env }, name);
    },
    async checkPolicies(list) {
      const { checkPolicies } = await import("./server/host/check-policies.ts");
      return checkPolicies(list);
    },
    async explainPolicies(list, as, action) {
      const { explainPolicies } = await import("./server/host/check-policies.ts");
      return explainPolicies(list, as, action);
    },
    bundleFunction: bundle,
  };
  return host;
}

/** Runs `reactor <argv>`; the exit code. */
export function runCommand(argv: readonly string[]): Promise<number> {
  return runCli(argv, createHost());
}
