/** `reactor whoami`: which server commands would talk to, as whom, and whether it agrees. */
import { type Command, targetOptions } from "./command.ts";
import { emailOf } from "./login.ts";
import { table } from "./output.ts";
import { connect, refusal } from "./server-client.ts";

export const command: Command = {
  name: "whoami",
  summary: "Show which server commands talk to, and as whom",
  usage: "[options]",
  details: "Exit code 3 when the server does not accept the credential.",
  options: targetOptions,
  args: [0, 0],
  examples: [{ run: "reactor whoami --context prod", what: "verified against the server" }],
  async run(context) {
    const client = await connect(context);
    const { url, from, key, adminToken, loginOf } = client.target;
    if (key === null && adminToken === null && loginOf !== undefined) {
      const data = { url, from, credential: "person", email: await emailOf(client) };
      context.out.result(data, table(Object.entries(data).map(([k, v]) => [k, v ?? ""])));
      return 0;
    }
    const isKey = key !== null;
    const path = isKey ? "/fn/v1/_admin" : "/_admin/version";
    const response = await client.send(path, { as: isKey ? "key" : "admin" });
    if (!response.ok) throw await refusal(response);
    await response.body?.cancel();
    const data = { url, from, credential: isKey ? "secret key" : "admin token" };
    context.out.result(data, table(Object.entries(data)));
    return 0;
  },
};
