/** Help pages, made from the command table. */
import { type Command, globalOptions, type OptionSpec } from "./command.ts";
import { type Paint, table } from "./output.ts";

const GROUPS: readonly (readonly [title: string, names: readonly string[]])[] = [
  ["Build and run", ["init", "dev", "serve", "status", "stop"]],
  ["Database", ["db", "sql", "types"]],
  ["Ship", ["deploy", "migrate", "fn"]],
  ["Look after", ["logs", "doctor", "config", "auth", "policy", "vault", "backup", "restore"]],
  ["Servers elsewhere", ["context", "login", "logout", "whoami"]],
  ["More", ["version", "completion"]],
];

/** `reactor --help`. */
export function overviewHelp(commands: readonly Command[], version: string, paint: Paint): string {
  const find = (name: string) => commands.find((command) => command.name === name);
  const groups = GROUPS.map(([title, names]) => {
    const rows = names.map((name) => [`  ${name}`, find(name)?.summary ?? ""]);
    return `${paint("bold", title)}\n${table(rows)}`;
  });
  return [
    `${paint("bold", "reactor")} ${version}: a backend in one executable`,
    `${paint("bold", "Usage")}\n  reactor COMMAND [options]\n  reactor COMMAND --help`,
    ...groups,
    `${paint("bold", "Start")}\n  reactor init shop && cd shop && reactor dev`,
  ].join("\n\n");
}

/** `reactor COMMAND --help`; `name` is the full name, as in `fn list`. */
export function commandHelp(command: Command, paint: Paint): string {
  const parts = [
    `${paint("bold", `reactor ${command.name}`)}: ${command.summary}`,
    `${paint("bold", "Usage")}\n  reactor ${command.name} ${command.usage}`.trimEnd(),
  ];
  if (command.details) parts.push(command.details);
  if (command.subcommands) {
    const rows = command.subcommands.map((sub) => [`  ${sub.name}`, sub.summary]);
    parts.push(`${paint("bold", "Commands")}\n${table(rows)}`);
  }
  const rows = Object.entries({ ...command.options, ...globalOptions }).map(optionRow);
  parts.push(`${paint("bold", "Options")}\n${table(rows)}`);
  const examples = command.examples.map(({ run, what }) => [`  ${run}`, `# ${what}`]);
  parts.push(`${paint("bold", "Examples")}\n${table(examples)}`);
  return parts.join("\n\n");
}

function optionRow([name, spec]: [string, OptionSpec]): string[] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const value = spec.value === undefined ? "" : ` ${spec.value}`;
  return [`  ${short}--${name}${value}`, spec.description + choicesOf(spec)];
}

/** Nothing where the value's own name shows them, as in `text|json`. */
function choicesOf({ choices = [], value = "" }: OptionSpec): string {
  return choices.length === 0 || value.includes("|") ? "" : ` (${choices.join(", ")})`;
}
