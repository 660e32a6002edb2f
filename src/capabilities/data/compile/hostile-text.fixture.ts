/**
 * Every position of a request in which a client writes text, and texts that break naive quoting. The
 * unit test runs a sample of each, `bun run campaign hostile-text` 100,000.
 */
import fc from "fast-check";
import { ReactorError } from "../../../core/errors.ts";
import { negotiate } from "../negotiate-media.ts";
import { parsePrefer } from "../parse/prefer.ts";
import { rowRange } from "../parse/range.ts";
import { type Schema, tableKey } from "../schema/schema.ts";
import { shopSchema } from "../schema/shop-schema.fixture.ts";
import { compile } from "./compile-search.fixture.ts";
import { sqlSkeleton } from "./sql-skeleton.fixture.ts";
import { bodySql } from "./wrap-result.ts";

const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "'; drop table clients; --",
    '"; drop table clients; --',
    "\\'; select 1 --",
    "$1",
    "$$x$$",
    "a'||'b",
    'a""b',
    "*/ /*",
    "\u0000",
    "x\u0000y",
    "E'\\'",
    'U&"\\0022"',
    "\\",
    "'",
    '"',
    "''",
    '""',
    "\u2028",
    "ʼ",
    "＂",
    "\ud800",
    "a".repeat(4096),
    "id) from pg_authid --",
    "::text",
    "->>'a'",
  ),
);

/** A name as a client must write it to have it taken literally. */
const quotedName = (name: string) =>
  encodeURIComponent(`"${name.replace(/[\\"]/g, "\\$&")}"`.toWellFormed());
const encoded = (text: string) => encodeURIComponent(text.toWellFormed());

type Build = (text: string) => string;

/** Names, written in quotes: the statement stays the same but for what is in its quotes. */
const NAMES: Readonly<Record<string, Build>> = {
  "a column in select": (t) => `select=${quotedName(t)}`,
  "an alias": (t) => `select=${quotedName(t)}:id`,
  "an alias of an aggregate": (t) => `select=${quotedName(t)}:id.sum()`,
  "a column that is aggregated": (t) => `select=a:${quotedName(t)}.max()`,
  "a key of a JSON path in select": (t) => `select=a:data->${quotedName(t)}`,
  "a column of a filter": (t) => `${quotedName(t)}=eq.1`,
  "a key of a JSON path in a filter": (t) => `data->>${quotedName(t)}=eq.1`,
  "a column in order": (t) => `order=${quotedName(t)}.desc`,
  "a column in a logic tree": (t) => `or=(${quotedName(t)}.eq.1,id.eq.2)`,
  "a column of an embed's filter": (t) => `select=projects(id)&projects.${quotedName(t)}=eq.1`,
  "a column of an embed's order": (t) => `select=projects(id)&projects.order=${quotedName(t)}`,
  "a column that is spread": (t) => `select=...projects(${quotedName(t)})`,
  "the alias of an embed": (t) => `select=${quotedName(t)}:projects(id)`,
  "the alias of an embed that is asked for": (t) =>
    `select=${quotedName(t)}:projects()&${quotedName(t)}=not.is.null`,
};

/** Values: the statement stays the same. */
const VALUES: Readonly<Record<string, Build>> = {
  "the value of eq": (t) => `id=eq.${encoded(t)}`,
  "the value of like": (t) => `name=like.${encoded(t)}`,
  "the value of any": (t) => `name=eq(any).${encoded(t)}`,
  "the value of fts": (t) => `name=fts.${encoded(t)}`,
  "a value in a list": (t) => `id=in.(1,${encoded(t)})`,
  "a quoted value in a logic tree": (t) =>
    `or=(id.eq.${encodeURIComponent(JSON.stringify(t.toWellFormed()))})`,
};

