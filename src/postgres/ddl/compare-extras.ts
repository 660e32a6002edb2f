/** Comments and rights: they go with objects, and change without them. */
import type { DatabaseModel, DefaultRights, Grants, Rights } from "./ddl-object.ts";
import { defaultRightsKey } from "./read-privileges.ts";

type RightsMap = ReadonlyMap<string, Rights>;

const NOTHING: Rights = { plain: [], grantable: [] };

/** @param made keys of objects that are new, and so have no comment yet. */
export function compareComments(
  from: DatabaseModel,
  to: DatabaseModel,
  made: ReadonlySet<string>,
): string[] {
  const isThere = (title: string, owner: string) =>
    from.comments.has(title) && from.objects.has(owner) && !made.has(owner);
  const set = [...to.comments].flatMap(([title, { owner, text }]) =>
    isThere(title, owner) && from.comments.get(title)?.text === text
      ? []
      : [`comment on ${title} is ${literal(text)};`],
  );
  const gone = [...from.comments].flatMap(([title, { owner }]) =>
    to.comments.has(title) || !to.objects.has(owner) || made.has(owner)
      ? []
      : [`comment on ${title} is null;`],
  );
  return [...set, ...gone].sort();
}

/** As SQL, whatever `standard_conforming_strings` says. */
function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return quoted.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

export function compareGrants(
  from: DatabaseModel,
  to: DatabaseModel,
  made: ReadonlySet<string>,
): string[] {
  const keys = new Set([...to.grants.keys(), ...from.grants.keys()]);
  // A right that is taken from a whole table goes from its columns too, so those come after.
  const isColumn = (key: string) => Number(key.startsWith("column "));
  const ordered = [...keys].sort().sort((a, b) => isColumn(a) - isColumn(b));
  return ordered.flatMap((key) => {
    const now = to.grants.get(key);
    const old = from.grants.get(key);
    if (!to.objects.has(key)) return [];
    const some = now ?? old;
    if (!some) return [];
    const before = made.has(key) ? firstRights(from, some) : (old?.rights ?? new Map());
    return changeRights(before, now?.rights ?? new Map(), (verb, rights, grantee, rest) => {
      const list =
        some.column === null
          ? listOf(rights, to.allRights.get(some.objectType))
          : rights.map((right) => `${right} (${some.column})`).join(", ");
      const word = verb === "grant" ? "to" : "from";
      return `${verb} ${list} on ${some.target} ${word} ${grantee}${rest};`;
    });
  });
}

function listOf(rights: readonly string[], all: readonly string[] = []): string {
  return rights.length > 1 && rights.length === all.length ? "all" : rights.join(", ");
}

const BUILT_IN: Readonly<Record<string, readonly string[]>> = { f: ["execute"], T: ["usage"] };

/** What a new object gives by itself: the built-in rights, or what was put in their place, and more. */
function firstRights(model: DatabaseModel, { objectType, schema }: Grants): RightsMap {
  if (objectType === "c") return new Map();
  const builtIn = new Map(
    objectType in BUILT_IN
      ? [["public", { plain: BUILT_IN[objectType] ?? [], grantable: [] }]]
      : [],
  );
  const find = (where: string | null) =>
    model.defaultRights.get(defaultRightsKey(model.maker, where, objectType))?.rights;
  const everywhere: RightsMap = find(null) ?? builtIn;
  const rights = new Map(everywhere);
  for (const [grantee, added] of find(schema) ?? []) {
    const known = rights.get(grantee) ?? NOTHING;
    const grantable = union(known.grantable, added.grantable);
    const plain = union(known.plain, added.plain).filter((right) => !grantable.includes(right));
    rights.set(grantee, { plain, grantable });
  }
  return rights;
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}

type Write = (
  verb: "grant" | "revoke" | "revoke grant option for",
  rights: readonly string[],
  grantee: string,
  rest: string,
) => string;

function changeRights(before: RightsMap, after: RightsMap, write: Write): string[] {
  const grantees = [...new Set([...before.keys(), ...after.keys()])].sort();
  return grantees.flatMap((grantee) => {
    const old = before.get(grantee) ?? NOTHING;
    const now = after.get(grantee) ?? NOTHING;
    const had = union(old.plain, old.grantable);
    const has = union(now.plain, now.grantable);
    const without = (list: readonly string[], others: readonly string[]) =>
      list.filter((right) => !others.includes(right));
    const lists = [
      ["revoke", without(had, has), ""],
      [
        "revoke grant option for",
        without(old.grantable, [...now.grantable, ...without(had, has)]),
        "",
      ],
      ["grant", without(now.plain, had), ""],
      ["grant", without(now.grantable, old.grantable), " with grant option"],
    ] as const;
    return lists.flatMap(([verb, rights, rest]) =>
      rights.length === 0 ? [] : [write(verb, rights, grantee, rest)],
    );
  });
}

const OBJECTS: Readonly<Record<string, string>> = {
  r: "tables",
  S: "sequences",
  f: "functions",
  T: "types",
  n: "schemas",
};

export function compareDefaultRights(from: DatabaseModel, to: DatabaseModel): string[] {
  const keys = new Set([...to.defaultRights.keys(), ...from.defaultRights.keys()]);
  return [...keys].sort().flatMap((key) => {
    const some = to.defaultRights.get(key) ?? from.defaultRights.get(key);
    if (!some || !OBJECTS[some.objectType]) return [];
    if (some.schema !== null && !to.objects.has(`schema ${some.schema}`)) return [];
    const before = from.defaultRights.get(key)?.rights ?? implied(some);
    const after = to.defaultRights.get(key)?.rights ?? implied(some);
    const head = `alter default privileges for role ${some.role}${
      some.schema === null ? "" : ` in schema ${some.schema}`
    }`;
    return changeRights(before, after, (verb, rights, grantee, rest) => {
      const word = verb === "grant" ? "to" : "from";
      const list = listOf(rights, to.allRights.get(some.objectType));
      return `${head} ${verb} ${list} on ${OBJECTS[some.objectType]} ${word} ${grantee}${rest};`;
    });
  });
}

/** Without an entry the built-in rights hold; within a schema there is nothing to begin with. */
function implied({ schema, objectType }: DefaultRights): RightsMap {
  const rights = schema === null ? BUILT_IN[objectType] : undefined;
  return new Map(rights ? [["public", { plain: rights, grantable: [] }]] : []);
}
