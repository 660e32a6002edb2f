/**
 * Builds the effective configuration: flag > `REACTOR_SECTION__KEY` > reactor.toml > default. Pure
 * but for reading the one file; called by boot, by `reactor config` and by commands that need the
 * project's lists. Reports every fault at once, as a `ConfigError`.
 */
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { TObject } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { nearestName } from "../nearest-name.ts";
import type { Config, ListItem } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { createDraft, type Draft, offer } from "./draft.ts";
import type { Env } from "./env.ts";
import { applyEnv } from "./env-source.ts";
import { applyFile, readList } from "./file-source.ts";
import { maskValue } from "./mask.ts";
import { readToml, type TomlFile } from "./read-toml.ts";
import { asTable, type Field, fieldsOf } from "./schema-fields.ts";

export interface ConfigSources {
  /** Section name -> schema with defaults and descriptions. */
  readonly sections: Readonly<Record<string, TObject>>;
  /** Names of the project's lists: `functions`, `jobs`, `sites`. */
  readonly lists: readonly string[];
  /** Keys allowed in a list's tables; a list without a schema takes any key. */
  readonly listSchemas?: Readonly<Record<string, TObject>>;
  /** Path of reactor.toml; null or absent when there is none. A given path must be readable. */
  readonly file?: string | null;
  readonly env: Env;
  /** `server.port` -> value; undefined values are not given. Text is typed by the schema. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** @throws ConfigError with all faults */
export function loadConfig(sources: ConfigSources): Config {
  const fields = Object.entries(sources.sections).flatMap(([name, schema]) =>
    fieldsOf(name, schema),
  );
  const draft = createDraft(fields, sources.env);
  const path = sources.file == null ? null : resolve(sources.file);
  const file = path === null ? null : readFile(path);
  const shape = { ...sources, listSchemas: sources.listSchemas ?? {} };
  const lists: Record<string, ListItem[]> = Object.fromEntries(sources.lists.map((n) => [n, []]));
  if (file) Object.assign(lists, applyFile(draft, file, shape));
  applyEnv(draft, sources.sections);
  applyFlags(draft, sources.flags ?? {});
  const sections = Object.fromEntries(
    Object.entries(sources.sections).map(([name, schema]) => [name, build(draft, [name], schema)]),
  );
  if (draft.faults.length === 0) checkWhole(draft, sources.sections, sections);
  if (draft.faults.length > 0) throw new ConfigError(draft.faults);
  return createConfig(draft, sections, lists, path);
}

/**
 * One of the project's lists and nothing else: what the settings and the other lists ask of the
 * environment need not be there.
 * @throws ConfigError with all faults of the list, and for a file that cannot be read
 */
export function loadList(
  { file, env, listSchemas = {} }: Pick<ConfigSources, "file" | "env" | "listSchemas">,
  name: string,
): readonly ListItem[] {
  if (file == null) return [];
  const toml = readFile(resolve(file));
  const draft = createDraft([], env);
  const list = readList(draft, toml, name, toml.values[name] ?? [], { listSchemas });
  if (draft.faults.length > 0) throw new ConfigError(draft.faults);
  freeze(list);
  return list;
}

function readFile(path: string): TomlFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? "unreadable";
    throw new ConfigError(
      [{ where: path, key: null, message: `the file cannot be read (${reason})` }],
      error,
    );
  }
  return readToml(text, basename(path));
}

function applyFlags(draft: Draft, flags: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const field = draft.fields.get(key);
    const where = `--${(key.split(".").at(-1) ?? key).replaceAll("_", "-")}`;
    if (field) {
      offer(draft, field, value, { where, origin: "flag" });
      continue;
    }
    const nearest = nearestName(key, draft.fields.keys());
    draft.faults.push({
      where,
      key,
      message: "no such setting",
      ...(nearest === null ? {} : { hint: `did you mean ${nearest}?` }),
    });
  }
}

/** The value of one table; undefined for an optional table nothing was said of. */
function build(draft: Draft, path: readonly string[], schema: TObject): Record<string, unknown> {
  const table: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(schema.properties)) {
    const here = [...path, name];
    const nested = asTable(child);
    if (nested) {
      const value = build(draft, here, nested);
      if (Object.keys(value).length > 0 || schema.required?.includes(name)) table[name] = value;
      continue;
    }
    const field = draft.fields.get(here.join("."));
    const value = field ? effective(draft, field) : undefined;
    if (value !== undefined) table[name] = value;
  }
  return table;
}

function effective(draft: Draft, field: Field): unknown {
  const given = draft.values.get(field.key);
  if (given) return given.value;
  const isReported = draft.faults.some((fault) => fault.key === field.key);
  if (field.required && !isReported) {
    draft.faults.push({
      where: "configuration",
      key: field.key,
      message: "this setting is required",
    });
  }
  return field.fallback === undefined ? undefined : structuredClone(field.fallback);
}

/** A net for what no single setting shows: defaults that do not fit, rules of a whole table. */
function checkWhole(
  draft: Draft,
  schemas: Readonly<Record<string, TObject>>,
  sections: Readonly<Record<string, unknown>>,
): void {
  for (const [name, schema] of Object.entries(schemas)) {
    for (const error of Value.Errors(schema, sections[name])) {
      const key = name + error.path.replaceAll("/", ".");
      const given = draft.values.get(key);
      if (given && draft.fields.get(key)?.secret) continue;
      draft.faults.push({ where: given?.origin ?? "default", key, message: error.message });
    }
  }
}

function createConfig(
  draft: Draft,
  sections: Readonly<Record<string, Record<string, unknown>>>,
  lists: Readonly<Record<string, readonly ListItem[]>>,
  file: string | null,
): Config {
  freeze(sections);
  freeze(lists);
  const originOf = (field: Field) => draft.values.get(field.key)?.origin ?? "default";
  return {
    file,
    lists,
    section<T>(name: string): T {
      const section = sections[name];
      if (!section) throw new Error(`no section ${name} was declared`);
      return section as T;
    },
    origin(key) {
      const field = draft.fields.get(key);
      if (!field) throw new Error(`no setting ${key} was declared`);
      return originOf(field);
    },
    explain: () =>
      [...draft.fields.values()].map((field) => ({
        key: field.key,
        value: maskValue(draft.values.get(field.key)?.value ?? field.fallback, field.secret),
        origin: originOf(field),
        description: field.description,
      })),
  };
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const child of Object.values(value)) freeze(child);
}
