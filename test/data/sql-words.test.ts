/** What PostgreSQL carries out of a text, the words of it hold: a seeded sample of both. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ReservedSql, Sql } from "postgres";
import { sqlWords } from "../../src/capabilities/data/schema/sql-words.ts";
import { connect } from "../postgres/wire-database.ts";
import { testPostgres } from "../support/postgres.ts";
import { createSeededRng } from "../support/seeded-rng.ts";

const TEXTS = 4_000;
const SET = "set app.seen = 'yes'";
const PIECES = [
  ...["'", "''", "\\", "\\'", "e'", "$$", "$a$", "a$b$", '"', "--", "/*", "*/", "/*/", "*", "/"],
  ...["\n", "\r", " ", ";", "1", "1e5", "1.e5", ".", "$1", "n'", "u&'", "x", "é", "\u00a0", "@"],
];

const rng = createSeededRng(18);
let session: ReservedSql;
let owner: Sql;
let drop: () => Promise<void>;
beforeAll(async () => {
  const database = await (await testPostgres()).createDatabase();
  drop = () => database.drop();
  owner = connect(database.url);
  session = await owner.reserve();
});
afterAll(async () => {
  session.release();
  await owner.end();
  await drop();
});

const noise = (most: number) =>
  Array.from({ length: Math.max(0, rng.below(most + 3) - 2) }, () => rng.pick(PIECES)).join("");

/** A comment, a literal or a name, if it is whole. */
const quoted = () =>
  rng.pick([
    ...[`'${noise(4)}'`, `e'${noise(4)}'`, `'a'\n'${noise(4)}'`, `e'a'--\n'${noise(4)}'`, "'\\'"],
    ...[`$$${noise(4)}$$`, `$a$${noise(4)}$a$`, `1.e5$$${noise(4)}$$`, `"${noise(4)}"`],
    ...[`/*${noise(4)}*/`, `/*${noise(4)}/*${noise(2)}*/${noise(2)}*/`, `--${noise(4)}\n`],
    ...[`--${noise(4)}\r`, noise(4)],
  ]);

const text = () =>
  `select ${quoted()};${noise(2)}${SET}${rng.pick([";", "--"])}select ${quoted()}${noise(2)}`;

/** Whether the text, as PostgreSQL reads it, changes the setting. */
async function changes(sql: string): Promise<boolean> {
  const strings = rng.pick(["on", "off"]);
  await session.unsafe(`set standard_conforming_strings = ${strings}; reset app.seen`).simple();
  // Most are no SQL at all.
  await session
    .unsafe(sql)
    .simple()
    .catch(() => undefined);
  const [row] = await session.unsafe("select current_setting('app.seen', true) as seen").simple();
  return row?.["seen"] === "yes";
}

test(`in ${TEXTS} texts no command is taken for a comment or a literal`, async () => {
  const missed: string[] = [];
  let changed = 0;
  let quiet = 0;
  for (let at = 0; at < TEXTS; at += 1) {
    const sql = text();
    const words = sqlWords(sql);
    if (words && !words.code.includes(" set ")) quiet += 1;
    if (!(await changes(sql))) continue;
    changed += 1;
    if (words && !words.code.includes(" set ")) missed.push(sql);
  }
  expect(missed).toEqual([]);
  // The sample has enough of both.
  expect(changed).toBeGreaterThan(TEXTS / 20);
  expect(quiet).toBeGreaterThan(TEXTS / 20);
});
