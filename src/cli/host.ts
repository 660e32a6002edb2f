/**
 * What the command line is given by the program around it: the terminal, time, and the few things
 * that need the server's code. `main.ts` makes one; tests make their own.
 */
import type { Config, ListItem } from "../core/config/config.ts";
import type { Env } from "../core/config/env.ts";
import type { ProjectDir } from "../core/config/project-dir.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { PolicyExplanation } from "../core/ports/policies.ts";

export interface Terminal {
  readonly stdout: TextOut;
  readonly stderr: TextOut;
  readonly stdin: TextIn;
  /** Aborted by the first Ctrl-C: long commands end themselves. */
  readonly interrupted: AbortSignal;
}

export interface TextOut {
  readonly isTerminal: boolean;
  write(text: string | Uint8Array): void;
}

export interface TextIn {
  readonly isTerminal: boolean;
  /** Everything until the end of input. */
  readAll(): Promise<Uint8Array>;
  /** A prompt of many lines with a history, on a terminal. */
  prompt(options: { readonly history: readonly string[] }): Prompt;
  /** One line from a terminal. */
  ask(prompt: string): Promise<string>;
  /** One line from a terminal, without echo. */
  readSecret(prompt: string): Promise<string>;
}

export interface Prompt {
  /** A line; `cancelled` by Ctrl-C, `end` by Ctrl-D. */
  ask(text: string): Promise<PromptLine>;
  /** Ctrl-C aborts the signal while the work is under way. */
  during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  close(): void;
}

export type PromptLine =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "cancelled" }
  | { readonly kind: "end" };

export interface ServeOptions {
  readonly project: ProjectDir;
  /** Absolute. */
  readonly dataDir: string;
  /** Capabilities to mount; null = all. */
  readonly only: readonly string[] | null;
  /** For `loadConfig`: `server.port` -> text as typed. */
  readonly flags: Readonly<Record<string, unknown>>;
}

export interface RestoreOptions {
  /** Absolute path of the backup. */
  readonly file: string;
  /** Absolute; absent or empty. */
  readonly dataDir: string;
  /** Tells of each step. */
  onStep(text: string): void;
}

export interface PolicyReport {
  /** Names. */
  readonly policies: readonly string[];
  /** Sentences. */
  readonly faults: readonly string[];
  readonly tests: readonly {
    readonly policy: string;
    readonly test: string;
    readonly ok: boolean;
    readonly expected: string;
    readonly got: string;
    readonly reason: string;
  }[];
}

export interface CliHost {
  readonly version: string;
  readonly env: Env;
  /** Absolute. */
  readonly cwd: string;
  readonly clock: Clock;
  readonly terminal: Terminal;
  /** Runs until stopped; the exit code. @throws StartupError */
  serve(options: ServeOptions): Promise<number>;
  /** As `serve`, watching the project. */
  dev(options: ServeOptions): Promise<number>;
  /** Facts of what was restored and verified. @throws StartupError */
  restore(options: RestoreOptions): Promise<Readonly<Record<string, unknown>>>;
  /** The effective configuration with every capability's section. @throws ConfigError */
  loadConfig(project: ProjectDir, flags: Readonly<Record<string, unknown>>): Promise<Config>;
  /** One of the project's lists, whatever the rest of its file needs. @throws ConfigError */
  loadList(project: ProjectDir, name: string): Promise<readonly ListItem[]>;
  /** Faults and tests of the `[[policies]]` of a project. */
  checkPolicies(list: readonly ListItem[]): Promise<PolicyReport>;
  /** @param as attributes of `principal` */
  explainPolicies(
    list: readonly ListItem[],
    as: Readonly<Record<string, unknown>>,
    action: string,
  ): Promise<{
    readonly faults: readonly string[];
    readonly explanation: PolicyExplanation | null;
  }>;
  /** One ES module from a function's entry file. @throws StartupError when it does not build */
  bundleFunction(path: string): Promise<Uint8Array>;
}
