/**
 * Writes docs/cli.md from the command table: `bun scripts/make-cli-docs.ts`. A test compares the two.
 */
import { join } from "node:path";
import { type Command, globalOptions, type OptionSpec } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands.ts";

const PAGE = join(import.meta.dir, "../docs/cli.md");

const INTRO = `# Command line

Made from the command table by \`bun scripts/make-cli-docs.ts\`; do not edit.

\`reactor --help\` lists the commands, \`reactor COMMAND --help\` explains one. Except for \`init\`, \`dev\`,
\`serve\`, \`restore\`, \`config\`, \`context\`, \`version\` and \`completion\`, a command talks HTTP to a running
server.

## Which server

The first of these that says something:

1. \`--url\`, with \`--token\`,
2. \`--context NAME\`, a server saved by \`reactor context add\`,
3. \`--data-dir DIR\`: the server on this machine that runs on that folder,
4. \`REACTOR_URL\`, then \`REACTOR_CONTEXT\`,
5. the server that runs on this project (or folder),
6. the context chosen by \`reactor context use\` (\`stop\` leaves this one out).

The token is the admin token or the project's secret key (\`sb_secret_…\`): \`--token\`, else
\`REACTOR_TOKEN\`, else what \`reactor login\` saved, else the running server's own on this machine.
Contexts are kept in \`$XDG_CONFIG_HOME/reactor/contexts.json\`, readable by you only.

A server on another machine is talked to over https, and only if it has \`[admin] allow_remote = true\`;
or through \`--tunnel ssh://user@host\`, which runs \`ssh\` for as long as the command takes and gives the
URL as the server's own machine sees it (\`--url http://127.0.0.1:7890\`). Plain http to another machine
is refused.

## Output

Text for people on a terminal; otherwise, or with \`--output json\` (\`-o json\`, \`REACTOR_OUTPUT=json\`), one
line of JSON on standard output:

    {"ok":true,"data":{…}}
    {"ok":false,"error":{"code":"…","message":"…","hint":"…"}}

\`status\` prints its object without the envelope, and followed logs are one JSON object a line. Remarks and
progress (for whatever takes over a second) go to standard error. \`NO_COLOR\` is respected. Nothing is
ever asked without a terminal: the failure names the option to give.

## Exit codes

| Code | Means |
| --- | --- |
| 0 | done |
| 1 | the command was given wrongly, or what it names does not exist |
| 2 | the configuration, the project or a context is at fault |
| 3 | a credential is missing or was refused |
| 4 | the server refused what was sent: validation, a conflict, a project with faults |
| 5 | the server failed |
| 6 | the server could not be reached |
| 130 | ended by Ctrl-C |

## Commands
`;

function optionRow([name, spec]: [string, OptionSpec]): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  const value = spec.value === undefined ? "" : ` ${spec.value}`;
  const choices = spec.choices ? ` (${spec.choices.join(", ")})` : "";
  const about = (spec.description + choices).replaceAll("|", "\\|");
  return `| \`${short}--${name}${value}\` | ${about} |`.replaceAll(/`[^`]*`/g, (code) =>
    code.replaceAll("|", "\\|"),
  );
}

function commandText(command: Command, depth: number): string {
  const parts = [
    `${"#".repeat(depth)} \`reactor ${command.name}\``,
    `${command.summary}.`,
    `    reactor ${command.name} ${command.usage}`,
  ];
  if (command.details) parts.push(command.details);
  const options = Object.entries(command.options);
  if (options.length > 0) {
    parts.push(`| Option | About |\n| --- | --- |\n${options.map(optionRow).join("\n")}`);
  }
  parts.push(command.examples.map(({ run, what }) => `    ${run}   # ${what}`).join("\n"));
  for (const sub of command.subcommands ?? []) parts.push(commandText(sub, depth + 1));
  return parts.join("\n\n");
}

/** The whole page. */
export function cliPage(): string {
  const everywhere = `Every command also takes:\n\n| Option | About |\n| --- | --- |\n${Object.entries(globalOptions).map(optionRow).join("\n")}`;
  const all = commands.map((command) => commandText(command, 3));
  return `${[INTRO.trimEnd(), everywhere, ...all].join("\n\n")}\n`;
}

if (import.meta.main) await Bun.write(PAGE, cliPage());
