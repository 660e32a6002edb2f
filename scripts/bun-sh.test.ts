/** `scripts/bun.sh` on machines with little on them: stand-ins for Bun and npm, a PATH of our choice. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const COMMANDS = ["sh", "dirname", "tr", "cmp", "cp", "mkdir", "cat", "chmod"];
let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "reactor-bun-sh-"));
  for (const folder of ["repo/scripts", "repo/node_modules", "bin"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  copyFileSync(join(import.meta.dir, "bun.sh"), join(root, "repo/scripts/bun.sh"));
  writeFileSync(join(root, "repo/bun.lock"), "lock 1");
  for (const name of COMMANDS) symlinkSync(Bun.which(name) ?? "", join(root, "bin", name));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(name: string, body: string): void {
  writeFileSync(join(root, "bin", name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

function fakeBun(version: string): string {
  return `if [ "$1" = --version ]; then echo ${version}; else echo "${version}: $@"; fi`;
}

/** An npm that puts a Bun of that version where the package of a platform has it. */
function fakeNpm(version: string): string {
  return `bin="$3/node_modules/@oven/bun-linux-any/bin"
mkdir -p "$bin"
cat > "$bin/bun" <<'END'
#!/bin/sh
${fakeBun(version)}
END
chmod 755 "$bin/bun"`;
}

function run(...args: string[]) {
  const done = Bun.spawnSync(["sh", join(root, "repo/scripts/bun.sh"), ...args], {
    env: { PATH: join(root, "bin") },
  });
  return { code: done.exitCode, out: done.stdout.toString(), err: done.stderr.toString() };
}

test("a Bun on the PATH that is new enough runs with the arguments as they are", () => {
  program("bun", fakeBun("1.4.5"));
  program("npm", "exit 9");
  expect(run("run", "a b")).toMatchObject({ code: 0, out: "1.4.5: run a b\n" });
});

test.each(["1.5.0", "1.10.0", "2.0.0", "1.4.10"])("Bun %s is new enough", (version) => {
  program("bun", fakeBun(version));
  expect(run("x").out).toBe(`${version}: x\n`);
});

test.each(["1.4.4", "1.3.20", "0.9.9", "nonsense"])(
  "in place of Bun %s npm's is used",
  (version) => {
    program("bun", fakeBun(version));
    program("npm", fakeNpm("1.4.5"));
    expect(run("x").out).toBe("1.4.5: x\n");
  },
);

test("where there is only npm, Bun is fetched once", () => {
  program("npm", fakeNpm("1.4.5"));
  expect(run("x").out).toBe("1.4.5: x\n");
  program("npm", "exit 9");
  expect(run("y").out).toBe("1.4.5: y\n");
});

test("where there is neither, the message says what to get", () => {
  const { code, err } = run("x");
  expect(code).toBe(2);
  expect(err).toContain("needs Bun 1.4.5 or newer");
});

test("dependencies are installed when the lock file has changed, else not", () => {
  program("bun", fakeBun("1.4.5"));
  expect(run("x").err).toContain("1.4.5: install --frozen-lockfile");
  expect(run("x").err).toBe("");
  writeFileSync(join(root, "repo/bun.lock"), "lock 2");
  expect(run("x").err).toContain("install --frozen-lockfile");
});

test("a failed installation is not taken for a done one", () => {
  program("bun", 'if [ "$1" = --version ]; then echo 1.4.5; else exit 7; fi');
  expect(run("x").code).toBe(7);
  expect(existsSync(join(root, "repo/node_modules/.installed-bun.lock"))).toBe(false);
});
