/** The first file system of the guest: Debian, the executable, Bun, and tests in one file each. */
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { writeCpio } from "./cpio.ts";

const REPOSITORY = resolve(import.meta.dir, "../../..");
const FIXTURES = "test/fixtures";
/** Where tests in `test/<folder>` look for the program when they start it from source. */
const ENTRY = "test/main.ts";
const PLAY =
  'import { playRole } from "./support/roles.js";\nawait playRole(process.argv.slice(2));\n';
const USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/none:/bin/sh\n";
const GROUPS = "root:x:0:\nnogroup:x:65534:\n";

export interface ImageOptions {
  readonly file: string;
  /** Folder with Debian's packages in it. */
  readonly root: string;
  /** The executable, for arm64. */
  readonly program: string;
  /** The installed package of Bun for arm64. */
  readonly bun: string;
  /** In `test/<folder>/`. */
  readonly tests: readonly string[];
  /** Of the names of tests. */
  readonly only: string | undefined;
}

export async function writeImage(options: ImageOptions): Promise<void> {
  const own = `${options.file}.own`;
  rmSync(own, { recursive: true, force: true });
  for (const folder of ["proc", "sys", "dev", "run", "root", "etc", "tmp", "opt", "repository"]) {
    mkdirSync(join(own, folder), { recursive: true });
  }
  chmodSync(join(own, "tmp"), 0o1777);
  const put = (path: string, text: string) => writeFileSync(join(own, path), text);
  put("etc/passwd", USERS);
  put("etc/group", GROUPS);
  put("etc/hosts", "127.0.0.1 localhost\n");
  put("tests.sh", script(options));
  cpSync(join(REPOSITORY, FIXTURES, "arm64/init"), join(own, "init"));
  chmodSync(join(own, "init"), 0o755);
  cpSync(options.program, join(own, "opt/reactor"));
  cpSync(join(options.bun, "bin/bun"), join(own, "opt/bun"));
  for (const name of ["reactor", "bun"]) chmodSync(join(own, "opt", name), 0o755);
  await bundleTests(options.tests, join(own, "repository"));
  writeCpio(options.file, [options.root, own]);
  rmSync(own, { recursive: true });
}

function script({ tests, only }: ImageOptions): string {
  const files = tests.map((test) => `./${bundled(test)}`).join(" ");
  const filter = only === undefined ? "" : `-t '${only.replaceAll("'", "'\\''")}'`;
  return [
    "export REACTOR_TEST_EXECUTABLE=/opt/reactor",
    "/opt/reactor --version",
    `/opt/bun test --timeout=600000 ${files} ${filter}`,
    "",
  ].join("\n");
}

const bundled = (test: string) => test.replace(/\.ts$/, ".js");

/** With all that they import: the repository's dependencies are too many to be carried along. */
async function bundleTests(tests: readonly string[], to: string): Promise<void> {
  for (const test of tests) await bundle(test, join(to, bundled(test)));
  await bundle("src/roles.ts", join(to, "test/support/roles.js"));
  writeFileSync(join(to, ENTRY), PLAY);
  cpSync(join(REPOSITORY, FIXTURES), join(to, FIXTURES), { recursive: true });
}

async function bundle(from: string, to: string): Promise<void> {
  const { success, logs } = await Bun.build({
    entrypoints: [join(REPOSITORY, from)],
    outdir: dirname(to),
    naming: { entry: basename(to), chunk: "[name]-[hash].js", asset: "[name]-[hash].[ext]" },
    target: "bun",
  });
  if (!success) throw new AggregateError(logs, `${from} was not bundled`);
}
