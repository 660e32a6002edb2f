/** The shape of a command; each lives in its own file and is listed in `commands.ts`. */
import type { CliHost } from "./host.ts";
import type { Output } from "./output.ts";

export interface OptionSpec {
  /** Name of the value in help (`DIR`); absent = a switch. */
  readonly value?: string;
  readonly short?: string;
  readonly description: string;
  /** Values offered by completion and checked when parsed. */
  readonly choices?: readonly string[];
}

interface Example {
  readonly run: string;
  readonly what: string;
}

export interface Command {
  readonly name: string;
  /** One line, no full stop. */
  readonly summary: string;
  /** What follows the name: `[options] NAME`. */
  readonly usage: string;
  /** Paragraphs for `--help`. */
  readonly details?: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Fewest and most arguments. */
  readonly args: readonly [min: number, max: number];
  readonly examples: readonly Example[];
  readonly subcommands?: readonly Command[];
  /** Output is text unless `--output json` is given: for servers. */
  readonly isText?: boolean;
  /** The exit code; nothing = 0. A command with subcommands needs none. */
  run?(context: CommandContext): Promise<number | undefined>;
}

export interface CommandContext {
  readonly host: CliHost;
  readonly out: Output;
  /** The whole table, for completion. */
  readonly commands: readonly Command[];
  readonly args: readonly string[];
  /** Value of an option; undefined when absent. */
  option(name: string): string | undefined;
  /** Whether a switch is on. */
  has(name: string): boolean;
  /** Runs when the command has ended, however it did. */
  atEnd(clean: () => void): void;
}

export const projectOption = {
  project: { value: "DIR", description: "Project folder (default: the current one)" },
} as const satisfies Record<string, OptionSpec>;

/** How a command finds its server. */
export const targetOptions = {
  url: { value: "URL", description: "Server to talk to" },
  token: {
    value: "TOKEN",
    description: "Admin token or secret key, as the command needs (or REACTOR_TOKEN)",
  },
  context: { value: "NAME", description: "Saved context to use (or REACTOR_CONTEXT)" },
  "data-dir": { value: "DIR", description: "Data folder of a server on this machine" },
  tunnel: { value: "ssh://[USER@]HOST", description: "Reach the server's machine over SSH" },
} as const satisfies Record<string, OptionSpec>;

/** On every command. */
export const globalOptions: Readonly<Record<string, OptionSpec>> = {
  output: {
    value: "text|json",
    short: "o",
    description: "Form of the output (default: text on a terminal, else json)",
    choices: ["text", "json"],
  },
  help: { short: "h", description: "Show help" },
};
