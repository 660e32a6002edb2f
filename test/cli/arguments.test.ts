/** Arguments, help, completion and the form of the output. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands.ts";
import { createBench } from "./fake-host.ts";

const bench = createBench();
afterAll(() => bench.remove());

function flatten(list: readonly Command[]): Command[] {
  return list.flatMap((item) => [item, ...flatten(item.subcommands ?? [])]);
}
const all = flatten(commands);

describe("help", () => {
  test("reactor alone, --help and help print the commands by group", async () => {
    for (const argv of [[], ["--help"], ["-h"], ["help"]]) {
      const { exit, stdout } = await bench.run(argv);
      expect(exit).toBe(0);
      for (const { name, summary } of commands) {
        expect(stdout).toContain(name);
        expect(stdout).toContain(summary);
      }
    }
  });

  test.each(all.map((item) => [item.name, item] as const))(
    "%s explains itself",
    async (name, item) => {
      const { exit, stdout } = await bench.run([...name.split(" "), "--help"]);
      expect(exit).toBe(0);
      expect(item.summary.length).toBeGreaterThan(10);
      expect(item.summary).not.toEndWith(".");
      expect(stdout).toContain(item.summary);
      expect(stdout).toContain(`reactor ${name} ${item.usage}`);
      expect(item.examples.length).toBeGreaterThan(0);
      for (const { run, what } of item.examples) {
        expect(stdout).toContain(run);
        expect(stdout).toContain(what);
      }
      for (const [option, spec] of Object.entries(item.options)) {
        expect(stdout).toContain(`--${option}`);
        expect(stdout).toContain(spec.description);
      }
      expect(Boolean(item.run) || (item.subcommands ?? []).length > 0).toBe(true);
      expect((await bench.run(["help", ...name.split(" ")])).stdout).toBe(stdout);
    },
  );

  test("examples use options that exist", () => {
    for (const item of all.filter((command) => command.run)) {
      for (const { run } of item.examples) {
        const own = run.split(/&&|<|>|\|/).filter((part) => part.includes(`reactor ${item.name}`));
        for (const flag of own.join(" ").match(/ --[a-z-]+/g) ?? []) {
          expect([item.name, Object.keys({ ...item.options, output: 1 })]).toEqual([
            item.name,
            expect.arrayContaining([flag.trim().slice(2)]),
          ]);
        }
      }
    }
  });
});

describe("mistakes", () => {
  test.each([
    [["deplyo"], "unknown_command", "Did you mean 'reactor deploy'?"],
    [["fn", "lst"], "unknown_command", "Did you mean 'reactor fn list'?"],
    [["xyzzyplugh"], "unknown_command", "`reactor --help` lists the commands"],
    [["serve", "--prot", "1"], "unknown_option", "Did you mean --port?"],
    [
      ["auth", "keys", "remove", "-kPrK"],
      "unknown_option",
      "`reactor auth keys remove --help` lists them; an argument that begins with - goes after --",
    ],
    [["serve", "--port"], "missing_value", null],
    [["serve", "--port", "--host", "x"], "missing_value", null],
    [["serve", "extra"], "wrong_arguments", "reactor serve [options]"],
    [["context", "use"], "wrong_arguments", "reactor context use [options] NAME"],
    [["deploy", "--dry-run=yes"], "invalid_argument", null],
    [["serve", "--log", "xml"], "invalid_argument", null],
    [["version", "--output", "xml"], "invalid_argument", null],
    [["completion", "tcsh", "-o", "json"], "invalid_argument", "Choose bash, zsh, fish"],
    [["logs", "--since", "yesterday"], "invalid_argument", null],
    [["status", "--url", "ftp://x"], "invalid_argument", null],
  ])("%p", async (argv, code, hint) => {
    const env = { REACTOR_URL: "http://127.0.0.1:1", REACTOR_TOKEN: "t", REACTOR_OUTPUT: "json" };
    const { exit, json } = await bench.run(argv, { env });
    expect(exit).toBe(1);
    expect(json()).toMatchObject({ ok: false, error: { code } });
    if (hint !== null) expect((json()["error"] as { hint: string }).hint).toBe(hint);
  });

  test("a group without a command shows its help and fails", async () => {
    const { exit, stdout } = await bench.run(["context"]);
    expect(exit).toBe(1);
    expect(stdout).toContain("context add");
  });

  test("a mistyped option inside a group names the nearest one", async () => {
    const { stderr } = await bench.run(["fn", "invoke", "x", "--dat", "1", "-o", "text"]);
    expect(stderr).toContain("Did you mean --data?");
  });
});

describe("output", () => {
  test("is JSON in an envelope unless standard output is a terminal", async () => {
    const piped = await bench.run(["version"]);
    expect(piped.json()).toMatchObject({ ok: true, data: { version: "9.9.9" } });
    const terminal = await bench.run(["version"], { isTerminal: true });
    expect(terminal.stdout).toStartWith("reactor 9.9.9 (bun ");
    const asked = await bench.run(["version", "-o", "json"], { isTerminal: true });
    expect(asked.json()["ok"]).toBe(true);
    const byEnv = await bench.run(["version"], { env: { REACTOR_OUTPUT: "text" } });
    expect(byEnv.stdout).toStartWith("reactor 9.9.9");
    expect((await bench.run(["--version"])).json()).toMatchObject({ ok: true });
  });

  test("failures go to standard error as text, to standard output as JSON", async () => {
    const text = await bench.run(["nope"], { isTerminal: true, env: { NO_COLOR: "1" } });
    expect(text.stdout).toBe("");
    expect(text.stderr).toStartWith("error: There is no command 'reactor nope'\n");
    const json = await bench.run(["nope"]);
    expect(json.stderr).toBe("");
    expect(json.json()).toMatchObject({ ok: false, error: { code: "unknown_command" } });
  });

  test("NO_COLOR and dumb terminals get no escapes", async () => {
    const color = await bench.run(["--help"], { isTerminal: true });
    expect(color.stdout).toContain("\x1b[1m");
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      expect((await bench.run(["--help"], { isTerminal: true, env })).stdout).not.toContain("\x1b");
    }
    expect((await bench.run(["--help"])).stdout).not.toContain("\x1b");
  });

  test("an unexpected failure says that it is a defect", async () => {
    const host = {
      serve: () => {
        throw new TypeError("boom");
      },
    };
    const { exit, stderr } = await bench.run(["serve"], { host });
    expect(exit).toBe(5);
    expect(stderr).toContain("boom");
    expect(stderr).toContain("defect");
  });
});

describe("serve and dev", () => {
  test("options become settings, folders become absolute", async () => {
    const project = join(bench.dir, "shop");
    mkdirSync(project);
    writeFileSync(join(project, "reactor.toml"), "");
    bench.served.length = 0;
    const argv = ["--project", "shop", "--host", "::", "--port", "0", "--only", "auth, data"];
    await bench.run(["serve", ...argv, "--log", "json", "--log-level", "warn"]);
    await bench.run(["dev", "--data-dir", "d", "--port", "x"], { cwd: project });
    expect(bench.served).toEqual([
      {
        project: { dir: project, file: join(project, "reactor.toml") },
        dataDir: join(project, ".reactor"),
        only: ["auth", "data"],
        flags: {
          "server.host": "::",
          "server.port": 0,
          "log.format": "json",
          "log.level": "warn",
        },
      },
      {
        project: { dir: project, file: join(project, "reactor.toml") },
        dataDir: join(project, "d"),
        only: null,
        flags: {
          "server.host": undefined,
          "server.port": "x",
          "log.format": undefined,
          "log.level": undefined,
        },
      },
    ]);
  });

  test("an empty folder is a project to come for dev only, and a missing one is a configuration fault", async () => {
    const empty = join(bench.dir, "empty");
    mkdirSync(empty);
    bench.served.length = 0;
    await bench.run(["dev"], { cwd: empty });
    await bench.run(["serve"], { cwd: empty });
    const dataDir = join(empty, ".reactor");
    expect(bench.served).toMatchObject([
      { project: { dir: empty, file: null }, dataDir },
      { project: { dir: null, file: null }, dataDir },
    ]);
    expect((await bench.run(["serve", "--project", "absent"])).exit).toBe(2);
  });
});

describe("completion", () => {
  test("the bash script parses and offers commands, subcommands and options", async () => {
    const script = join(bench.dir, "completion.bash");
    writeFileSync(script, (await bench.run(["completion", "bash"])).stdout);
    expect(Bun.spawnSync(["bash", "-n", script]).exitCode).toBe(0);
    const complete = (...words: string[]) => {
      const line = `source ${script}; COMP_WORDS=(${words.map((w) => `"${w}"`).join(" ")}); COMP_CWORD=${words.length - 1}; _reactor; echo "\${COMPREPLY[*]}"`;
      return Bun.spawnSync(["bash", "--norc", "-c", line]).stdout.toString().trim().split(" ");
    };
    expect(complete("reactor", "de")).toEqual(["dev", "deploy"]);
    expect(complete("reactor", "fn", "ro")).toEqual(["rollback"]);
    expect(complete("reactor", "fn", "secrets", "un")).toEqual(["unset"]);
    expect(complete("reactor", "fn", "secrets", "set", "--env")).toEqual(["--env-file"]);
    expect(complete("reactor", "fn", "invoke", "--da")).toEqual(["--data", "--data-dir"]);
    expect(complete("reactor", "serve", "--po")).toEqual(["--port"]);
  });

  test.each(["zsh", "fish"])("the %s script names every command and option", async (shell) => {
    const { stdout, exit } = await bench.run(["completion", shell]);
    expect(exit).toBe(0);
    for (const item of all) {
      expect(stdout).toContain(item.name.split(" ").at(-1) ?? "");
      expect(stdout).toContain(
        item.summary.replaceAll("'", "'\\''").replaceAll(":", shell === "zsh" ? "\\:" : ":"),
      );
    }
    const interpreter = Bun.which(shell);
    if (interpreter === null) return;
    const script = join(bench.dir, `completion.${shell}`);
    writeFileSync(script, stdout);
    expect(Bun.spawnSync([interpreter, "-n", script]).exitCode).toBe(0);
  });
});
