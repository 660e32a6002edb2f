/**
 * Entry of the program and the only place that ends it: a child-process role, else a command. The
 * roles come first and load nothing else, because a child's start is part of every boot.
 */
import { playRole } from "./roles.ts";

const argv = process.argv.slice(2);
if (!(await playRole(argv))) {
  const { runCommand } = await import("./command-host.ts");
  process.exit(await runCommand(argv));
}
