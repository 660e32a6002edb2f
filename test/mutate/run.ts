/**
 * `bun run mutate [part of a name…]`: breaks the code that protects, one committed place at a time, in
 * a copy of the tree, and expects a named test to turn red. A mutation that survives is a hole in the
 * tests; one after which a test file does not even start proves nothing and counts as a failure too,
 * and so does one whose test is red before it.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Mutation, mutated } from "./mutation.ts";
import { mutations } from "./mutations.ts";

const ROOT = resolve(import.meta.dir, "../..");
const COPIED = ["src", "test", "migrations", "scripts", "functions", "examples", "docs", "bench"];
const FILES = [
  "package.json",
  "tsconfig.json",
  "bunfig.toml",
  "reactor.toml",
  "CHANGELOG.md",
  "build.ts",
];
const LINKED = ["node_modules", ".build", "dist"];
const TEST_TIMEOUT_MS = 180_000;

function copyTree(): string {
  const dir = mkdtempSync(join(tmpdir(), "reactor-mutate-"));
  // Processes of functions that have users of their own read the program from there.
  chmodSync(dir, 0o755);
  for (const name of COPIED) cpSync(join(ROOT, name), join(dir, name), { recursive: true });
  for (const name of FILES) cpSync(join(ROOT, name), join(dir, name));
  for (const name of LINKED) {
    if (existsSync(join(ROOT, name))) symlinkSync(join(ROOT, name), join(dir, name));
  }
  return dir;
}

interface Run {
  /** Null when it had to be killed. */
  readonly exitCode: number | null;
  readonly output: string;
}

async function runTests(dir: string, paths: readonly string[], only: string | null): Promise<Run> {
  const pattern = only === null ? [] : ["--test-name-pattern", only];
  const command = [process.execPath, "test", "--timeout=60000", "--only-failures", ...pattern];
  const child = Bun.spawn([...command, ...paths.map((path) => `./${path}`)], {
    cwd: dir,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), TEST_TIMEOUT_MS);
  const output = await new Response(child.stderr).text();
  await child.exited;
  clearTimeout(timer);
  return { exitCode: child.signalCode === null ? child.exitCode : null, output };
}

/** Names of the tests that failed; a hook that fails has none. */
function redTests(output: string): string[] {
  const names = [...output.matchAll(/^\(fail\) (.+?)(?: \[[\d.]+ ?m?s\])?$/gm)];
  return names.map(([, name = ""]) => name).filter((name) => !name.endsWith("(unnamed)"));
}

interface Outcome {
  readonly isCaught: boolean;
  /** The first test that turned red, or why there is none. */
  readonly what: string;
}

function judge({ exitCode, output }: Run): Outcome {
  const [red] = redTests(output);
  if (exitCode === null) return { isCaught: false, what: `not done in ${TEST_TIMEOUT_MS} ms` };
  if (exitCode === 0) return { isCaught: false, what: "survived" };
  if (red !== undefined) return { isCaught: true, what: red };
  return { isCaught: false, what: `no test ran to its end:\n${output.trimEnd()}` };
}

async function tryMutation(dir: string, mutation: Mutation): Promise<Outcome> {
  const path = join(dir, mutation.file);
  const original = readFileSync(path, "utf8");
  const broken = mutated(original, mutation);
  if (broken === null) return { isCaught: false, what: "does not apply at exactly one place" };
  writeFileSync(path, broken);
  try {
    return judge(await runTests(dir, mutation.tests, mutation.only ?? null));
  } finally {
    writeFileSync(path, original);
  }
}

/** Output of the test files that are red before anything is broken: they would count everything as caught. */
async function redAtFirst(
  dir: string,
  chosen: readonly Mutation[],
): Promise<ReadonlyMap<string, string>> {
  const red = new Map<string, string>();
  for (const path of new Set(chosen.flatMap(({ tests }) => tests))) {
    const patterns = chosen.filter((m) => m.tests.includes(path)).map((m) => m.only ?? "");
    const only = patterns.includes("") ? null : [...new Set(patterns)].join("|");
    const { exitCode, output } = await runTests(dir, [path], only);
    if (exitCode !== 0) red.set(path, output.trimEnd());
  }
  return red;
}

/** Tries every mutation whose tests are green; the others fail, and all that failed is told again at the end. */
async function tryAll(dir: string, chosen: readonly Mutation[]): Promise<number> {
  const red = await redAtFirst(dir, chosen);
  const failed: string[] = [];
  for (const mutation of chosen) {
    const startedMs = performance.now();
    const redTest = mutation.tests.find((path) => red.has(path));
    const { isCaught, what } =
      redTest === undefined
        ? await tryMutation(dir, mutation)
        : { isCaught: false, what: `not tried, ${redTest} is red before` };
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    const line = `${isCaught ? "ok  " : "FAIL"} ${mutation.name} (${seconds} s): ${what}`;
    console.log(line);
    if (!isCaught) failed.push(line);
  }
  for (const [path, output] of red) console.log(`\nred before any mutation: ${path}\n${output}`);
  if (failed.length > 0) console.log(`\n${failed.join("\n")}`);
  console.log(`\n${chosen.length - failed.length} of ${chosen.length} mutations turned a test red`);
  return chosen.length > 0 && failed.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2);
  const isWanted = ({ name }: Mutation) => wanted.some((part) => name.includes(part));
  const chosen = wanted.length === 0 ? mutations : mutations.filter(isWanted);
  const dir = copyTree();
  const remove = () => rmSync(dir, { recursive: true, force: true });
  process.once("SIGINT", () => {
    remove();
    process.exit(130);
  });
  try {
    return await tryAll(dir, chosen);
  } finally {
    remove();
  }
}

process.exit(await main());
