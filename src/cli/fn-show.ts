/** `reactor fn show`, `invocations` and `delete`: one function, what it did, its end. */
import { CliError } from "./cli-error.ts";
import { type Command, type CommandContext, targetOptions } from "./command.ts";
import { adminPath, cell, type Row, shareText, shortVersion } from "./fn-client.ts";
import { sizeText, table } from "./output.ts";
import { connectWithKey } from "./server-client.ts";

const nameOf = (context: CommandContext) => context.args[0] ?? "";

export const show: Command = {
  name: "fn show",
  summary: "Show a function: versions, limits, environment, what it imports",
  usage: "[options] NAME",
  options: targetOptions,
  args: [1, 1],
  examples: [{ run: "reactor fn show hello", what: "all that is known of it but its secrets" }],
  async run(context) {
    const client = await connectWithKey(context);
    const found = await client.json<Row>(adminPath(nameOf(context)), { as: "key" });
    const page = await client.json<{ versions: Row[] }>(adminPath(nameOf(context), "versions"), {
      as: "key",
    });
    context.out.result({ ...found, versions: page.versions }, () => text(found, page.versions));
    return 0;
  },
};

function text(found: Row, versions: readonly Row[]): string {
  const list = (key: string) => (found[key] as string[] | undefined)?.join(", ") || "none";
  const limits = Object.entries((found["limits"] ?? {}) as Row).map(
    ([key, value]) => `${key} ${value === null ? "unbounded" : String(value)}`,
  );
  const facts = [
    ["description", cell(found, "description")],
    ["runtime", cell(found, "runtime")],
    ["share", shareText(found)],
    ["environment", list("env_names")],
    ["secrets", list("secret_names")],
    ["imports", list("imports")],
    ["hosts", `${list("hosts")} (guessed from its code)`],
    ["limits", limits.join(", ")],
    ...((found["warnings"] as string[] | undefined) ?? []).map((line) => ["warning", line]),
  ].filter(([, value]) => value !== "");
  const rows = versions.map((row) => [
    row["active"] === true ? "*" : " ",
    shortVersion(row),
    `${cell(row, "percent")} %`,
    sizeText(Number(row["size_bytes"] ?? 0)),
    cell(row, "created_at"),
  ]);
  return `${cell(found, "name")}\n\n${table(facts)}\n\n${table(rows)}`;
}

export const invocations: Command = {
  name: "fn invocations",
  summary: "List the last calls of a function, newest first",
  usage: "[options] NAME",
  options: {
    limit: { value: "N", description: "At most so many, up to 1000 (default: 50)" },
    before: { value: "ID", description: "`next` of the page before" },
    failed: { description: "Only calls that failed" },
    version: { value: "VERSION", description: "Only calls of this version" },
    ...targetOptions,
  },
  args: [1, 1],
  examples: [{ run: "reactor fn invocations hello --failed", what: "what went wrong" }],
  async run(context) {
    const client = await connectWithKey(context);
    const query = {
      limit: context.option("limit") ?? "50",
      before: context.option("before"),
      version: context.option("version"),
      failed: context.has("failed") ? "1" : undefined,
    };
    const path = adminPath(nameOf(context), "invocations");
    const page = await client.json<{ invocations: Row[] }>(path, { as: "key", query });
    const rows = page.invocations.map((row) => [
      cell(row, "time"),
      cell(row, "method"),
      cell(row, "status"),
      `${cell(row, "duration_ms")} ms`,
      row["cold"] === true ? "cold" : "",
      shortVersion(row),
      cell(row, "error_code"),
      cell(row, "request_id"),
    ]);
    context.out.result(page, () => (rows.length === 0 ? "No calls are recorded" : table(rows)));
    return 0;
  },
};

export const remove: Command = {
  name: "fn delete",
  summary: "Delete a function with its versions, log, environment and secrets",
  usage: "[options] NAME",
  options: { yes: { short: "y", description: "Do not ask" }, ...targetOptions },
  args: [1, 1],
  examples: [{ run: "reactor fn delete hello --yes", what: "without being asked" }],
  async run(context) {
    const name = nameOf(context);
    const { stdin } = context.host.terminal;
    if (!context.has("yes")) {
      if (!stdin.isTerminal) {
        const hint = "Give --yes";
        throw new CliError("user", "not_confirmed", `'${name}' would be deleted for good`, hint);
      }
      if ((await stdin.ask(`Type ${name} to delete it for good: `)).trim() !== name) {
        throw new CliError("user", "not_confirmed", "Nothing was deleted");
      }
    }
    const client = await connectWithKey(context);
    await client.json(adminPath(name), { method: "DELETE", as: "key" });
    context.out.result({ name, deleted: true }, `${name} is deleted`);
    return 0;
  },
};
