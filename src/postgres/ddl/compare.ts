/**
 * The statements that turn one database's schema into another's. What cannot be changed in place is
 * dropped and made again, with everything that is defined by means of it; tables are never made again.
 */
import { compareComments, compareDefaultRights, compareGrants } from "./compare-extras.ts";
import type { DatabaseModel, DdlObject, Kind } from "./ddl-object.ts";
import { inOrder } from "./order.ts";

export interface Comparison {
  /** In the order in which they can be run, in one transaction. */
  readonly statements: readonly string[];
  /** What is to be done by hand. */
  readonly warnings: readonly string[];
}

/** What changes: the keys of each side's objects that are gone, made anew, or changed in place. */
interface Plan {
  readonly drops: ReadonlySet<string>;
  readonly creates: ReadonlySet<string>;
  readonly changes: ReadonlyMap<string, readonly string[]>;
  readonly warnings: readonly string[];
}

export function compareDatabases(from: DatabaseModel, to: DatabaseModel): Comparison {
  const plan = planChanges(from, to);
  const made = plan.creates;
  return {
    statements: [
      ...dropStatements(from, plan),
      ...createStatements(to, plan),
      ...compareComments(from, to, made),
      ...compareGrants(from, to, made),
      ...compareDefaultRights(from, to),
    ],
    warnings: plan.warnings,
  };
}

/** Data is in it, or what holds data is made of it. */
const KEPT: ReadonlySet<Kind> = new Set([
  "schema",
  "extension",
  "type",
  "sequence",
  "table",
  "column",
]);

/** What PostgreSQL changes by itself along with a column's type. */
const FOLLOWS_COLUMN: ReadonlySet<Kind> = new Set([
  "index",
  "constraint",
  "foreign key",
  "statistics",
]);

function planChanges(from: DatabaseModel, to: DatabaseModel): Plan {
  const drops = new Set([...from.objects.keys()].filter((key) => !to.objects.has(key)));
  const creates = new Set([...to.objects.keys()].filter((key) => !from.objects.has(key)));
  const changes = new Map<string, readonly string[]>();
  const warnings: string[] = [];
  const again: string[] = [];
  for (const [key, object] of to.objects) {
    const old = from.objects.get(key);
    if (!old || old.definition === object.definition) continue;
    const change = object.alter(old);
    if (change) changes.set(key, change.statements);
    else again.push(key);
    if (change?.rebuilds) again.push(...rebuiltWith(from, object));
  }
  for (const key of standingOnMoved(from, to)) creates.delete(key);
  again.push(...[...drops].flatMap((key) => dependentsOf(from, key)));
  for (const key of closure(from, again)) {
    const object = to.objects.get(key);
    if (!object || drops.has(key)) continue;
    if (KEPT.has(object.kind) && !isGenerated(object)) {
      if (again.includes(key)) warnings.push(`${object.title} cannot be changed in place`);
      continue;
    }
    drops.add(key);
    creates.add(key);
    changes.delete(key);
  }
  return { drops, creates, changes, warnings };
}

/**
 * A partition that is detached keeps the constraints, indexes and triggers that it had as its parent's;
 * by themselves they would be new.
 */
function standingOnMoved(from: DatabaseModel, to: DatabaseModel): string[] {
  const isPartition = ({ facts }: DdlObject) => (facts as { bound: string | null }).bound !== null;
  const detached = new Set(
    [...to.objects.values()]
      .filter((object) => object.kind === "table" && !isPartition(object))
      .map(({ key }) => from.objects.get(key))
      .flatMap((old) => (old && isPartition(old) ? [old.key] : [])),
  );
  const parts = new Set<Kind>(["constraint", "foreign key", "index", "trigger"]);
  return [...to.objects.values()]
    .filter(({ kind, dropsWith }) => parts.has(kind) && dropsWith.some((key) => detached.has(key)))
    .map(({ key }) => key);
}

/** A generated column holds nothing that could not be computed again. */
function isGenerated({ facts }: DdlObject): boolean {
  return (facts as { generated?: string | null } | null)?.generated != null;
}

function rebuiltWith(from: DatabaseModel, object: DdlObject): string[] {
  return dependentsOf(from, object.key).filter((key) => {
    const kind = from.objects.get(key)?.kind;
    return kind !== undefined && !(object.kind === "column" && FOLLOWS_COLUMN.has(kind));
  });
}

function dependentsOf(model: DatabaseModel, key: string): string[] {
  return [...model.needs].filter(([, needed]) => needed.has(key)).map(([dependent]) => dependent);
}

/** The keys and everything that stands on them. */
function closure(model: DatabaseModel, keys: readonly string[]): Set<string> {
  const dependents = new Map<string, string[]>();
  for (const [key, needed] of model.needs) {
    for (const on of needed) dependents.set(on, [...(dependents.get(on) ?? []), key]);
  }
  const found = new Set(keys);
  for (const key of found) {
    const kind = model.objects.get(key)?.kind;
    // What is kept in place keeps what stands on it.
    if (kind !== undefined && KEPT.has(kind) && !keys.includes(key)) continue;
    for (const dependent of dependents.get(key) ?? []) found.add(dependent);
  }
  return found;
}

