/**
 * `npm start`: Reactor from this source tree, on its own PostgreSQL, with the sample project of this
 * repository. Packs PostgreSQL first, which takes a while once.
 */
import { join } from "node:path";
import { hostTarget, packPostgres } from "./pack-postgres.ts";

const root = join(import.meta.dir, "..");
const target = hostTarget();
if (target) packPostgres(target);
else console.error("No PostgreSQL for this platform: set REACTOR_DATABASE__URL");

const child = Bun.spawn(
  [process.execPath, join(root, "src/main.ts"), "dev", "--project", root, ...process.argv.slice(2)],
  { stdio: ["inherit", "inherit", "inherit"] },
);
// The child gets the terminal's Ctrl-C itself; a signal to this process alone is passed on.
for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
process.on("SIGINT", () => undefined);
process.exit(await child.exited);
