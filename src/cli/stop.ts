/** `reactor stop`: asks the server to end and waits until it has. */

import { CliError } from "./cli-error.ts";
import { type Command, targetOptions } from "./command.ts";
import type { CliHost } from "./host.ts";
import { connect, type ServerClient } from "./server-client.ts";

const POLL_MS = 50;
const TIMEOUT_S = 60;

export const command: Command = {
  name: "stop",
  summary: "Stop the server gracefully and wait until it is gone",
  usage: "[options]",
  options: {
    ...targetOptions,
    timeout: { value: "SECONDS", description: `How long to wait (default: ${TIMEOUT_S})` },
  },
  args: [0, 0],
  examples: [
    { run: "reactor stop", what: "the server of this folder" },
    { run: "reactor stop --data-dir /srv/shop/.reactor", what: "another one on this machine" },
  ],
  async run(context) {
    const timeoutS = Number(context.option("timeout") ?? TIMEOUT_S);
    if (!(timeoutS > 0))
      throw new CliError("user", "invalid_argument", "--timeout must be seconds");
    // Never the current context: that one may be in production.
    const client = await connect(context, true);
    await client.json("/_admin/shutdown", { method: "POST", json: {} });
    const progress = context.out.progress("Waiting for requests in flight");
    try {
      await untilGone(context.host, client, timeoutS);
    } finally {
      progress.end();
    }
    const { url, pid } = client.target;
    context.out.result({ stopped: true, url, pid }, `Stopped ${url}`);
    return 0;
  },
};

async function untilGone(host: CliHost, client: ServerClient, timeoutS: number): Promise<void> {
  const deadline = host.clock.monotonic() + timeoutS * 1000;
  while (await isThere(client)) {
    if (host.clock.monotonic() > deadline) {
      const hint = "Requests may still be in flight: wait longer with --timeout";
      throw new CliError("server", "still_running", `Still running after ${timeoutS} s`, hint);
    }
    await host.clock.sleep(POLL_MS, host.terminal.interrupted);
  }
}

/** A process on this machine is asked for itself: the port closes long before it ends. */
async function isThere(client: ServerClient): Promise<boolean> {
  const { pid } = client.target;
  if (pid !== null) {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "EPERM";
    }
  }
  try {
    const response = await client.send("/_admin/version");
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}
