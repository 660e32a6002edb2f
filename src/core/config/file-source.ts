/** Offers the settings of a parsed reactor.toml to the draft and reads the project's lists. */
import type { TObject } from "@sinclair/typebox";
import { nearestName } from "../nearest-name.ts";
import { resolveEnv } from "./coerce.ts";
import type { ListItem } from "./config.ts";
import { type Draft, offer, shown } from "./draft.ts";
import type { TomlFile } from "./read-toml.ts";
import { asTable, refusedBy } from "./schema-fields.ts";

type Table = Readonly<Record<string, unknown>>;

export interface FileShape {
  readonly sections: Readonly<Record<string, TObject>>;
  readonly lists: readonly string[];
  /** Keys a list's tables may have; a list without a schema takes any. */
  readonly listSchemas: Readonly<Record<string, TObject>>;
}

function isTable(value: unknown): value is Table {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function where(file: TomlFile, path: readonly (string | number)[]): string {
  const line = file.lineOf(path);
  return line === null ? file.label : `${file.label}:${line}`;
}

/** Offers every section's keys; the lists' tables are returned by name. */
export function applyFile(draft: Draft, file: TomlFile, shape: FileShape) {
  const lists: Record<string, ListItem[]> = {};
  for (const [name, value] of Object.entries(file.values)) {
    const schema = Object.hasOwn(shape.sections, name) ? shape.sections[name] : undefined;
    if (schema) applyTable(draft, file, [name], schema, value);
    else if (shape.lists.includes(name)) lists[name] = readList(draft, file, name, value, shape);
    else reportUnknownTop(draft, file, name, shape);
  }
  return lists;
}

function reportUnknownTop(draft: Draft, file: TomlFile, name: string, shape: FileShape): void {
  const isSetting = !isTable(file.values[name]) && !Array.isArray(file.values[name]);
  const nearest = nearestName(name, [...Object.keys(shape.sections), ...shape.lists]);
  draft.faults.push({
    where: where(file, [name]),
    key: name,
    message: isSetting ? "no such setting outside a section" : "no such section",
    ...(nearest === null ? {} : { hint: `did you mean ${nearest}?` }),
  });
}

function applyTable(
  draft: Draft,
  file: TomlFile,
  path: readonly string[],
  schema: TObject,
  value: unknown,
): void {
  if (!isTable(value)) {
    const message = `expected a table [${path.join(".")}], got ${valueKind(value)}`;
    draft.faults.push({ where: where(file, path), key: path.join("."), message });
    return;
  }
  for (const [name, raw] of Object.entries(value)) {
    const here = [...path, name];
    const child = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    const table = child ? asTable(child) : null;
    const field = draft.fields.get(here.join("."));
    const at = where(file, here);
    if (table) applyTable(draft, file, here, table, raw);
    else if (child && field) offer(draft, field, raw, { where: at, origin: at });
    else reportUnknownKey(draft, at, here, schema);
  }
}

function valueKind(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "string" ? "a string" : shown(value);
}

function reportUnknownKey(
  draft: Draft,
  at: string,
  path: readonly (string | number)[],
  schema: TObject,
): void {
  const name = String(path.at(-1));
  const refused = refusedBy(schema);
  const reason = Object.hasOwn(refused, name) ? refused[name] : undefined;
  const nearest = nearestName(name, Object.keys(schema.properties));
  const hint = reason ?? (nearest === null ? undefined : `did you mean ${nearest}?`);
  draft.faults.push({
    where: at,
    key: path.join("."),
    message: reason === undefined ? "no such setting" : "not a setting of Reactor",
    ...(hint === undefined ? {} : { hint }),
  });
}

export function readList(
  draft: Draft,
  file: TomlFile,
  name: string,
  value: unknown,
  shape: Pick<FileShape, "listSchemas">,
): ListItem[] {
  if (!Array.isArray(value) || !value.every(isTable)) {
    const message = `expected a list of tables, written [[${name}]]`;
    draft.faults.push({ where: where(file, [name]), key: name, message });
    return [];
  }
  const schema = shape.listSchemas[name];
  return value.map((item, index) => {
    for (const key of schema ? Object.keys(item) : []) {
      if (!schema || Object.hasOwn(schema.properties, key)) continue;
      const path = [name, index, key];
      reportUnknownKey(draft, where(file, path), path, schema);
    }
    const { value: resolved, missing } = resolveEnv(item, draft.env, null);
    for (const variable of missing) {
      const message = `the environment variable ${variable} is not set`;
      const own = item["name"];
      const key = typeof own === "string" ? `${name} '${own}'` : `${name}.${index}`;
      draft.faults.push({ where: where(file, [name, index]), key, message });
    }
    return resolved as ListItem;
  });
}
