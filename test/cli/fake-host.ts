/** A command line in process: captured output, its own environment and folder, a real clock. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import type {
  CliHost,
  Prompt,
  PromptLine,
  RestoreOptions,
  ServeOptions,
} from "../../src/cli/host.ts";
import { runCli } from "../../src/cli/run-cli.ts";
import { loadConfig, loadList } from "../../src/core/config/load-config.ts";
import { mergeSections } from "../../src/core/config/merge-sections.ts";
import { coreSections, PROJECT_LISTS } from "../../src/core/config/sections.ts";
import { checkPolicies, explainPolicies } from "../../src/server/host/check-policies.ts";
import { systemClock } from "../../src/shared/clock.ts";

interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The JSON that was printed. */
  json(): Record<string, unknown>;
}

export interface Bench {
  readonly dir: string;
  readonly home: string;
  readonly served: ServeOptions[];
  readonly restored: RestoreOptions[];
  run(argv: readonly string[], more?: Partial<Setup>): Promise<Ran>;
  remove(): void;
}

interface Setup {
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** Standard output and error are a terminal. */
  readonly isTerminal: boolean;
  readonly stdin: string;
  readonly secret: string | null;
  /** Lines typed at a prompt; `^C` is Ctrl-C. Standard input is then a terminal. */
  readonly lines: readonly string[];
  /** What is typed when asked; standard input is then a terminal. */
  readonly answer: string | null;
  readonly interrupted: AbortSignal;
  /** Told of what is written to standard output and error, while the command runs. */
  readonly onShown: (text: string) => void;
  readonly host: Partial<CliHost>;
}

const data = Type.Object({
  migrations_dir: Type.String({ default: "migrations" }),
  seed_files: Type.Array(Type.String(), { default: ["seed.sql"] }),
});

function typedLines(lines: readonly string[]): Prompt {
  const left = [...lines];
  return {
    async ask(): Promise<PromptLine> {
      const text = left.shift();
      if (text === undefined) return { kind: "end" };
      return text === "^C" ? { kind: "cancelled" } : { kind: "line", text };
    },
    during: (work) => work(new AbortController().signal),
    close: () => undefined,
  };
}

export function createBench(): Bench {
  const dir = mkdtempSync(join(tmpdir(), "reactor-cli-"));
  const home = join(dir, "home");
  mkdirSync(home);
  const served: ServeOptions[] = [];
  const restored: RestoreOptions[] = [];
  const serve = async (options: ServeOptions) => {
    served.push(options);
    return 0;
  };
  const run: Bench["run"] = async (argv, more = {}) => {
    const chunks: [string, Uint8Array][] = [];
    const isTerminal = more.isTerminal ?? false;
    const env = { HOME: home, ...more.env };
    const out = (name: string) => ({
      isTerminal,
      write: (text: string | Uint8Array) => {
        chunks.push([name, Buffer.from(text)]);
        more.onShown?.(Buffer.from(text).toString());
      },
    });
    const secret = more.secret ?? null;
    const host: CliHost = {
      version: "9.9.9",
      env,
      cwd: more.cwd ?? dir,
      clock: systemClock,
      terminal: {
        stdout: out("stdout"),
        stderr: out("stderr"),
        stdin: {
          isTerminal: secret !== null || (more.answer ?? null) !== null || more.lines !== undefined,
          readAll: async () => Buffer.from(more.stdin ?? ""),
          prompt: () => typedLines(more.lines ?? []),
          ask: async () => more.answer ?? "",
          readSecret: async () => secret ?? "",
        },
        interrupted: more.interrupted ?? new AbortController().signal,
      },
      serve,
      dev: serve,
      async restore(options) {
        restored.push(options);
        options.onStep("unpacking");
        return { tables: 3 };
      },
      loadConfig: async (project, flags) =>
        loadConfig({
          sections: mergeSections(coreSections, { data }),
          lists: PROJECT_LISTS,
          file: project.file,
          env,
          flags,
        }),
      loadList: async ({ file }, name) => loadList({ file, env }, name),
      checkPolicies: async (list) => checkPolicies(list),
      explainPolicies: async (...asked) => explainPolicies(...asked),
      bundleFunction: async (path) => Bun.file(path).bytes(),
      ...more.host,
    };
    const exit = await runCli(argv, host);
    const textOf = (name: string) =>
      Buffer.concat(chunks.filter(([n]) => n === name).map(([, bytes]) => bytes)).toString();
    const stdout = textOf("stdout");
    const json = () => JSON.parse(stdout) as Record<string, unknown>;
    return { exit, stdout, stderr: textOf("stderr"), json };
  };
  const remove = () => rmSync(dir, { recursive: true, force: true });
  return { dir, home, served, restored, run, remove };
}
