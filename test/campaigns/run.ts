/** `bun run campaign <name> [args]`: long tests, minutes each; the test suites run a seeded sample. */
import { readdirSync } from "node:fs";

const names = readdirSync(import.meta.dir)
  .filter((file) => file.endsWith(".campaign.ts"))
  .map((file) => file.slice(0, -".campaign.ts".length));

const [name] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  console.log(`usage: bun run campaign <${names.join("|")}>`);
  process.exit(name === undefined ? 0 : 1);
}
const file = `${import.meta.dir}/${name}.campaign.ts`;
const child = Bun.spawn([process.execPath, file, ...process.argv.slice(3)], {
  stdio: ["inherit", "inherit", "inherit"],
});
process.exit(await child.exited);
