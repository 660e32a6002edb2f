/** `reactor logs`: the server's log, with `-f` as it is written. */
import { type Command, targetOptions } from "./command.ts";
import { logOptions, printLogs } from "./log-options.ts";
import { connect } from "./server-client.ts";

export const command: Command = {
  name: "logs",
  summary: "Show the server's log",
  usage: "[options]",
  options: {
    ...logOptions,
    capability: { value: "NAME", description: "Only lines of this capability" },
    ...targetOptions,
  },
  args: [0, 0],
  examples: [
    { run: "reactor logs -f", what: "follow" },
    { run: "reactor logs --level warn --since 1h", what: "what went wrong in the last hour" },
  ],
  async run(context) {
    const query = { level: context.option("level"), capability: context.option("capability") };
    return printLogs(context, await connect(context), "/_admin/logs", { as: "admin", query });
  },
};
