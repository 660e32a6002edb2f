/** `reactor logout`: forgets the credential of a context. */
import { CliError } from "./cli-error.ts";
import type { Command } from "./command.ts";
import { findContext, readContexts, withContext, writeContexts } from "./contexts.ts";

export const command: Command = {
  name: "logout",
  summary: "Forget a saved token",
  usage: "[options]",
  options: { context: { value: "NAME", description: "Context (default: the current one)" } },
  args: [0, 0],
  examples: [{ run: "reactor logout --context prod", what: "the context itself stays" }],
  async run({ host, out, option }) {
    const file = readContexts(host);
    const name = option("context") ?? file.current;
    if (name === null) {
      const hint = "`reactor context list` shows the saved servers";
      throw new CliError("config", "context_not_found", "No context is selected", hint);
    }
    const { admin_token, key, ...rest } = findContext(file, name);
    writeContexts(host, { ...withContext(file, rest), current: file.current });
    const had = admin_token !== undefined || key !== undefined;
    out.result(
      { context: name, logged_out: had },
      had ? `Logged out of ${name}` : "Was not logged in",
    );
    return 0;
  },
};
