/**
 * `bun run bench <name> [args]`: runs one benchmark of this folder. Each prints our figure beside
 * its floor, in one run, as ratios and CPU time per operation; absolute figures belong to the
 * machine.
 */
import { readdirSync } from "node:fs";

const names = readdirSync(import.meta.dir)
  .filter((file) => file.endsWith(".ts") && file !== "run.ts")
  .map((file) => file.slice(0, -3));

const [name] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.log(`usage: bun run bench <${names.join("|")}>`);
  process.exit(name === undefined ? 0 : 1);
}
const child = Bun.spawn(
  [process.execPath, `${import.meta.dir}/${name}.ts`, ...process.argv.slice(3)],
  {
    stdio: ["inherit", "inherit", "inherit"],
  },
);
process.exit(await child.exited);
