/**
 * Writes docs/configuration.md from the section schemas, so that the page cannot differ from what the
 * server accepts: `bun scripts/make-config-docs.ts`. A test compares the two.
 */
import { join } from "node:path";
import type { TObject, TSchema } from "@sinclair/typebox";
import { envNameOf } from "../src/core/config/env-source.ts";
import { mergeSections } from "../src/core/config/merge-sections.ts";
import { asTable, expectation } from "../src/core/config/schema-fields.ts";
import { coreSections } from "../src/core/config/sections.ts";
import { capabilities } from "../src/server/list.ts";

const PAGE = join(import.meta.dir, "../docs/configuration.md");

const INTRO = `# Configuration

Made from the schemas by \`bun scripts/make-config-docs.ts\`; do not edit.

Everything has a default, so Reactor runs without any file. Settings come from four places; the first
that has a value wins:

1. a flag of the command (\`--port 8000\`),
2. an environment variable: \`REACTOR_\`, the section, two underscores, the key, in capitals
   (\`REACTOR_SERVER__PORT=8000\`; nested tables: \`REACTOR_SERVER__CORS__MAX_AGE_S\`),
3. \`reactor.toml\` in the project's folder,
4. the default.

\`reactor config\` prints every setting with its value and where it came from.

- **Types.** Environment text is read as the setting's type: numbers, \`true\` or \`false\`, lists as JSON
  or with commas (\`a,b\`), tables as JSON.
- **References.** A value \`env:NAME\` is replaced by that environment variable; one that is not set is a
  fault. Where its description says so, a secret may be \`vault:path\`, a path in
  the [vault](vault.md#secrets-of-settings).
- **Faults** are reported all at once, each with its line, variable or flag, and what was expected; a
  misspelt name with the nearest known one. The exit code is 2. Secrets are never shown.
- **Lists.** \`[[functions]]\` (and later \`[[jobs]]\` and \`[[sites]]\`) describe a project's parts, so the
  settings of those capabilities have sections of other names: \`[runtime]\` for functions.
  \`[[policies]]\` say who may do what is not a row: [policies.md](policies.md).
`;

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function defaultText(schema: TSchema): string {
  if (schema["default"] === undefined) return "";
  return `\`${cell(JSON.stringify(schema["default"]))}\``;
}

function rowText(path: readonly string[], name: string, schema: TSchema): string {
  const key = [...path, name].join(".");
  const form = schema["secret"] === true ? "a secret" : expectation(schema);
  const told = (schema.description ?? "").replace(/[^.]$/, "$&.");
  const about = `${told} Expects ${form}. \`${envNameOf(key)}\``;
  return `| \`${name}\` | ${defaultText(schema)} | ${cell(about.trim())} |`;
}

function tableText(path: readonly string[], schema: TObject): string {
  const entries = Object.entries(schema.properties);
  const rows = entries
    .filter(([, child]) => !asTable(child))
    .map(([name, child]) => rowText(path, name, child));
  const head =
    `${"#".repeat(path.length + 1)} \`[${path.join(".")}]\`\n\n${schema.description ?? ""}`.trim();
  const table =
    rows.length === 0 ? [] : [`| Key | Default | About |\n| --- | --- | --- |\n${rows.join("\n")}`];
  const nested = entries.flatMap(([name, child]) => {
    const inner = asTable(child);
    return inner ? [tableText([...path, name], inner)] : [];
  });
  return [head, ...table, ...nested].join("\n\n");
}

/** The whole page. */
export function configPage(): string {
  const own = Object.fromEntries(capabilities.map(({ section, config }) => [section, config]));
  const sections = Object.entries(mergeSections(coreSections, own));
  return `${[INTRO.trimEnd(), ...sections.map(([name, schema]) => tableText([name], schema))].join("\n\n")}\n`;
}

if (import.meta.main) await Bun.write(PAGE, configPage());
