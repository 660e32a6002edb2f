import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ask, failure, openWireDatabase, texts } from "./wire-database.ts";

// The oracle is postgres.js: the same text must come back for the same parameter of the same type.
const database = await openWireDatabase(`
  create table parents (id int primary key);
  create table kinds (
    id int primary key, name text not null check (name <> ''), parent int references parents,
    small smallint, short varchar(3), unique (name)
  );
  insert into kinds values (1, 'taken');
  create function fails() returns int language plpgsql as
    $$ begin raise exception 'custom ä' using errcode = 'PT418', detail = 'd', hint = 'h'; end $$;
`);
const pool = database.pool({ limits: { size: 2 } });
afterAll(() => database.close());

const text = fc
  .string({ unit: "grapheme", maxLength: 60 })
  .filter((value) => !value.includes("\0"));
const digits = fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n });
const instant = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-01-01") });
const hex = (bytes: Uint8Array) => `\\x${Buffer.from(bytes).toString("hex")}`;
const TYPES: Readonly<Record<string, fc.Arbitrary<string>>> = {
  text,
  varchar: text,
  "char(5)": fc.string({ maxLength: 5 }).filter((value) => !value.includes("\0")),
  bool: fc.boolean().map(String),
  int2: fc.integer({ min: -32_768, max: 32_767 }).map(String),
  int4: fc.integer().map(String),
  int8: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  float4: fc.float().map(String),
  float8: fc.double().map(String),
  numeric: fc.tuple(digits, fc.nat()).map(([whole, part]) => `${whole}.${part}`),
  uuid: fc.uuid(),
  bytea: fc.uint8Array({ maxLength: 200 }).map(hex),
  json: fc.json(),
  jsonb: fc.json().filter((value) => !value.includes("\\u0000") && !value.includes("\\ud")),
  date: instant.map((value) => value.toISOString().slice(0, 10)),
  timestamp: instant.map((value) => value.toISOString()),
  timestamptz: instant.map((value) => value.toISOString()),
  interval: fc.integer().map((seconds) => `${seconds} seconds`),
  inet: fc.ipV4(),
  "text[]": fc
    .array(fc.option(text))
    .map((items) => `{${items.map((item) => (item === null ? "NULL" : quote(item))).join(",")}}`),
  "int4[]": fc.array(fc.integer()).map((items) => `{${items.join(",")}}`),
  int4range: fc.tuple(fc.nat(1000), fc.nat(1000)).map(([low, size]) => `[${low},${low + size})`),
};
const quote = (item: string) => `"${item.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

describe("values", () => {
  for (const [type, values] of Object.entries(TYPES)) {
    test(`of ${type} come back as through postgres.js, NULL too`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.option(values, { freq: 10 }), async (value) => {
          const [expected] = await database.sql.unsafe(`select ($1::text)::${type}`, [value]).raw();
          const statement = `select $1::${type}, $1::${type} is null`;
          const [row] = texts(await pool.query(ask(statement, { params: [value] })));
          expect(row?.[0] ?? null).toBe(expected?.[0]?.toString() ?? null);
          expect(row?.[1]).toBe(value === null ? "t" : "f");
        }),
        { numRuns: 40 },
      );
    });
  }

  test("of bytes go and come in binary and text", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
        const result = await pool.query(ask("select $1::bytea", { params: [bytes] }));
        expect(texts(result)[0]?.[0]).toBe(hex(bytes));
      }),
      { numRuns: 50 },
    );
  });

  test("stay as they are while later results arrive", async () => {
    const first = await pool.query(ask("select repeat('a', 100000)"));
    await Promise.all(
      Array.from({ length: 50 }, () => pool.query(ask("select repeat('b', 100000)"))),
    );
    expect(texts(first)[0]?.[0]).toBe("a".repeat(100_000));
  });

  test("of many rows, wide rows and large parameters arrive whole", async () => {
    const rows = await pool.query(ask("select i, i * 2 from generate_series(1, 20000) i"));
    expect(rows.tag).toBe("SELECT 20000");
    expect(texts(rows).every(([i, twice]) => Number(twice) === 2 * Number(i))).toBe(true);
    const large = "ä".repeat(3_000_000);
    const result = await pool.query(ask("select $1::text", { params: [large] }));
    expect(texts(result)[0]?.[0]).toBe(large);
  });

  test("come with their column names, and none for a statement without rows", async () => {
    const named = await pool.query(ask(`select 1 as "a b", 2 as "ä", 3 as a`));
    expect(named.columns).toEqual(["a b", "ä", "a"]);
    const again = await pool.query(ask(`select 1 as "a b", 2 as "ä", 3 as a`));
    expect(again.columns).toEqual(named.columns);
    const none = await pool.query(ask("insert into parents values (77)"));
    expect(none).toEqual({ columns: [], rows: [], after: [], tag: "INSERT 0 1" });
    expect(await pool.query(ask(""))).toEqual({ columns: [], rows: [], after: [], tag: "" });
  });
});

describe("errors carry what Postgres said", () => {
  const statements = [
    "select nope",
    "select * from nowhere",
    "selec 1",
    "select 1/0",
    "select 'x'::int",
    "select ((1)",
    "insert into kinds values (1, 'other')",
    "insert into kinds values (2, 'taken')",
    "insert into kinds values (2, null)",
    "insert into kinds values (2, '')",
    "insert into kinds values (2, 'a', 99)",
    "insert into kinds (id, name, small) values (2, 'a', 99999)",
    "insert into kinds (id, name, short) values (2, 'a', 'toolong')",
    "select fails()",
    "select * from pg_authid",
    "select 'ä', nope",
    "select f(1)",
    "create table kinds (id int)",
  ];
  const FIELDS = [
    ["code", "code"],
    ["message", "message"],
    ["severity", "severity"],
    ["detail", "detail"],
    ["hint", "hint"],
    ["where", "where"],
    ["schema", "schema_name"],
    ["table", "table_name"],
    ["column", "column_name"],
    ["dataType", "type_name"],
    ["constraint", "constraint_name"],
    ["file", "file"],
    ["line", "line"],
    ["routine", "routine"],
  ] as const;

  for (const statement of statements) {
    test(`${statement}`, async () => {
      const theirs = await failure(
        database.sql.begin(async (tx) => {
          await tx`set local role service_role`;
          await tx.unsafe(statement, [], { prepare: true });
        }),
      );
      const ours = await failure(pool.query(ask(statement)));
      expect(ours["name"]).toBe("PgError");
      for (const [mine, other] of FIELDS) expect(ours[mine] ?? null).toBe(theirs[other] ?? null);
      expect(ours["position"]).toBe(
        theirs["position"] === undefined ? null : Number(theirs["position"]),
      );
      expect(texts(await pool.query(ask("select 'still usable'")))[0]?.[0]).toBe("still usable");
    });
  }

  test("a query that cannot be sent is refused, and the connection goes on", async () => {
    const nul = await failure(pool.query(ask("select '\0'")));
    expect(nul).toMatchObject({ code: "query_invalid" });
    const name = await failure(pool.query(ask("select 1", { settings: [["a'b", "c"]] })));
    expect(name).toMatchObject({ code: "query_invalid" });
    const count = await failure(
      pool.query(ask("select 1", { params: Array.from({ length: 65_536 }, () => "") })),
    );
    expect(count).toMatchObject({ code: "query_invalid" });
    expect(await failure(pool.query(ask("select $1::text", { params: ["a\0b"] })))).toMatchObject({
      code: "22021",
    });
    expect(texts(await pool.query(ask("select 'on'")))[0]?.[0]).toBe("on");
  });
});
