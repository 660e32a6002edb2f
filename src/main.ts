/**
 * Entry of the program and the only place that ends it: a child-process role, else a command. The
 * roles come first and load nothing else, because a child's start is part of every boot.
 */
import { processEnv } from "./core/config/env.ts";
import { playRole } from "./roles.ts";

const SERVERS = new Set(["serve", "dev"]);

const argv = process.argv.slice(2);
if (!(await playRole(argv))) {
  if (SERVERS.has(argv[0] ?? "")) {
    const { raiseFetchLimit } = await import("./raise-fetch-limit.ts");
    const { scheduleThread } = await import("./shared/linux/scheduling.ts");
    raiseFetchLimit(argv, processEnv());
    // Its thread answers everybody: its compilers, its functions and what else runs here come after it.
    scheduleThread(0, "soon");
  }
  const { runCommand } = await import("./command-host.ts");
  process.exit(await runCommand(argv));
}
