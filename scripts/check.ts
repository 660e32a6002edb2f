/** `bun run check`: everything that needs no database, in seconds. Stops at nothing, tells all. */
const bin = "node_modules/.bin";
const STEPS: Readonly<Record<string, readonly string[]>> = {
  "format and lint": [`${bin}/biome`, "ci", "--colors=off", "--error-on-warnings", "."],
  types: [`${bin}/tsc`, "--noEmit"],
  "promises and cycles": [`${bin}/oxlint`, "--type-aware"],
  "dead code": [`${bin}/knip`],
  "unit tests": [process.execPath, "test", "./src", "./scripts", "./test/tidy.test.ts"],
};

const failed: string[] = [];
for (const [name, command] of Object.entries(STEPS)) {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  console.log(`${code === 0 ? "ok  " : "FAIL"} ${name}`);
  if (code === 0) continue;
  failed.push(name);
  console.log(`${out}\n${err}`);
}
process.exit(failed.length === 0 ? 0 : 1);
