/** `reactor auth`: identity from the command line. */

import { filter } from "./auth-filter.ts";
import { keys } from "./auth-keys.ts";
import type { Command } from "./command.ts";

export const command: Command = {
  name: "auth",
  summary: "Work on identity: signing keys, the filter of breached passwords",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: [{ run: "reactor auth keys list", what: "which keys sign and verify" }],
  subcommands: [keys, filter],
};
