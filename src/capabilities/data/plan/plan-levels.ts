/** Which level of a query its filters, orders and bounds belong to: by the path before the name. */
import { errors } from "../errors.ts";
import type { Level, Query, SelectEmbed } from "../parse/tree.ts";
import { keyOf } from "./plan-fields.ts";

const NO_LEVEL: Level = { path: [], where: [], order: [], limit: null, offset: null };

export interface ResolvedLevels {
  /** By the keys that lead to them. */
  readonly levels: readonly Level[];
  /** Embedded resources that have an alias and were named by what was asked for, with the alias. */
  readonly legacyNames: ReadonlyMap<string, string>;
}

/** One level may be named in two ways: by the alias, or by what was asked for. */
export function resolveLevels(query: Query): ResolvedLevels {
  const levels = new Map<string, Level>();
  const legacyNames = new Map<string, string>();
  for (const level of query.levels) {
    const path = resolvePath(query, level.path, legacyNames);
    const id = JSON.stringify(path);
    const known = levels.get(id);
    levels.set(id, known ? merge(known, level) : { ...level, path });
  }
  return { levels: [...levels.values()], legacyNames };
}

export function levelAt(levels: readonly Level[], path: readonly string[]): Level {
  return levels.find((level) => samePath(level.path, path)) ?? NO_LEVEL;
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function merge(first: Level, second: Level): Level {
  return {
    path: first.path,
    where: [...first.where, ...second.where],
    order: first.order.length > 0 ? first.order : second.order,
    limit: first.limit ?? second.limit,
    offset: first.offset ?? second.offset,
  };
}

/**
 * The keys of the embedded resources that a path leads through. One that is not embedded is PGRST108.
 */
function resolvePath(
  query: Query,
  path: readonly string[],
  legacyNames: Map<string, string>,
): string[] {
  let items = query.select;
  return path.map((name) => {
    const embeds = items.filter((item): item is SelectEmbed => item.kind === "embed");
    const found = embeds.find((e) => keyOf(e) === name) ?? embeds.find((e) => e.name === name);
    if (!found) throw errors.PGRST108(name);
    items = found.items;
    const key = keyOf(found);
    if (key !== name) legacyNames.set(name, key);
    return key;
  });
}

/** Value of the header `Warning`. Names are encoded as in the query string that they are for. */
export function legacyWarning(legacyNames: ReadonlyMap<string, string>): string {
  const changes = [...legacyNames].map(
    ([name, alias]) => `\`${encodeURIComponent(name)}\` to \`${encodeURIComponent(alias)}\``,
  );
  return `299 reactor "Embedded resource was referenced by relation name even though it has an alias. This is deprecated and will stop working in a future release. Update ${changes.join(", ")} in query string filters, orders or limits."`;
}
