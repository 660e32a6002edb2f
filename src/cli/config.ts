/** `reactor config`: every setting with its effective value and where it came from. */
import type { ConfigEntry } from "../core/config/config.ts";
import { findProjectDir } from "../core/config/project-dir.ts";
import { nearestName } from "../core/nearest-name.ts";
import { CliError } from "./cli-error.ts";
import { type Command, type CommandContext, projectOption, targetOptions } from "./command.ts";
import { table } from "./output.ts";
import { connect } from "./server-client.ts";

type Entry = Pick<ConfigEntry, "key" | "value" | "origin"> & { readonly description?: string };

export const command: Command = {
  name: "config",
  summary: "Show every setting, its value and where it came from",
  usage: "[options] [KEY]",
  details:
    "Reads reactor.toml and the environment of this shell; with --server asks the running server\nwhat it uses. KEY is a section or a setting. Secrets are masked.",
  options: {
    ...projectOption,
    changed: { description: "Only settings that differ from their default" },
    server: { description: "Ask the running server" },
    ...targetOptions,
  },
  args: [0, 1],
  examples: [
    { run: "reactor config", what: "all settings" },
    { run: "reactor config --changed", what: "what is set here" },
    { run: "reactor config server.port", what: "one setting" },
  ],
  async run(context) {
    const { file, all } = context.has("server")
      ? await ofServer(context)
      : await ofProject(context);
    const entries = chosen(all, context.args[0], context.has("changed"));
    const rows = entries.map(({ key, value, origin }) => [key, JSON.stringify(value), origin]);
    const none = "Every setting has its default";
    context.out.result({ file, values: entries }, () => (rows.length === 0 ? none : table(rows)));
    return 0;
  },
};

async function ofProject(context: CommandContext) {
  const { host } = context;
  const config = await host.loadConfig(findProjectDir(context.option("project"), host.cwd), {});
  return { file: config.file, all: config.explain() as readonly Entry[] };
}

async function ofServer(context: CommandContext) {
  const client = await connect(context);
  const { values } = await client.json<{ values: Entry[] }>("/_admin/config");
  return { file: null, all: values };
}

function chosen(all: readonly Entry[], key: string | undefined, changed: boolean): Entry[] {
  const found = all.filter(
    (entry) => key === undefined || entry.key === key || entry.key.startsWith(`${key}.`),
  );
  if (key !== undefined && found.length === 0) {
    const nearest = nearestName(
      key,
      all.map((entry) => entry.key),
    );
    const hint = nearest === null ? null : `Did you mean ${nearest}?`;
    throw new CliError("user", "setting_not_found", `There is no setting '${key}'`, hint);
  }
  return found.filter((entry) => !changed || entry.origin !== "default");
}
