/** `reactor vault`: the secrets at rest and the keys that open them. */
import { CliError } from "./cli-error.ts";
import { type Command, type CommandContext, targetOptions } from "./command.ts";
import { table } from "./output.ts";
import { connect } from "./server-client.ts";

const PATH = "/_admin/vault";

interface Rotation {
  readonly resealed: number;
  readonly takes_effect: "now" | "restart";
}

const status: Command = {
  name: "vault status",
  summary: "Show where the master key comes from, and whether there is a recovery code",
  usage: "[options]",
  options: targetOptions,
  args: [0, 0],
  examples: [{ run: "reactor vault status", what: "nothing secret" }],
  async run(context) {
    const client = await connect(context);
    const answer = await client.json<Record<string, unknown>>(PATH);
    const rows = Object.entries(answer).map(([name, value]) => [name, String(value)]);
    context.out.result(answer, table(rows));
    return 0;
  },
};

const rotate: Command = {
  name: "vault rotate",
  summary: "Seal every secret under new keys",
  usage: "[options]",
  details:
    "A master key that Reactor keeps in a file is replaced with the rest. One that you configure is\nyours to replace: --to key or --to passphrase reads the new one from standard input (asked for on\na terminal); until a server starts with it the vault opens with both, from then on only with the\nnew one. A recovery code stays good.\n\nInterrupted at any point the vault opens as before; run it again.",
  options: {
    to: {
      value: "key|passphrase",
      description: "What the configuration will hold from the next start on",
      choices: ["key", "passphrase"],
    },
    ...targetOptions,
  },
  args: [0, 0],
  examples: [
    { run: "reactor vault rotate", what: "new root key, and a new master key in its file" },
    { run: "openssl rand -hex 32 | reactor vault rotate --to key", what: "then set vault.key" },
  ],
  async run(context) {
    const json = await readNext(context);
    const client = await connect(context);
    const options = { method: "POST", json, isLong: true };
    const answer = await client.json<Rotation>(`${PATH}/rotate`, options);
    context.out.result(answer, () => describe(answer, context.option("to")));
    return 0;
  },
};

async function readNext(context: CommandContext): Promise<Record<string, string>> {
  const to = context.option("to");
  if (to === undefined) return {};
  const { stdin } = context.host.terminal;
  const value = stdin.isTerminal
    ? await stdin.readSecret(`new ${to}: `)
    : new TextDecoder().decode(await stdin.readAll()).replace(/\r?\n$/, "");
  if (value === "") throw new CliError("user", "missing_value", `No ${to} was given`);
  return { [to]: value };
}

function describe({ resealed, takes_effect: when }: Rotation, to = ""): string {
  const lines = [`Sealed ${resealed} secrets anew`];
  if (when === "restart") lines.push(`Set vault.${to} to the new one and start the server again`);
  return lines.join("\n");
}

const recoveryCode: Command = {
  name: "vault recovery-code",
  summary: "Make a code that opens the vault when the master key is lost",
  usage: "[options]",
  details:
    "Shown once; keep it apart from the server. A code made before opens nothing any more. To use it,\nstart the server once with REACTOR_VAULT__RECOVERY_CODE set: the vault then opens with the master\nkey that server has.",
  options: targetOptions,
  args: [0, 0],
  examples: [{ run: "reactor vault recovery-code", what: "write it down" }],
  async run(context) {
    const client = await connect(context);
    const answer = await client.json<{ recovery_code: string }>(`${PATH}/recovery-code`, {
      method: "POST",
    });
    context.out.result(answer, answer.recovery_code);
    return 0;
  },
};

export const command: Command = {
  name: "vault",
  summary: "Work on the secrets at rest: state, new keys, recovery code",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: status.examples,
  subcommands: [status, rotate, recoveryCode],
};
