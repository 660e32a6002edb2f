/** `reactor types`: the database's schema as types for the code of a client. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CliError } from "./cli-error.ts";
import { type Command, targetOptions } from "./command.ts";
import { connectWithKey, refusal } from "./server-client.ts";

export const command: Command = {
  name: "types",
  summary: "Write the schema as TypeScript types",
  usage: "[options]",
  details:
    "The file has the shape of `supabase gen types typescript`: give its `Database` to\n`createClient<Database>` of @supabase/supabase-js. Prints to standard output without --file.",
  options: {
    lang: {
      value: "LANGUAGE",
      description: "Language (default: typescript)",
      choices: ["typescript"],
    },
    schemas: { value: "A,B", description: "Schemas (default: those that are served)" },
    file: { value: "FILE", short: "f", description: "Write to a file" },
    ...targetOptions,
  },
  args: [0, 0],
  isText: true,
  examples: [
    { run: "reactor types > src/database.types.ts", what: "the schemas that are served" },
    { run: "reactor types --schemas public,crew -f src/database.types.ts", what: "chosen ones" },
  ],
  async run(context) {
    const client = await connectWithKey(context);
    const query = {
      lang: context.option("lang") ?? "typescript",
      schemas: context.option("schemas"),
    };
    const { key, loginOf } = client.target;
    // A server without keys (`data.db_uri`) may know whoever works on its machine.
    const as = key === null && loginOf === undefined ? "nobody" : "key";
    const answer = await client.send("/data/v1/_types", { query, as });
    if (answer.status >= 400) throw await refusal(answer);
    const text = await answer.text();
    const file = context.option("file");
    if (file === undefined) {
      context.out.raw(context.out.mode === "json" ? envelope(text) : text);
      return 0;
    }
    const path = resolve(context.host.cwd, file);
    writeText(path, text);
    context.out.result({ file: path, bytes: Buffer.byteLength(text) }, `Wrote ${path}`);
    return 0;
  },
};

function envelope(types: string): string {
  return `${JSON.stringify({ ok: true, data: { types } })}\n`;
}

function writeText(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unwritable";
    throw new CliError("user", "file_unwritable", `${path} cannot be written (${reason})`);
  }
}
