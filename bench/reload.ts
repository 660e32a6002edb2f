/**
 * How long `reactor dev` takes from a saved function to its new answer, on the compiled executable:
 * `bun run bench reload [saves] [functions in the project]`. The answer is asked for every 2 ms.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { install, logLines, startExecutable } from "../test/support/executable.ts";

const SAVES = Number(process.argv[2] ?? 200);
const FUNCTIONS = Number(process.argv[3] ?? 10);
const PAUSE_MS = 60;
const LOST_MS = 10_000;

const source = (text: string) =>
  `import { helper } from "./_helper.ts";\nexport default { fetch: () => new Response(helper(${JSON.stringify(text)})) };\n`;

function percentiles(name: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0);
  const cells = [name, sorted.length, at(0.5), at(0.95), at(0.99), at(1)];
  console.log(`| ${cells.join(" | ")} |`);
}

const installation = await install();
const { program } = installation;
const project = installation.folder();
const functions = join(project, "functions");
mkdirSync(functions);
writeFileSync(join(functions, "_helper.ts"), "export const helper = (text: string) => text;\n");
for (let n = 0; n < FUNCTIONS; n += 1) {
  writeFileSync(join(functions, `fn-${n}.ts`), source(`first ${n}`));
}
const server = await startExecutable({ program, cwd: project, args: ["dev", "--port", "0"] });
const headers = { apikey: server.status.publishable_key };
const times: number[] = [];
try {
  for (let save = 0; save < SAVES; save += 1) {
    const name = `fn-${save % FUNCTIONS}`;
    const text = `save ${save}`;
    const from = performance.now();
    writeFileSync(join(functions, `${name}.ts`), source(text));
    while ((await (await fetch(`${server.url}/fn/v1/${name}`, { headers })).text()) !== text) {
      if (performance.now() - from > LOST_MS) throw new Error(`${name} was not reloaded`);
      await Bun.sleep(2);
    }
    times.push(performance.now() - from);
    await Bun.sleep(PAUSE_MS);
  }
  const reloads = logLines(server).filter(({ event }) => event === "project.reloaded");
  console.log(`${FUNCTIONS} functions in the project\n`);
  console.log("| | saves | p50 ms | p95 ms | p99 ms | most ms |");
  console.log("| --- | --- | --- | --- | --- | --- |");
  percentiles("saved to new answer", times);
  percentiles(
    "of that, the reload by the log",
    reloads.map(({ ms }) => Number(ms)),
  );
} finally {
  await server.stop();
  installation.remove();
}
