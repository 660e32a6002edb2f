/** What the trimmed PostgreSQL still can do: collations of its cut-down ICU data, extensions, text search. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { type TestDatabase, testPostgres } from "../support/postgres.ts";

let database: TestDatabase;
let sql: postgres.Sql;

beforeAll(async () => {
  database = await (await testPostgres()).createDatabase();
  const address = postgresJsOptions(parseDatabaseUrl(database.url));
  sql = postgres({ ...address, max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

async function sorted(words: readonly string[], collation: string): Promise<string[]> {
  const rows = await sql.unsafe(
    `select word from unnest($1::text[]) word order by word collate "${collation}"`,
    [words as string[]],
  );
  return rows.map((row) => String(row["word"]));
}

async function scalar(expression: string): Promise<unknown> {
  const [row] = await sql.unsafe(`select ${expression} as value`);
  return row?.["value"];
}

describe("collations", () => {
  test("German sorts umlauts with their vowels", async () => {
    const words = ["Zebra", "Öl", "Apfel", "Ofen", "Äpfel"];
    expect(await sorted(words, "de-x-icu")).toEqual(["Apfel", "Äpfel", "Ofen", "Öl", "Zebra"]);
  });

  test("the German telephone book sorts umlauts as two letters", async () => {
    await sql`create collation phonebook (provider = icu, locale = 'de-u-co-phonebk')`;
    const words = ["Zebra", "Öl", "Apfel", "Ofen", "Äpfel"];
    expect(await sorted(words, "phonebook")).toEqual(["Äpfel", "Apfel", "Öl", "Ofen", "Zebra"]);
  });

  test("Swedish sorts its own letters after z", async () => {
    const words = ["Öl", "Zebra", "Ål", "Äpple", "Apa"];
    expect(await sorted(words, "sv-x-icu")).toEqual(["Apa", "Zebra", "Ål", "Äpple", "Öl"]);
  });

  test("Chinese sorts by pinyin", async () => {
    const words = ["中国", "上海", "北京", "啊"];
    expect(await sorted(words, "zh-x-icu")).toEqual(["啊", "北京", "上海", "中国"]);
  });

  test("Japanese sorts kana by sound and before kanji", async () => {
    const words = ["日本", "ひらがな", "カタカナ", "あい"];
    expect(await sorted(words, "ja-x-icu")).toEqual(["あい", "カタカナ", "ひらがな", "日本"]);
  });

  test("a numeric collation sorts digits by value", async () => {
    await sql`create collation by_number (provider = icu, locale = 'en-u-kn-true')`;
    const words = ["file10", "file9", "file1"];
    expect(await sorted(words, "by_number")).toEqual(["file1", "file9", "file10"]);
  });

  test("a case-insensitive collation equates case but not accents", async () => {
    await sql`create collation no_case
      (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`;
    expect(await scalar(`'RÉACTOR' = 'réactor' collate no_case`)).toBe(true);
    expect(await scalar(`'reactor' = 'réactor' collate no_case`)).toBe(false);
  });

  test("Turkish has its own lower case of I", async () => {
    expect(await scalar(`lower('I' collate "tr-x-icu")`)).toBe("ı");
    expect(await scalar(`lower('I')`)).toBe("i");
  });

  test("every ICU locale of the full data is there", async () => {
    const count = `(select count(*)::int from pg_collation
      where collprovider = 'i' and collnamespace = 'pg_catalog'::regnamespace)`;
    expect(await scalar(count)).toBe(724);
  });

  test("the default locale needs no ICU and knows Unicode", async () => {
    expect(await scalar(`initcap('élan VITAL')`)).toBe("Élan Vital");
    expect(await scalar(`normalize('ﬁ①', NFKC)`)).toBe("fi1");
  });
});

describe("extensions", () => {
  test.each([
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "ltree",
    "moddatetime",
    "pg_stat_statements",
    "pg_trgm",
    "pgcrypto",
    "postgres_fdw",
    "tablefunc",
    "unaccent",
    "uuid-ossp",
  ])("%s can be created", async (name) => {
    await sql.unsafe(`create extension if not exists "${name}" cascade`);
    expect(await scalar(`(select count(*)::int from pg_extension where extname = '${name}')`)).toBe(
      1,
    );
  });

  test("every extension on offer can be created", async () => {
    const rows = await sql`select name from pg_available_extensions order by name`;
    for (const { name } of rows) {
      await sql.unsafe(`create extension if not exists "${String(name)}" cascade`);
    }
    expect(rows.length).toBeGreaterThan(30);
  });

  test("functions of their libraries run", async () => {
    await sql`create extension if not exists pgcrypto`;
    await sql`create extension if not exists "uuid-ossp"`;
    await sql`create extension if not exists unaccent`;
    expect(await scalar(`encode(digest('abc', 'sha1'), 'hex')`)).toBe(
      "a9993e364706816aba3e25717850c26c9cd0d89d",
    );
    expect(await scalar(`uuid_generate_v5(uuid_ns_dns(), 'example.org')`)).toBe(
      "aad03681-8b63-5304-89e0-8ca8f49461b5",
    );
    expect(await scalar(`unaccent('Ørsted à Genève')`)).toBe("Orsted a Geneve");
  });
});

test("full text search stems English by default and other languages by name", async () => {
  expect(await scalar(`to_tsvector('databases were running')::text`)).toBe("'databas':1 'run':3");
  expect(await scalar(`to_tsvector('german', 'Häuser')::text`)).toBe("'haus':1");
});

test("XML, time zones and other encodings work", async () => {
  expect(await scalar(`(xpath('/a/b/text()', '<a><b>x</b></a>'))[1]::text`)).toBe("x");
  expect(
    await scalar(`('2026-07-01 12:00+00'::timestamptz at time zone 'Europe/Berlin')::text`),
  ).toBe("2026-07-01 14:00:00");
  expect(await scalar(`encode(convert_to('é', 'LATIN1'), 'hex')`)).toBe("e9");
});
