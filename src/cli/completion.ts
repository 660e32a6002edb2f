/** `reactor completion`: shell completion, made from the command table. */

import { CliError } from "./cli-error.ts";
import { type Command, globalOptions } from "./command.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export const command: Command = {
  name: "completion",
  summary: "Print shell completion for bash, zsh or fish",
  usage: "[options] bash|zsh|fish",
  options: {},
  args: [1, 1],
  isText: true,
  examples: [
    { run: 'eval "$(reactor completion bash)"', what: "in ~/.bashrc" },
    { run: "reactor completion zsh > ~/.zfunc/_reactor", what: "a folder of $fpath" },
    { run: "reactor completion fish > ~/.config/fish/completions/reactor.fish", what: "fish" },
  ],
  async run({ out, args, commands }) {
    const shell = SHELLS.find((name) => name === args[0]);
    if (!shell) throw unknownShell(args[0] ?? "");
    const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
    const script = scripts[shell](flatten(commands));
    out.result({ shell, script }, script.trimEnd());
    return 0;
  },
};

/** Commands and their subcommands in one list; names as typed. */
function flatten(list: readonly Command[]): Command[] {
  return list.flatMap((item) => [item, ...flatten(item.subcommands ?? [])]);
}

function flagsOf(item: Command): string[] {
  return Object.keys({ ...item.options, ...globalOptions }).map((name) => `--${name}`);
}

/** The last words of the names that follow `item`'s own. */
function nextWords(item: Command): string[] {
  return (item.subcommands ?? []).map(({ name }) => name.split(" ").at(-1) ?? "");
}

function topWords(all: readonly Command[]): string[] {
  return all.filter(({ name }) => !name.includes(" ")).map(({ name }) => name);
}

function bashScript(all: readonly Command[]): string {
  const cases = all.map((item) => {
    const words = [...nextWords(item), ...(item.name === "completion" ? SHELLS : [])];
    return `    "${item.name}") words="${[...words, ...flagsOf(item)].join(" ")}" ;;`;
  });
  const parents = all.filter((item) => item.subcommands).map(({ name }) => `"${name}"`);
  return `# bash completion for reactor
_reactor() {
  local current="\${COMP_WORDS[COMP_CWORD]}" name="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) continue ;; esac
    if [ -z "$name" ]; then name="$word"; continue; fi
    case "$name" in ${parents.join("|")}) name="$name $word" ;; esac
  done
  case "$name" in
    "") words="${topWords(all).join(" ")}" ;;
${cases.join("\n")}
  esac
  COMPREPLY=()
  case "$current" in
    ""|-*|[a-z]*) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
  esac
  if [ \${#COMPREPLY[@]} -eq 0 ]; then mapfile -t COMPREPLY < <(compgen -f -- "$current"); fi
}
complete -F _reactor reactor
`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

function zshScript(all: readonly Command[]): string {
  const describe = (items: readonly Command[]) =>
    items
      .map(({ name, summary }) => {
        const word = name.split(" ").at(-1) ?? "";
        return `      ${quoted(`${word}:${summary.replaceAll(":", "\\:")}`)}`;
      })
      .join("\n");
  const cases = all.map((item) => {
    const flags = Object.entries({ ...item.options, ...globalOptions }).map(([name, spec]) => {
      const note = spec.description.replaceAll(/[[\]]/g, "");
      return quoted(`--${name}[${note}]${spec.value === undefined ? "" : `:${name}:_files`}`);
    });
    const next = item.subcommands
      ? `local -a next=(\n${describe(item.subcommands)}\n      ); _describe command next`
      : `_arguments ${[...flags, "'*:file:_files'"].join(" ")}`;
    return `    ${quoted(item.name)}) ${next} ;;`;
  });
  const top = all.filter(({ name }) => !name.includes(" "));
  const parents = top.filter((item) => item.subcommands).map(({ name }) => name);
  const nested = all.filter(({ name, subcommands }) => name.includes(" ") && subcommands);
  const deeper = nested.map(
    ({ name }) => `    ${quoted(name)}) (( CURRENT > 4 )) && name="$name \${words[4]}" ;;`,
  );
  return `#compdef reactor
_reactor() {
  local name="\${words[2]}"
  case "$name" in
    ${parents.join("|")}) (( CURRENT > 3 )) && name="$name \${words[3]}" ;;
  esac
  case "$name" in
${deeper.join("\n")}
  esac
  if (( CURRENT == 2 )); then
    local -a next=(
${describe(top)}
    )
    _describe command next
    return
  fi
  case "$name" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = _reactor ]; then _reactor "$@"; else compdef _reactor reactor; fi
`;
}

function fishScript(all: readonly Command[]): string {
  const top = all.filter(({ name }) => !name.includes(" "));
  const lines = ["# fish completion for reactor", "complete -c reactor -f"];
  for (const item of top) {
    lines.push(
      `complete -c reactor -n __fish_use_subcommand -a ${item.name} -d ${quoted(item.summary)}`,
    );
  }
  for (const item of all) {
    const words = item.name.split(" ");
    const condition = words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    for (const sub of item.subcommands ?? []) {
      const word = sub.name.split(" ").at(-1) ?? "";
      lines.push(
        `complete -c reactor -n ${quoted(condition)} -a ${word} -d ${quoted(sub.summary)}`,
      );
    }
    for (const [name, spec] of Object.entries({ ...item.options, ...globalOptions })) {
      const short = spec.short === undefined ? "" : ` -s ${spec.short}`;
      const value = spec.value === undefined ? "" : " -r -F";
      lines.push(
        `complete -c reactor -n ${quoted(condition)} -l ${name}${short}${value} -d ${quoted(spec.description)}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

function unknownShell(name: string): CliError {
  const message = `There is no completion for '${name}'`;
  return new CliError("user", "invalid_argument", message, `Choose ${SHELLS.join(", ")}`);
}