/** They tie tables to each other both ways, so they go first, whatever becomes of their table. */
const UNTIED: ReadonlySet<Kind> = new Set(["foreign key", "policy"]);
/** These too, where they call a function, which may itself be made of the table. */
const UNTIED_CALLERS: ReadonlySet<Kind> = new Set(["default", "constraint", "index"]);

function dropStatements(from: DatabaseModel, { drops }: Plan): string[] {
  const gone = [...drops].flatMap((key) => from.objects.get(key) ?? []);
  const calls = (key: string) =>
    [...(from.needs.get(key) ?? [])].some((k) => k.startsWith("function ") && drops.has(k));
  const takerOf = ({ key, kind, dropsWith }: DdlObject) =>
    UNTIED.has(kind) || (UNTIED_CALLERS.has(kind) && calls(key))
      ? undefined
      : dropsWith.find((taker) => drops.has(taker));
  const rootOf = (key: string): string => {
    const object = from.objects.get(key);
    const taker = object && drops.has(key) ? takerOf(object) : undefined;
    return taker === undefined ? key : rootOf(taker);
  };
  // What goes with a table must not be missed before: the table goes before all that its parts need.
  const needs = new Map<string, Set<string>>();
  for (const { key } of gone) {
    const root = rootOf(key);
    const known = needs.get(root) ?? new Set();
    for (const needed of from.needs.get(key) ?? []) known.add(rootOf(needed));
    needs.set(root, known);
  }
  return inOrder(
    gone.filter((object) => takerOf(object) === undefined),
    (key) => needs.get(key) ?? [],
  )
    .toReversed()
    .flatMap((object) => object.drop);
}

function createStatements(to: DatabaseModel, { creates, changes }: Plan): string[] {
  const objects = [...to.objects.values()].filter(
    ({ key }) => creates.has(key) || changes.has(key),
  );
  const made = new Set<string>();
  const columns = Map.groupBy(
    objects.filter(({ kind, key }) => kind === "column" && creates.has(key)),
    ({ dropsWith }) => dropsWith[0] ?? "",
  );
  // The columns of a new table are part of it, so it needs what they need.
  const isPart = (object: DdlObject) =>
    object.kind === "column" && creates.has(object.key) && creates.has(object.dropsWith[0] ?? "");
  const partOf = (key: string) => {
    const object = to.objects.get(key);
    return object && isPart(object) ? (object.dropsWith[0] ?? key) : key;
  };
  const needsOf = (key: string) => {
    const own = creates.has(key) ? (columns.get(key) ?? []) : [];
    const keys = [key, ...own.map((column) => column.key)];
    return keys.flatMap((k) => [...(to.needs.get(k) ?? [])].map(partOf));
  };
  const ordered = inOrder(
    objects.filter((object) => !isPart(object)),
    needsOf,
  );
  const isReady = (object: DdlObject, table: DdlObject) =>
    needsOf(object.key).every(
      (key) => key === table.key || made.has(key) || !(creates.has(key) || changes.has(key)),
    );
  return ordered.flatMap((object) => {
    if (made.has(object.key)) return [];
    made.add(object.key);
    const change = changes.get(object.key);
    if (change && !creates.has(object.key)) return change;
    if (object.around === null) return object.create;
    const parts = ordered.filter(
      (part) =>
        part.inline !== null &&
        part.dropsWith[0] === object.key &&
        creates.has(part.key) &&
        !made.has(part.key) &&
        isReady(part, object),
    );
    for (const part of parts) made.add(part.key);
    return tableStatements(object, columns.get(object.key) ?? [], parts);
  });
}

/** `create table` with its columns, their defaults, and the constraints that can stand in it. */
function tableStatements(
  table: DdlObject,
  columns: readonly DdlObject[],
  parts: readonly DdlObject[],
): string[] {
  const { head = "", tail = "" } = table.around ?? {};
  const defaults = parts.filter(({ kind }) => kind === "default");
  const lines = columns
    .filter(({ inline }) => inline !== null)
    .toSorted((a, b) => a.place - b.place)
    .map((column) => {
      const fallback = defaults.find(({ dropsWith }) => dropsWith[1] === column.key);
      return withDefault(column.inline ?? "", fallback?.inline ?? null);
    });
  const inherited = defaults.filter(
    ({ dropsWith }) => !columns.some(({ key, inline }) => inline !== null && key === dropsWith[1]),
  );
  const constraints = parts.filter(({ kind }) => kind !== "default");
  const all = [...lines, ...constraints.map(({ inline }) => inline ?? "")];
  const isPartition = head.includes(" partition of ");
  const list = all.length === 0 ? (isPartition ? "" : " ()") : ` (\n  ${all.join(",\n  ")}\n)`;
  const after = columns.flatMap(({ facts }) => (facts as { after: readonly string[] }).after);
  return [`${head}${list}${tail};`, ...after, ...inherited.flatMap(({ create }) => create)];
}

/** Before `not null`, where people write it. */
function withDefault(line: string, sql: string | null): string {
  if (sql === null) return line;
  return line.endsWith(" not null")
    ? `${line.slice(0, -" not null".length)} not null default ${sql}`
    : `${line} default ${sql}`;
}