/** Anything where the grammar wants something of its own: sound SQL, or a client's error. */
const GRAMMAR: Readonly<Record<string, Build>> = {
  "a cast": (t) => `select=id::${encoded(t)}`,
  "a cast of an aggregate": (t) => `select=id.sum()::${encoded(t)}`,
  "an aggregate": (t) => `select=id.${encoded(t)}()`,
  "a key of a JSON path without quotes": (t) => `select=data->${encoded(t)}`,
  "a full-text language": (t) => `name=fts(${encoded(t)}).a`,
  "an operator": (t) => `id=${encoded(t)}.1`,
  "a modifier": (t) => `id=eq(${encoded(t)}).1`,
  "a whole parameter": (t) => encoded(t),
  "a whole name of a parameter": (t) => `${encoded(t)}=eq.1`,
  "a whole select": (t) => `select=${encoded(t)}`,
  "a whole order": (t) => `order=${encoded(t)}`,
  "a direction": (t) => `order=id.${encoded(t)}`,
  "a whole logic tree": (t) => `and=${encoded(t)}`,
  "an embedded resource": (t) => `select=${encoded(t)}(id)`,
  "a hint": (t) => `select=projects!${encoded(t)}(id)`,
  columns: (t) => `columns=${encoded(t)}`,
  on_conflict: (t) => `on_conflict=${encoded(t)}`,
  limit: (t) => `limit=${encoded(t)}&projects.limit=${encoded(t)}&select=projects()`,
};

/** Headers and the path: what they choose is from a closed list. */
const CHOICES: Readonly<Record<string, (text: string) => unknown>> = {
  "the table": (t) => shopSchema.tables.get(tableKey("public", t))?.name ?? null,
  Range: (t) => numbersOf(rowRange(t, null, null)),
  Prefer: (t) => Object.values(parsePrefer(t)).every((value) => WORDS.has(value)),
  Accept: (t) => bodySql({ media: negotiate(t, offerOf(shopSchema)), csvColumns: ["id"] }),
};

function numbersOf({ offset, limit }: { offset: number; limit: number | null }): unknown {
  return [Number.isSafeInteger(offset), limit === null || Number.isSafeInteger(limit)];
}

function offerOf(schema: Schema) {
  const of = { schema: "public", name: "clients" };
  return { schema, of, fn: null, wholeRow: true, plans: true };
}

/** Of preferences; the others are of another request or need a rule. */
const WORDS: ReadonlySet<unknown> = new Set([
  null,
  ...["merge-duplicates", "ignore-duplicates", "default", "minimal", "headers-only"],
  ...["representation", "exact", "planned", "estimated", "strict", "lenient"],
]);

const CHOSEN: ReadonlySet<unknown> = new Set([
  "null",
  "true",
  ...[...shopSchema.tables.values()].map((t) => JSON.stringify(t.name)),
  "[true,true]",
  ...["application/json", "text/csv", "application/vnd.pgrst.object+json"].map((type) =>
    JSON.stringify(CHOICES["Accept"]?.(type)),
  ),
]);

/** One test of one position. @throws when a text gets where it must not */
export type Position = readonly [name: string, run: (numRuns: number) => void];

export const positions: readonly Position[] = [
  ...Object.entries(NAMES).map(([name, build]): Position => {
    const plain = sqlSkeleton(compile("clients", build("zzz")).sql);
    return check(name, (text) => sqlSkeleton(compile("clients", build(text)).sql) === plain);
  }),
  ...Object.entries(VALUES).map(([name, build]): Position => {
    const plain = compile("clients", build("zzz")).sql;
    return check(name, (text) => compile("clients", build(text)).sql === plain);
  }),
  ...Object.entries(GRAMMAR).map(
    ([name, build]): Position =>
      check(name, (text) =>
        /^select [^;]*$/.test(sqlSkeleton(compile("clients", build(text)).sql)),
      ),
  ),
  ...Object.entries(CHOICES).map(
    ([name, choose]): Position => check(name, (text) => CHOSEN.has(JSON.stringify(choose(text)))),
  ),
];

function check(name: string, isSound: (text: string) => boolean): Position {
  const run = (numRuns: number) =>
    fc.assert(
      fc.property(hostile, (text) => isRefused(() => isSound(text))),
      { numRuns },
    );
  return [name, run];
}

/** Sound, or an error of the client's. */
function isRefused(run: () => boolean): boolean {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ReactorError)) throw error;
    return error.status >= 300 && error.status < 500;
  }
}
