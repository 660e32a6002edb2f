/** argv -> command -> exit code. The only place that turns a failure into words. */
import { ReactorError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import { StartupError } from "../core/startup-error.ts";
import { CliError, EXIT } from "./cli-error.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { commandHelp, overviewHelp } from "./help.ts";
import type { CliHost } from "./host.ts";
import { createOutput, type Output, outputMode } from "./output.ts";
import { parseCommandArgs } from "./parse-args.ts";
import { exitFor } from "./server-client.ts";

/** Runs `reactor <argv>`; resolves to the exit code, never rejects. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  try {
    const first = argv[0];
    if (first === undefined || first === "--help" || first === "-h") return showOverview(host);
    if (first === "help") return showHelpOf(argv.slice(1), host);
    const version = first === "--version" || first === "-V" ? ["version"] : [];
    const { command, rest } = findCommand([...version, ...argv.slice(version.length)]);
    return await runCommand(command, rest, host);
  } catch (error) {
    return fail(error, host, createOutput(host, modeOfFailure(argv, host)));
  }
}

/** Walks `fn list` down the table. @throws CliError `unknown_command` */
function findCommand(argv: readonly string[]): { command: Command; rest: readonly string[] } {
  let level: readonly Command[] = commands;
  let command: Command | undefined;
  let path = "";
  let index = 0;
  for (; index < argv.length && level.length > 0; index++) {
    const word = argv[index] ?? "";
    if (command && word.startsWith("-")) break;
    path = path === "" ? word : `${path} ${word}`;
    const found = level.find(({ name }) => name === path);
    if (!found) throw unknownCommand(path, level);
    command = found;
    level = found.subcommands ?? [];
  }
  if (!command) throw unknownCommand("", commands);
  return { command, rest: argv.slice(index) };
}

function unknownCommand(path: string, level: readonly Command[]): CliError {
  const nearest = nearestName(
    path,
    level.map(({ name }) => name),
  );
  return new CliError(
    "user",
    "unknown_command",
    `There is no command 'reactor ${path}'`,
    nearest === null ? "`reactor --help` lists the commands" : `Did you mean 'reactor ${nearest}'?`,
  );
}

function showOverview(host: CliHost): number {
  const out = createOutput(host, "text");
  out.raw(`${overviewHelp(commands, host.version, out.paint)}\n`);
  return EXIT.ok;
}

function showHelpOf(words: readonly string[], host: CliHost): number {
  if (words.length === 0 || words[0] === "--help") return showOverview(host);
  const out = createOutput(host, "text");
  out.raw(`${commandHelp(findCommand(words).command, out.paint)}\n`);
  return EXIT.ok;
}

async function runCommand(
  command: Command,
  argv: readonly string[],
  host: CliHost,
): Promise<number> {
  const { args, options, switches } = parseCommandArgs(command, argv);
  const mode = outputMode(options.get("output"), host, command.isText ?? false);
  const out = createOutput(host, mode);
  if (switches.has("help") || !command.run) {
    const text = createOutput(host, "text");
    text.raw(`${commandHelp(command, text.paint)}\n`);
    return switches.has("help") ? EXIT.ok : EXIT.user;
  }
  const cleaners: (() => void)[] = [];
  try {
    const exit = await command.run({
      host,
      out,
      commands,
      args,
      option: (name) => options.get(name),
      has: (name) => switches.has(name),
      atEnd: (clean) => cleaners.push(clean),
    });
    return exit ?? EXIT.ok;
  } catch (error) {
    return fail(error, host, out);
  } finally {
    for (const clean of cleaners.reverse()) clean();
  }
}

/** The mode for a failure that came before the options were understood. */
function modeOfFailure(argv: readonly string[], host: CliHost): "text" | "json" {
  const at = argv.findIndex((word) => word === "-o" || word === "--output");
  const inline = argv.find((word) => word.startsWith("--output="))?.slice("--output=".length);
  const wanted = inline ?? (at === -1 ? host.env["REACTOR_OUTPUT"] : argv[at + 1]);
  if (wanted === "json" || wanted === "text") return wanted;
  return host.terminal.stdout.isTerminal ? "text" : "json";
}

/** As a shell reports a program that Ctrl-C ended: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;

/** What Ctrl-C makes of a call or a wait; any other failure after it is told as it is. */
function isInterruption(error: unknown): boolean {
  if (error instanceof CliError)
    return error.code === "interrupted" || error.code === "network_error";
  return error instanceof Error && (error.name === "AbortError" || error.message === "interrupted");
}

function fail(error: unknown, host: CliHost, out: Output): number {
  if (host.terminal.interrupted.aborted && isInterruption(error)) {
    out.failure({ code: "interrupted", message: "Interrupted", hint: null });
    return EXIT_INTERRUPTED;
  }
  if (error instanceof StartupError || error instanceof CliError) {
    const data = error instanceof CliError ? error.data : undefined;
    out.failure({ code: error.code, message: error.message, hint: error.hint, data });
    return error.exitCode;
  }
  // A fault of the project that was met in this process: a function or a migration that is not right.
  if (error instanceof ReactorError) {
    const { code, details, hint } = error;
    const message = details === null ? error.message : `${error.message}: ${details}`;
    out.failure({ code, message, hint });
    return EXIT[exitFor(error.status)];
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  out.failure({ code: "unexpected", message: text, hint: "This is a defect; please report it" });
  return EXIT.server;
}
