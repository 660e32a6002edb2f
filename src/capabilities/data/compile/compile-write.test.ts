import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ReactorError } from "../../../core/errors.ts";
import { JSON_ARRAY, negotiate } from "../negotiate-media.ts";
import { parseQuery } from "../parse/parse-query.ts";
import { NO_PREFERENCES } from "../parse/prefer.ts";
import { readQueryString } from "../parse/query-string.ts";
import { planRead } from "../plan/plan-read.ts";
import { tableKey } from "../schema/schema.ts";
import { shopSchema } from "../schema/shop-schema.fixture.ts";
import { LIMITS } from "./compile-search.fixture.ts";
import { compileWrite, type WriteKind, type WriteOptions } from "./compile-write.ts";
import { sqlSkeleton } from "./sql-skeleton.fixture.ts";

const CLIENTS = shopSchema.tables.get(tableKey("public", "clients"));
if (!CLIENTS) throw new Error("no clients");

function compile(
  kind: WriteKind,
  search: string,
  columns: readonly string[],
  more: Partial<WriteOptions> = {},
) {
  const raw = readQueryString(search, LIMITS);
  const query = parseQuery(raw, { limit: null, offset: null }, 5);
  return compileWrite(
    planRead(shopSchema, CLIENTS as never, query, { db_aggregates_enabled: false }),
    {
      kind,
      body: {
        isArray: false,
        columns: columns.flatMap((name) => CLIENTS?.columns.get(name) ?? []),
      },
      preferences: NO_PREFERENCES,
      media: JSON_ARRAY,
      conflict: query.onConflict ?? ["id"],
      maxAffected: null,
      representations: new Map(),
      observed: shopSchema.observed,
      ...more,
    },
  );
}

/** The statement that writes. */
function mutation(...args: Parameters<typeof compile>): string {
  const { sql } = compile(...args);
  return sql.slice("with pgrst_source as (".length, sql.indexOf(") select pg_catalog.count(*)"));
}

const T = '"public"."clients"';
const MERGE = { ...NO_PREFERENCES, resolution: "merge-duplicates" } as const;

describe("a write", () => {
  test("inserts the members of an object", () => {
    expect(mutation("insert", "", ["id", "name"])).toBe(
      `insert into ${T} ("id", "name") select pgrst_body."id", pgrst_body."name" from (select "id", "name" from pg_catalog.json_to_record($1::json) as _row("id" integer, "name" text)) as pgrst_body returning 1 as pgrst_row`,
    );
  });

  test("updates what the filters choose, from the first object", () => {
    const body = { isArray: true, columns: [...(CLIENTS?.columns.values() ?? [])].slice(1, 2) };
    expect(mutation("update", "id=eq.1", [], { body })).toBe(
      `update ${T} set "name" = pgrst_body."name" from (select "name" from pg_catalog.json_to_recordset($1::json) as _row("name" text) limit 1) as pgrst_body where ${T}."id" = $2 returning 1 as pgrst_row`,
    );
  });

  test("of nothing touches nothing", () => {
    expect(mutation("update", "id=eq.1", [])).toBe(`select 1 as pgrst_row from ${T} where false`);
  });

  test("puts the one row that the filters name", () => {
    const sql = mutation("put", "id=eq.1", ["id"]);
    expect(sql).toContain('pgrst_body."id" = $2 on conflict ("id") do update set');
    expect(compile("put", "id=eq.1", ["id"]).sql).toContain("'PGRST115:'");
  });

  test("returns what the answer needs and no more", () => {
    const full = { ...NO_PREFERENCES, return: "representation" } as const;
    const search = "select=name,projects(id)&order=data->>k";
    expect(mutation("delete", search, [], { preferences: full })).toBe(
      `delete from ${T} returning ${T}."name", ${T}."data", ${T}."id"`,
    );
  });

  test("binds how much may be touched", () => {
    const { sql, slots } = compile("delete", "", [], { maxAffected: 7 });
    expect(sql).toContain("pg_catalog.count(*) <= $1::int8");
    expect(slots).toEqual([7]);
  });

  test("that is only explained is guarded by nothing", () => {
    const media = negotiate('application/vnd.pgrst.plan;for="application/vnd.pgrst.object"', {
      ...{ schema: shopSchema, of: { schema: "public", name: "clients" }, fn: null },
      ...{ wholeRow: true, plans: true },
    });
    const { sql } = compile("put", "id=eq.1", ["id"], { media, maxAffected: 0 });
    expect(sql).toStartWith("explain (format text) with pgrst_source as (insert ");
    expect(sql).not.toContain("PGRST1");
  });

  test("keeps hostile names of on_conflict inside their quotes", () => {
    const build = (name: string) =>
      `on_conflict=${encodeURIComponent(`"${name.replace(/[\\"]/g, "\\$&")}"`.toWellFormed())}`;
    const options = { preferences: MERGE };
    const plain = sqlSkeleton(compile("insert", build("zzz"), ["id"], options).sql);
    const names = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.constantFrom('"); drop table clients; --', "') --", "\u0000", "\\", '"', "$1", "$$"),
    );
    fc.assert(
      fc.property(names, (name) => {
        try {
          expect(sqlSkeleton(compile("insert", build(name), ["id"], options).sql)).toBe(plain);
        } catch (error) {
          if (!(error instanceof ReactorError)) throw error;
          expect(error.status).toBe(400);
        }
      }),
      { numRuns: 10_000 },
    );
  });
});

test("hostile media types make no SQL of their own", () => {
  const offer = {
    ...{ schema: shopSchema, of: { schema: "public", name: "clients" }, fn: null },
    ...{ wholeRow: true, plans: true },
  };
  const plans = ["", ", analyze", ", verbose", ", settings", ", buffers", ", wal"];
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      const accept = `application/vnd.pgrst.plan+json; options=${text}`;
      try {
        const { sql } = compile("delete", "", [], { media: negotiate(accept, offer) });
        const options = /^explain \(format json((?:, [a-z]+)*)\) with /.exec(sql)?.[1];
        expect(options?.split(/(?=, )/).every((o) => plans.includes(o)) ?? false).toBe(true);
      } catch (error) {
        if (!(error instanceof ReactorError)) throw error;
        expect(error.code).toBe("PGRST107");
      }
    }),
    { numRuns: 10_000 },
  );
});
