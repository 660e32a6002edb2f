/**
 * All tests, in one command: static checks, the build, then every suite, each in its own process so
 * that a crash of one is counted and the others still run. Ends with `N passed, N failed`.
 *
 *   bun run test [suite…] [--list]
 *
 * Suites that need programs of the Debian archive (an external PostgreSQL, a pooler) install them
 * when they may; on a machine where they may not, those suites are named and left out, and under
 * CI=true that is a failure.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const REPORTS = join(ROOT, ".build/reports");
const bun = process.execPath;

interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  /** One result for the whole command, or one for each test in its report. */
  readonly counts: "command" | "tests";
  /** Debian packages, each with a file that shows it is there. */
  readonly needs?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

interface Result {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly note: string;
  readonly seconds: number;
  /** Which tests failed, as `file:line name: message`. */
  readonly names: readonly string[];
}

const MINUTE = 60_000;
const BIN = "node_modules/.bin";

const check = (name: string, ...command: string[]): Suite => ({
  name,
  command,
  counts: "command",
  timeoutMs: 15 * MINUTE,
});

const suite = (name: string, paths: string[], more: Partial<Suite> = {}): Suite => ({
  name,
  command: [bun, "test", "--timeout=120000", ...paths.map((path) => `./${path}`)],
  counts: "tests",
  timeoutMs: 20 * MINUTE,
  ...more,
});

const POSTGRES = { postgresql: "/usr/lib/postgresql" };
const POOLER = { ...POSTGRES, pgbouncer: "/usr/sbin/pgbouncer", openssl: "/usr/bin/openssl" };

/** Compilers to WebAssembly, with the C library of WASI. */
const COMPILERS = {
  clang: "/usr/bin/clang",
  lld: "/usr/bin/wasm-ld",
  "wasi-libc": "/usr/lib/wasm32-wasi/libc.a",
  "libclang-rt-dev-wasm32": "/usr/share/doc/libclang-rt-dev-wasm32",
  rustc: "/usr/bin/rustc",
  "libstd-rust-dev-wasm32": "/usr/lib/rustlib/wasm32-unknown-unknown",
  wabt: "/usr/bin/wat2wasm",
};

const CHROMIUM = { chromium: "/usr/bin/chromium" };

/** What the documentation types. */
const SHELL = { curl: "/usr/bin/curl", jq: "/usr/bin/jq" };

const SUITES: readonly Suite[] = [
  check("format and lint", `${BIN}/biome`, "ci", "--colors=off", "."),
  check("types", `${BIN}/tsc`, "--noEmit"),
  check("promises and cycles", `${BIN}/oxlint`, "--type-aware"),
  check("dead code", `${BIN}/knip`),
  { ...check("build", bun, "build.ts"), timeoutMs: 20 * MINUTE },
  suite("tidy", ["test/tidy.test.ts"]),
  suite("mutations apply", ["test/mutate"]),
  suite("simulation", ["test/simulation"]),
  suite("unit", ["src", "scripts"]),
  suite("configuration and log", ["test/config", "test/log"]),
  suite("command line", ["test/cli"]),
  suite("ports and PostgREST", ["test/conformance"]),
  suite("wire client", ["test/postgres"], { needs: POOLER }),
  suite("schemas as SQL", ["test/ddl"]),
  suite("embedded database", ["test/embedded"]),
  suite("runtimes", ["test/runtime"]),
  suite("Extism guests", ["test/extism"], { needs: COMPILERS }),
  suite("server", ["test/server"]),
  suite("identity", ["test/auth"]),
  suite("data", ["test/data"]),
  suite("realtime", ["test/realtime"]),
  suite("functions", ["test/functions"]),
  suite("HTTP rows", ["test/http"]),
  suite("browser", ["test/browser"], { needs: CHROMIUM }),
  suite("topologies", ["test/topology.test.ts"]),
  suite("executable", ["test/executable"], {
    needs: { ...POOLER, ...CHROMIUM, ...SHELL },
    timeoutMs: 30 * MINUTE,
  }),
  suite("hostile functions", ["test/hostile"], { timeoutMs: 30 * MINUTE }),
];

/** A test that no suite runs would be green for ever. */
function forgottenTests(): string[] {
  const covered = SUITES.flatMap((s) => s.command).filter((arg) => arg.startsWith("./"));
  return [...new Bun.Glob("{src,scripts,test}/**/*.test.ts").scanSync(ROOT)]
    .filter((file) => !covered.some((path) => `./${file}`.startsWith(path)))
    .sort();
}

function missingPackages(): string[] {
  const wanted = Object.assign({}, ...SUITES.map((s) => s.needs ?? {})) as Record<string, string>;
  return Object.entries(wanted)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
}

