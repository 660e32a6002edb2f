/** `reactor auth keys`: the signing keys of access tokens, listed, rotated and removed. */
import { type Command, type CommandContext, targetOptions } from "./command.ts";
import { cell, type Row } from "./fn-client.ts";
import { table } from "./output.ts";
import { connectWithKey } from "./server-client.ts";

const PATH = "/auth/v1/admin/keys";

interface Keys {
  readonly keys: readonly Row[];
}

/** The last column says what time will do to the key. */
function keyTable({ keys }: Keys): string {
  return table(
    keys.map((key) => [cell(key, "kid"), cell(key, "alg"), cell(key, "state"), fate(key)]),
  );
}

function fate(key: Row): string {
  if (key["ends_at"] != null) return `verifies until ${cell(key, "ends_at")}`;
  if (key["ready_at"] != null) return `may sign from ${cell(key, "ready_at")}`;
  if (key["state"] === "next") return "may sign at once";
  return key["activated_at"] == null ? "signs" : `signs since ${cell(key, "activated_at")}`;
}

async function change(
  context: CommandContext,
  path: string,
  options: { readonly method: string; readonly json?: unknown },
  done: string,
): Promise<number> {
  const client = await connectWithKey(context);
  const answer = await client.json<Keys>(path, { ...options, as: "key" });
  context.out.result(answer, () => `${done}\n${keyTable(answer)}`);
  return 0;
}

const list: Command = {
  name: "auth keys list",
  summary: "List the signing keys, without anything secret",
  usage: "[options]",
  options: targetOptions,
  args: [0, 0],
  examples: [{ run: "reactor auth keys list", what: "active, next, previous" }],
  async run(context) {
    const client = await connectWithKey(context);
    const answer = await client.json<Keys>(PATH, { as: "key" });
    context.out.result(answer, () => keyTable(answer));
    return 0;
  },
};

const rotate: Command = {
  name: "auth keys rotate",
  summary: "Sign with the next key from now on; tokens that are out stay good",
  usage: "[options]",
  details:
    "The next key has stood in the JWKS since it was made, so whoever verifies tokens knows it. When\nthat is too short a time ago the server refuses, unless forced: those who keep a copy of the JWKS\nthen refuse new tokens until they fetch it again.\n\nAfter a theft: rotate --force, then remove the key that was stolen.",
  options: {
    force: { description: "Also when the next key was announced only a moment ago" },
    ...targetOptions,
  },
  args: [0, 0],
  examples: [{ run: "reactor auth keys rotate", what: "also done by itself every 90 days" }],
  run: (context) =>
    change(
      context,
      `${PATH}/rotate`,
      { method: "POST", json: { force: context.has("force") } },
      "The next key signs from now on",
    ),
};

const remove: Command = {
  name: "auth keys remove",
  summary: "Refuse the tokens of a previous key at once",
  usage: "[options] KID",
  options: targetOptions,
  args: [1, 1],
  examples: [{ run: "reactor auth keys remove kPrK_qmx...", what: "its people sign in again" }],
  run: (context) =>
    change(
      context,
      `${PATH}/${encodeURIComponent(context.args[0] ?? "")}`,
      { method: "DELETE" },
      "Removed",
    ),
};

export const keys: Command = {
  name: "auth keys",
  summary: "The signing keys of access tokens: list, rotate, remove",
  usage: "COMMAND",
  options: {},
  args: [0, 0],
  examples: list.examples,
  subcommands: [list, rotate, remove],
};
