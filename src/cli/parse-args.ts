/** Reads one command's arguments by its option table; a mistake is answered with the nearest name. */
import { parseArgs as nodeParseArgs } from "node:util";
import { nearestName } from "../core/nearest-name.ts";
import { CliError } from "./cli-error.ts";
import { type Command, globalOptions, type OptionSpec } from "./command.ts";

export interface ParsedArgs {
  readonly args: readonly string[];
  readonly options: ReadonlyMap<string, string>;
  readonly switches: ReadonlySet<string>;
}

/** Options a command accepts, the global ones included. */
function optionsOf(command: Command): Readonly<Record<string, OptionSpec>> {
  return { ...command.options, ...globalOptions };
}

/** @throws CliError `unknown_option`, `missing_value`, `invalid_argument`, `wrong_arguments` */
export function parseCommandArgs(command: Command, argv: readonly string[]): ParsedArgs {
  const specs = optionsOf(command);
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => [
      name,
      {
        type: spec.value === undefined ? ("boolean" as const) : ("string" as const),
        ...(spec.short === undefined ? {} : { short: spec.short }),
      },
    ]),
  );
  const { tokens, positionals } = nodeParseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const values = new Map<string, string>();
  const switches = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (!spec) throw unknownOption(command, token.rawName, Object.keys(specs));
    if (spec.value === undefined) {
      if (token.value !== undefined) throw takesNoValue(token.rawName);
      switches.add(token.name);
    } else {
      values.set(token.name, checkValue(token.rawName, spec, token));
    }
  }
  if (!switches.has("help")) checkCount(command, positionals);
  return { args: positionals, options: values, switches };
}

function checkValue(
  shown: string,
  spec: OptionSpec,
  token: { value?: string | undefined; inlineValue?: boolean | undefined },
): string {
  const { value } = token;
  const isNextOption = !token.inlineValue && value !== undefined && /^-./.test(value);
  if (value === undefined || isNextOption) {
    throw new CliError("user", "missing_value", `${shown} needs a value: ${shown} ${spec.value}`);
  }
  if (spec.choices && !spec.choices.includes(value)) {
    const message = `${shown} must be one of ${spec.choices.join(", ")}, not '${value}'`;
    throw new CliError("user", "invalid_argument", message);
  }
  return value;
}

function takesNoValue(shown: string): CliError {
  return new CliError("user", "invalid_argument", `${shown} takes no value`);
}

function unknownOption(command: Command, shown: string, known: readonly string[]): CliError {
  const nearest = nearestName(shown.replace(/^-+/, ""), known);
  const listed = `\`reactor ${command.name} --help\` lists them`;
  const dashed = command.args[1] > 0 ? "; an argument that begins with - goes after --" : "";
  return new CliError(
    "user",
    "unknown_option",
    `'reactor ${command.name}' has no option ${shown}`,
    nearest === null ? `${listed}${dashed}` : `Did you mean --${nearest}?`,
  );
}

function checkCount(command: Command, args: readonly string[]): void {
  const [min, max] = command.args;
  if (args.length >= min && args.length <= max) return;
  const message =
    args.length < min
      ? `'reactor ${command.name}' needs ${min === 1 ? "an argument" : `${min} arguments`}`
      : `'reactor ${command.name}' does not take '${args[max] ?? ""}'`;
  throw new CliError(
    "user",
    "wrong_arguments",
    message,
    `reactor ${command.name} ${command.usage}`,
  );
}