async function installPackages(names: readonly string[]): Promise<void> {
  if (names.length === 0 || process.getuid?.() !== 0 || Bun.which("apt-get") === null) return;
  console.log(`installing ${names.join(", ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...names],
  ]) {
    const child = Bun.spawn(["apt-get", ...args], { env, stdout: "ignore", stderr: "inherit" });
    if ((await child.exited) !== 0) console.log(`apt-get ${args[0]} failed`);
  }
}

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly names: readonly string[];
}

const attribute = (tag: string, name: string) =>
  new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "";

/** The message of a `<failure>`, in one line. */
const brief = (tag: string) =>
  attribute(tag, "message").replaceAll("&#10;", " ").replace(/\s+/g, " ").slice(0, 300) ||
  "skipped";

/** What a JUnit report says; a run without one has crashed. */
function readReport(path: string): Report | null {
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "utf8");
  const head = /<testsuites\b[^>]*>/.exec(text)?.[0] ?? "";
  const read = (name: string) => Number(attribute(head, name));
  const [tests, failed, skipped] = [read("tests"), read("failures"), read("skipped")];
  const names = [...text.matchAll(/(<testcase\b[^>]*[^/]>)\s*(<(?:failure|skipped)\b[^>]*>)/g)].map(
    ([, tested = "", why = ""]) =>
      `${attribute(tested, "file")}:${attribute(tested, "line")} ${attribute(tested, "name")}: ${brief(why)}`,
  );
  return { passed: tests - failed - skipped, failed, skipped, names };
}

async function run(s: Suite): Promise<Result> {
  console.log(`\n=== ${s.name}`);
  const report = join(REPORTS, `${s.name.replaceAll(" ", "-")}.xml`);
  rmSync(report, { force: true });
  const extra = s.counts === "tests" ? ["--reporter=junit", `--reporter-outfile=${report}`] : [];
  const started = performance.now();
  const child = Bun.spawn([...s.command, ...extra], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...process.env, NO_COLOR: "1" },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), s.timeoutMs);
  const code = await child.exited;
  clearTimeout(timer);
  return resultOf(s, code, report, (performance.now() - started) / 1000);
}

function resultOf(s: Suite, code: number, report: string, seconds: number): Result {
  const ok = code === 0;
  if (s.counts === "command") {
    return { name: s.name, passed: ok ? 1 : 0, failed: ok ? 0 : 1, note: "", seconds, names: [] };
  }
  const counts = readReport(report);
  if (!counts) {
    const note = `exit ${code}, no report`;
    return { name: s.name, passed: 0, failed: 1, note, seconds, names: [] };
  }
  // A run that exits non-zero with every test green has failed outside its tests.
  const hidden = !ok && counts.failed === 0 ? 1 : 0;
  return {
    name: s.name,
    passed: counts.passed,
    // Nothing here may be skipped: a skipped test is a failed one.
    failed: counts.failed + counts.skipped + hidden,
    note: counts.skipped > 0 ? `${counts.skipped} skipped` : hidden ? `exit ${code}` : "",
    seconds,
    names: counts.names,
  };
}

function leftOut(s: Suite, missing: readonly string[]): Result | null {
  const absent = Object.keys(s.needs ?? {}).filter((name) => missing.includes(name));
  if (absent.length === 0) return null;
  const failed = process.env["CI"] ? 1 : 0;
  return {
    name: s.name,
    passed: 0,
    failed,
    note: `left out: needs ${absent.join(", ")}`,
    seconds: 0,
    names: [],
  };
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
  if (process.argv.includes("--list")) {
    for (const s of SUITES) console.log(s.name);
    return 0;
  }
  mkdirSync(REPORTS, { recursive: true });
  const chosen = SUITES.filter((s) => wanted.length === 0 || wanted.includes(s.name));
  const forgotten = forgottenTests();
  if (forgotten.length > 0) {
    console.log(`no suite runs: ${forgotten.join(", ")}`);
    return 1;
  }
  await installPackages(missingPackages());
  const missing = missingPackages();
  const results: Result[] = [];
  for (const s of chosen) results.push(leftOut(s, missing) ?? (await run(s)));
  console.log("");
  for (const r of results) {
    const mark = r.failed > 0 ? "FAIL" : "ok  ";
    console.log(
      `${mark} ${r.name}: ${r.passed} passed, ${r.failed} failed, ${r.seconds.toFixed(1)} s ${r.note}`,
    );
    for (const name of r.names) console.log(`     ${name}`);
  }
  const sum = (key: "passed" | "failed") => results.reduce((total, r) => total + r[key], 0);
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`);
  return sum("failed") === 0 && chosen.length > 0 ? 0 : 1;
}

process.exit(await main());
