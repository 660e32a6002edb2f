/**
 * Builds the executable: `bun run build [--target linux-x64|linux-arm64|linux-x64-musl|linux-arm64-musl]
 * [--outfile FILE] [--fast]`, by default `dist/reactor` for this host. Packs PostgreSQL for the target
 * first and embeds it; musl targets carry none and need `database.url`. `--fast` leaves out the
 * download size, which takes longer to find than all the rest.
 *
 * No `minify`: without white space Elysia's guarded routes answer 500. No autoloading of `.env` and
 * bunfig.toml: a file in the folder a person stands in must not run code. Of package.json nothing runs;
 * without it handlers for AWS Lambda do not find the packages of their zip.
 */
import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { carrySaml } from "./scripts/carry-saml.ts";
import { leaveOut } from "./scripts/leave-out.ts";
import { hostTarget } from "./scripts/pack-postgres.ts";
import { findWorkers, placeWorkers } from "./scripts/place-workers.ts";
import { carryPostgres } from "./scripts/postgres/carry-postgres.ts";
import { type PostgresTarget, REPOSITORY } from "./scripts/postgres/npm-package.ts";

const TARGETS = ["linux-x64", "linux-arm64", "linux-x64-musl", "linux-arm64-musl"] as const;
type Target = (typeof TARGETS)[number];
const DOWNLOAD_BUDGET_BYTES = 60e6;

const { values } = parseArgs({
  options: { target: { type: "string" }, outfile: { type: "string" }, fast: { type: "boolean" } },
});
const target = chosenTarget(values.target);
const outfile = resolve(
  values.outfile ?? join("dist", values.target ? `reactor-${target}` : "reactor"),
);
const carried = target.endsWith("-musl") ? null : (target as PostgresTarget);
await buildExecutable();
report();

function chosenTarget(asked: string | undefined): Target {
  const name = asked ?? hostTarget() ?? `linux-${process.arch}-musl`;
  const found = TARGETS.find((known) => known === name);
  if (!found) throw new Error(`--target ${name} is not one of ${TARGETS.join(", ")}`);
  return found;
}

async function buildExecutable(): Promise<void> {
  mkdirSync(dirname(outfile), { recursive: true });
  const workers = findWorkers();
  const result = await Bun.build({
    entrypoints: [join(REPOSITORY, "src/main.ts"), ...[...workers.values()].flat().sort()],
    root: REPOSITORY,
    target: "bun",
    format: "esm",
    bytecode: true,
    // Each role loads its own part: in one file a function's process held the functions of all of it, 5 MB.
    splitting: true,
    sourcemap: "linked",
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [carryPostgres(carried), await carrySaml(), leaveOut(), placeWorkers(workers.keys())],
    compile: {
      target: `bun-${target}` as Bun.Build.CompileTarget,
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadPackageJson: true,
    },
  });
  for (const message of result.logs) console.error(message);
  if (!result.success) process.exit(1);
  // The executable carries its maps; what lies beside it is a copy.
  for (const { path } of result.outputs) if (path.endsWith(".map")) rmSync(path);
}

function report(): void {
  const path = relative(process.cwd(), outfile);
  const size = mega(statSync(outfile).size);
  if (values.fast) {
    console.log(`${path}: ${size} MB`);
    return;
  }
  const packed = Bun.zstdCompressSync(readFileSync(outfile), { level: 19 }).length;
  const budget = mega(DOWNLOAD_BUDGET_BYTES);
  console.log(`${path}: ${size} MB, ${mega(packed)} MB as zstd -19 (budget ${budget} MB)`);
  if (packed > DOWNLOAD_BUDGET_BYTES) {
    console.error("The executable is larger than its budget");
    process.exitCode = 1;
  }
}

function mega(sizeBytes: number): string {
  return (sizeBytes / 1e6).toFixed(1);
}
