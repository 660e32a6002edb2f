/** `reactor auth filter`: makes the filter of breached passwords from a list of them. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type BreachFilterBuilder, buildBreachFilter } from "../core/breach-filter.ts";
import { CliError } from "./cli-error.ts";
import type { Command, CommandContext } from "./command.ts";

const HASH = /^([0-9A-Fa-f]{40})(?::(\d{1,12}))?$/;
const CHANCE = /^0?\.\d{1,9}$/;
const USUAL_CHANCE = "0.001";

export const filter: Command = {
  name: "auth filter",
  summary: "Make a filter of breached passwords from a list",
  usage: "[options] LIST FILE",
  details:
    'LIST has one password a line, as SHA-1 in hex with or without `:COUNT` (the form of Pwned\nPasswords), or as it is. Set [auth.breached_passwords] mode = "file" and file = FILE: new passwords\nthat are in the list are then refused, without any network.',
  options: {
    chance: {
      value: "0.001",
      description: "How often a password that is not in the list is refused all the same",
    },
    "min-count": { value: "N", description: "Leave out hashes that were seen less often" },
  },
  args: [2, 2],
  examples: [
    { run: "reactor auth filter pwned.txt breached.filter --min-count 10", what: "1.8 bytes each" },
  ],
  async run(context) {
    const [list = "", file = ""] = context.args.map((path) => resolve(context.host.cwd, path));
    const chance = readChance(context);
    const minCount = readCount(context);
    if (!existsSync(list)) throw new CliError("user", "list_missing", `There is no file ${list}`);
    // Twice through the list: the size of a filter is decided before anything is put into it.
    let entries = 0;
    await eachEntry(list, minCount, () => {
      entries += 1;
    });
    if (entries === 0)
      throw new CliError("user", "list_empty", `${list} has no password to put in`);
    const builder: BreachFilterBuilder = buildBreachFilter(entries, chance);
    await eachEntry(list, minCount, (digest) => builder.add(digest));
    const bytes = builder.finish();
    await Bun.write(file, bytes);
    const result = { file, entries, bytes: bytes.length };
    context.out.result(result, `Wrote ${file}: ${entries} passwords, ${bytes.length} bytes`);
    return 0;
  },
};

function readChance(context: CommandContext): number {
  const text = context.option("chance") ?? USUAL_CHANCE;
  if (CHANCE.test(text) && Number(text) > 0) return Number(text);
  throw new CliError("user", "bad_option", "--chance is a number between 0 and 1, as in 0.001");
}

function readCount(context: CommandContext): number {
  const text = context.option("min-count") ?? "0";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CliError("user", "bad_option", "--min-count is a whole number");
}

/** The SHA-1 of each line, in order. */
async function eachEntry(
  path: string,
  minCount: number,
  take: (digest: Uint8Array) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  const line = (text: string) => {
    const digest = digestOf(text.endsWith("\r") ? text.slice(0, -1) : text, minCount);
    if (digest) take(digest);
  };
  for await (const chunk of Bun.file(path).stream()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(line);
  }
  line(rest + decoder.decode());
}

function digestOf(line: string, minCount: number): Uint8Array | null {
  if (line === "") return null;
  const [, hash, count] = HASH.exec(line) ?? [];
  if (hash === undefined) return new Bun.CryptoHasher("sha1").update(line).digest();
  const isRare = count !== undefined && Number(count) < minCount;
  return isRare ? null : Buffer.from(hash, "hex");
}
