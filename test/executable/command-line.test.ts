/** The command line of the compiled file, without a server. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testUsers } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";

const bench = executableBench();

describe.each(testUsers.map((user) => [user.name, user] as const))("as %s", (_, user) => {
  test("the bare name prints help and leaves nothing behind", async () => {
    const folder = bench.folder(user);
    const { code, stdout, stderr } = await bench.run(folder, [], { user });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const name of ["init", "dev", "serve", "deploy", "backup", "doctor"]) {
      expect(stdout).toContain(`\n  ${name} `);
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  test("`init` makes a project of text files only", async () => {
    const shop = await bench.project(user);
    const files = readdirSync(shop, { recursive: true, encoding: "utf8" }).sort();
    expect(files).toEqual([
      ".gitignore",
      "README.md",
      "functions",
      "functions/hello.ts",
      "migrations",
      "migrations/0001_notes.sql",
      "reactor.toml",
    ]);
  });
});

test("`version` tells its own version, Bun's and the platform", async () => {
  const { code, stdout } = await bench.run(bench.folder(), ["version"]);
  expect(code).toBe(0);
  const platform = `linux-${process.arch}`;
  expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { bun: Bun.version, platform } });
});

describe("exit codes", () => {
  const envelope = (stdout: string) =>
    JSON.parse(stdout) as { ok: boolean; error: { code: string } };

  test.each([
    [1, "a command there is not", ["serv"], "unknown_command"],
    [1, "an option there is not", ["status", "--prot", "1"], "unknown_option"],
    [6, "a server that does not run", ["status"], "server_not_found"],
    [
      6,
      "an address nobody listens on",
      ["whoami", "--url", "http://127.0.0.1:1", "--token", "x"],
      "connection_refused",
    ],
    [2, "a context there is not", ["status", "--context", "prod"], "context_not_found"],
    [1, "a backup there is not", ["restore", "no.backup", "--data-dir", "d"], "file_not_found"],
  ] as const)("%d for %s", async (exit, _what, args, error) => {
    const { code, stdout } = await bench.run(bench.folder(), args);
    expect({ code, error: envelope(stdout).error.code }).toEqual({ code: exit, error });
  });

  test("2 for a fault in reactor.toml, which is named with its line", async () => {
    const shop = await bench.project();
    writeFileSync(join(shop, "reactor.toml"), "[server]\nprot = 1\n");
    const { code, stdout, stderr } = await bench.run(shop, ["serve"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("reactor.toml:2: server.prot");
    expect(stderr).toContain("did you mean port?");
    expect(existsSync(join(shop, ".reactor"))).toBe(false);
  });

  test("2 for a capability there is not", async () => {
    const { code, stderr } = await bench.run(bench.folder(), ["serve", "--only", "dat"]);
    expect({ code, hint: stderr.includes("Did you mean 'data'?") }).toEqual({
      code: 2,
      hint: true,
    });
  });
});

describe("completion", () => {
  test.each(["bash", "zsh", "fish"])(
    "prints a script for %s that names the commands",
    async (shell) => {
      const { code, stdout } = await bench.run(bench.folder(), ["completion", shell]);
      expect(code).toBe(0);
      for (const name of ["init", "serve", "rollback"]) expect(stdout).toContain(name);
    },
  );

  test("bash completes a command from it", async () => {
    const folder = bench.folder();
    const { stdout } = await bench.run(folder, ["completion", "bash"]);
    writeFileSync(join(folder, "complete.sh"), stdout);
    const script = `source complete.sh; COMP_WORDS=(reactor st); COMP_CWORD=1; _reactor; echo "\${COMPREPLY[@]}"`;
    const bash = Bun.spawnSync(["bash", "-c", script], { cwd: folder });
    expect(bash.stdout.toString().trim().split(/\s+/)).toEqual(["status", "stop"]);
  });
});

test("without a terminal it speaks JSON, and text when asked", async () => {
  const folder = bench.folder();
  expect(JSON.parse((await bench.run(folder, ["init", "a"])).stdout)).toMatchObject({ ok: true });
  const { stdout } = await bench.run(folder, ["init", "b", "-o", "text"]);
  expect(stdout).toStartWith("Made ");
});
