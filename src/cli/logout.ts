/** `reactor logout`: forgets the credential of a context. */
import { CliError } from "./cli-error.ts";
import type { Command, CommandContext } from "./command.ts";
import {
  findContext,
  readContexts,
  type SavedLogin,
  withContext,
  writeContexts,
} from "./contexts.ts";
import { endLogin } from "./person.ts";
import { connect, formSender } from "./server-client.ts";

export const command: Command = {
  name: "logout",
  summary: "Forget a saved token, and end a person's login",
  usage: "[options]",
  options: { context: { value: "NAME", description: "Context (default: the current one)" } },
  args: [0, 0],
  examples: [{ run: "reactor logout --context prod", what: "the context itself stays" }],
  async run(context) {
    const { host, out, option } = context;
    const file = readContexts(host);
    const name = option("context") ?? file.current;
    if (name === null) {
      const hint = "`reactor context list` shows the saved servers";
      throw new CliError("config", "context_not_found", "No context is selected", hint);
    }
    const { admin_token, key, login, ...rest } = findContext(file, name);
    // Before it is forgotten: a server that cannot be reached leaves it to be ended later.
    if (login !== undefined) await endAtServer(context, name, login);
    writeContexts(host, { ...withContext(file, rest), current: file.current });
    const had = admin_token !== undefined || key !== undefined || login !== undefined;
    out.result(
      { context: name, logged_out: had },
      had ? `Logged out of ${name}` : "Was not logged in",
    );
    return 0;
  },
};

/** @throws CliError for a server that cannot be reached, or that refuses */
async function endAtServer(
  context: CommandContext,
  name: string,
  login: SavedLogin,
): Promise<void> {
  const option = (wanted: string) => (wanted === "context" ? name : context.option(wanted));
  await endLogin(login, formSender(await connect({ ...context, option })));
}
