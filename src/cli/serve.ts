/** `reactor serve`: the server, in the foreground. */
import type { Command } from "./command.ts";
import { readServeOptions, serveOptions } from "./serve-options.ts";

export const command: Command = {
  name: "serve",
  summary: "Run the server",
  usage: "[options]",
  details:
    "Prints one line `ready` with the URL when it listens. The first Ctrl-C (or SIGTERM) lets\nrequests in flight end; the second stops at once.",
  options: serveOptions,
  args: [0, 0],
  isText: true,
  examples: [
    { run: "reactor serve", what: "all capabilities, on the embedded PostgreSQL" },
    { run: "reactor serve --only auth,data --port 8000", what: "a part of it" },
    { run: "REACTOR_DATABASE__URL=postgres://… reactor serve", what: "on another PostgreSQL" },
  ],
  run: (context) => context.host.serve(readServeOptions(context)),
};
