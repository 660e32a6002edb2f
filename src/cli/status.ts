/** `reactor status`: addresses, keys and parts of the running server. */
import type { ServerStatus } from "../core/server-status.ts";
import { type Command, targetOptions } from "./command.ts";
import { table } from "./output.ts";
import { connect } from "./server-client.ts";

export const command: Command = {
  name: "status",
  summary: "Show the running server: addresses, keys, parts",
  usage: "[options]",
  details:
    "With --output json prints one object: url, pid, publishable_key, secret_key, admin_token,\njwks_url, database_url, version, capabilities.",
  options: targetOptions,
  args: [0, 0],
  examples: [
    { run: "reactor status", what: "the server of this folder" },
    { run: "reactor status --output json | jq -r .secret_key", what: "one value for a script" },
  ],
  async run(context) {
    const client = await connect(context);
    const status = await client.json<ServerStatus>("/_admin/status");
    const { url, pid, publishable_key, secret_key, jwks_url, database_url, version } = status;
    const { capabilities } = status;
    const admin_token = client.target.adminToken;
    const keys = { url, pid, publishable_key, secret_key, admin_token, jwks_url, database_url };
    // Scripts rely on this very object, so it has no envelope.
    if (context.out.mode === "json") {
      context.out.raw(`${JSON.stringify({ ...keys, version, capabilities })}\n`);
      return 0;
    }
    const rows = Object.entries({ ...keys, version, data_dir: status.data_dir });
    const parts = Object.entries(capabilities).map(([name, part]) => `${name} ${part.status}`);
    const lines = rows.map(([name, value]) => [name, String(value)]);
    context.out.result(status, table([...lines, ["capabilities", parts.join(", ")]]));
    return 0;
  },
};
