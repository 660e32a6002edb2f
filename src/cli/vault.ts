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
  return to === undefined ? {} : { [to]: await readValue(context, to, `new ${to}`) };
}

/** From standard input, which may end with a line end that is not part of it. */
async function readValue(context: CommandContext, name: string, asked = name): Promise<string> {
  const { stdin } = context.host.terminal;
  const value = stdin.isTerminal
    ? await stdin.readSecret(`${asked}: `)
    : new TextDecoder().decode(await stdin.readAll()).replace(/\r?\n$/, "");
  if (value === "") throw new CliError("user", "missing_value", `No ${name} was given`);
  return value;
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

const SECRETS = `${PATH}/secrets`;

interface SecretPaths {
  readonly paths: readonly string[];
}

const list: Command = {
  name: "vault list",
  summary: "List the secrets that settings may name, without values",
  usage: "[options]",
  details: "What Reactor keeps for itself is not among them.",
  options: targetOptions,
  args: [0, 0],
  examples: [{ run: "reactor vault list", what: "paths, as in vault:auth/github" }],
  async run(context) {
    const client = await connect(context);
    const answer = await client.json<SecretPaths>(SECRETS);
    context.out.result(answer, answer.paths.join("\n") || "None are set");
    return 0;
  },
};

async function change(context: CommandContext, value: string | null): Promise<number> {
  const client = await connect(context);
  const [path = ""] = context.args;
  const options = { method: "PATCH", json: { [path]: value } };
  const answer = await client.json<SecretPaths>(SECRETS, options);
  context.out.result(answer, value === null ? `Removed ${path}` : `Set vault:${path}`);
  return 0;
}

const set: Command = {
  name: "vault set",
  summary: "Set a secret for settings that say vault:PATH",
  usage: "[options] PATH",
  details:
    "The value is read from standard input; on a terminal it is asked for, without echo. It is never\ntaken from the arguments. Secrets of functions are set with `reactor fn secrets set`.",
  options: targetOptions,
  args: [1, 1],
  examples: [
    { run: "reactor vault set auth/github", what: 'client_secret = "vault:auth/github"' },
    { run: "reactor vault set mail/password < password.txt", what: "from a file" },
  ],
  run: async (context) => change(context, await readValue(context, `value for ${context.args[0]}`)),
};

const unset: Command = {
  name: "vault unset",
  summary: "Remove a secret, and its earlier values",
  usage: "[options] PATH",
  options: targetOptions,
  args: [1, 1],
  examples: [{ run: "reactor vault unset auth/github", what: "settings that name it fail then" }],
  run: (context) => change(context, null),
};

export const command: Command = {
  name: "vault",
  summary: "Work on the secrets at rest: state, new keys, recovery code, secrets of settings",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: status.examples,
  subcommands: [status, rotate, recoveryCode, list, set, unset],
};
