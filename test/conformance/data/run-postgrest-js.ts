/**
 * `@supabase/postgrest-js`, unchanged, through its whole public API against `/data/v1`: what it sends is
 * understood, and what it reads is what its users expect. The schema is that of the rows.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { PostgrestClient, PostgrestError } from "@supabase/postgrest-js";
import type { ConformanceWorld, Harbour } from "./harbour.ts";

let world: ConformanceWorld;

export function runPostgrestJs(open: () => Harbour | Promise<Harbour>): void {
  let harbour: Harbour;
  beforeAll(async () => {
    harbour = await open();
    world = await harbour.serve({
      db_tx_end: "commit-allow-override",
      db_aggregates_enabled: true,
      db_plan_enabled: true,
    });
  });
  afterAll(async () => {
    await world.stop();
    await harbour.close();
  });
  describe("filters", filters);
  describe("modifiers of reading", modifiers);
  describe("writing", writing);
  describe("functions", functions);
  describe("errors", errors);
  describe("the API and its users", api);
}

function client(role?: string) {
  const headers = role ? { authorization: `Bearer ${world.names[`${role}.token`]}` } : {};
  return new PostgrestClient(`${world.urlFor("/")}/data/v1`, { headers });
}

const from = (table: string) => client().from(table);

interface Answer {
  readonly data: unknown;
  readonly error: unknown;
}

/** The ids of what a query leaves. */
async function idsOf(query: PromiseLike<Answer>): Promise<unknown> {
  const { data, error } = await query;
  expect(error).toBeNull();
  return (data as { id: number }[]).map(({ id }) => id);
}

function filters(): void {
  const ports = () => from("ports").select("id").order("id");
  type Ports = ReturnType<typeof ports>;
  const cases: [name: string, filter: (query: Ports) => PromiseLike<Answer>, left: number[]][] = [
    ["eq", (q) => q.eq("id", 2), [2]],
    ["eq of a boolean", (q) => q.eq("is_open", true), [1, 2]],
    ["neq", (q) => q.neq("id", 2), [1, 3, 4, 5]],
    ["gt", (q) => q.gt("depth_m", 14), [1]],
    ["gte", (q) => q.gte("depth_m", 14), [1, 2]],
    ["lt", (q) => q.lt("depth_m", 12.5), [4]],
    ["lte", (q) => q.lte("depth_m", 12.5), [3, 4]],
    ["like", (q) => q.like("name", "%o%"), [2, 3, 5]],
    ["likeAllOf", (q) => q.likeAllOf("name", ["%o%", "%n%"]), [2]],
    ["likeAnyOf", (q) => q.likeAnyOf("name", ["B%", "%o"]), [1, 3]],
    ["ilike", (q) => q.ilike("name", "b%"), [1]],
    ["ilikeAllOf", (q) => q.ilikeAllOf("name", ["%O%", "%N%"]), [2, 5]],
    ["ilikeAnyOf", (q) => q.ilikeAnyOf("name", ["b%", "n%"]), [1, 5]],
    ["regexMatch", (q) => q.regexMatch("name", "^[BL]"), [1, 2]],
    ["regexIMatch", (q) => q.regexIMatch("name", "^b"), [1]],
    ["is null", (q) => q.is("is_open", null), [4, 5]],
    ["is true", (q) => q.is("is_open", true), [1, 2]],
    ["isDistinct", (q) => q.isDistinct("country_code", "PT"), [1, 4, 5]],
    ["in", (q) => q.in("country_code", ["NO", "IS"]), [1, 4]],
    ["in of numbers", (q) => q.in("id", [1, 3, 99]), [1, 3]],
    ["notIn", (q) => q.notIn("id", [1, 2]), [3, 4, 5]],
    ["contains of an array", (q) => q.contains("tags", ["ferry", "wine"]), [2]],
    ["contains of JSON", (q) => q.contains("info", { cranes: 3 }), [1]],
    ["contains of a range", (q) => q.contains("berths", "[6,7]"), [1, 2]],
    ["containedBy of an array", (q) => q.containedBy("tags", ["wine"]), [3, 4]],
    ["containedBy of a range", (q) => q.containedBy("berths", "[0,21)"), [1, 2, 4]],
    ["rangeGt", (q) => q.rangeGt("berths", "[1,20)"), [3]],
    ["rangeGte", (q) => q.rangeGte("berths", "[5,6)"), [2, 3]],
    ["rangeLt", (q) => q.rangeLt("berths", "[10,20)"), [1]],
    ["rangeLte", (q) => q.rangeLte("berths", "[0,20)"), [1, 2]],
    ["rangeAdjacent", (q) => q.rangeAdjacent("berths", "[10,20)"), [1, 3]],
    ["overlaps of an array", (q) => q.overlaps("tags", ["fish", "wine"]), [1, 2, 3]],
    ["overlaps of a range", (q) => q.overlaps("berths", "[9,12)"), [1, 2]],
    ["textSearch", (q) => q.textSearch("search", "cold | river"), [1, 3]],
    [
      "textSearch in a language",
      (q) => q.textSearch("search", "explorer", { config: "english" }),
      [2],
    ],
    [
      "textSearch, plain",
      (q) => q.textSearch("search", "rainy cold", { type: "plain", config: "english" }),
      [1],
    ],
    [
      "textSearch, phrase",
      (q) => q.textSearch("search", "rainy harbour", { type: "phrase", config: "english" }),
      [1],
    ],
    [
      "textSearch, websearch",
      (q) => q.textSearch("search", "harbour -wine", { type: "websearch", config: "english" }),
      [1, 2],
    ],
    ["match", (q) => q.match({ country_code: "PT", is_open: false }), [3]],
    ["not", (q) => q.not("id", "eq", 2), [1, 3, 4, 5]],
    ["not is", (q) => q.not("is_open", "is", null), [1, 2, 3]],
    ["not in", (q) => q.not("id", "in", "(1,2)"), [3, 4, 5]],
    ["or", (q) => q.or("id.eq.1,name.like.P*"), [1, 3]],
    ["or with and", (q) => q.or("id.eq.5,and(country_code.eq.PT,is_open.is.false)"), [3, 5]],
    ["filter", (q) => q.filter("id", "in", "(2,3)"), [2, 3]],
    ["filter by a path in JSON", (q) => q.filter("info->>cranes", "eq", "4"), [3]],
    ["two filters", (q) => q.gt("id", 1).lt("id", 4), [2, 3]],
  ];
  test.each(cases)("%s", async (_, filter, left) => {
    expect(await idsOf(filter(ports()))).toEqual(left);
  });

  test("values with commas, quotes and parentheses in a list", async () => {
    const words = from("words").select("id").order("id");
    expect(await idsOf(words.in("word", ["a,b", "(paren)", "alpha"]))).toEqual([1, 3, 10]);
    const quoted = from("words").select("id").order("id");
    expect(await idsOf(quoted.in("word", ['say "hi"', "back\\slash"]))).toEqual([4, 5]);
  });

  test("or across an embedded resource, and in it", async () => {
    const { data } = await from("ports")
      .select("id, ships(id)")
      .eq("id", 2)
      .or("kind.eq.brig,built.gt.1900", { referencedTable: "ships" });
    expect<unknown>(data).toEqual([{ id: 2, ships: [{ id: 2 }] }]);
  });
}

function modifiers(): void {
  test("select embeds, renames, casts and spreads", async () => {
    const { data, error, status } = await from("ships")
      .select("vessel:name, id::text, captains(last_name), ...ports(port:name)")
      .eq("id", 1);
    expect<unknown>({ data, error, status }).toEqual({
      data: [{ vessel: "Aurora", id: "1", captains: { last_name: "Vik" }, port: "Bergen" }],
      error: null,
      status: 200,
    });
  });

  test("select over several lines", async () => {
    const { data } = await from("ships")
      .select(`
        name,
        ports ( name, countries ( name ) )
      `)
      .eq("id", 2);
    expect<unknown>(data).toEqual([
      { name: "Bela", ports: { name: "Lisbon", countries: { name: "Portugal" } } },
    ]);
  });

  test("aggregates", async () => {
    const { data } = await from("cargo").select("goods, weight.sum()").eq("goods", "wine");
    expect<unknown>(data).toEqual([{ goods: "wine", sum: 280 }]);
  });

  test("order, with nulls first, by two columns, and of an embedded resource", async () => {
    const up = from("ports").select("id").order("depth_m", { nullsFirst: true });
    expect(await idsOf(up)).toEqual([5, 4, 3, 2, 1]);
    const down = from("ports")
      .select("id")
      .order("depth_m", { ascending: false, nullsFirst: false });
    expect(await idsOf(down)).toEqual([1, 2, 3, 4, 5]);
    const two = from("ports").select("id").not("country_code", "is", null);
    expect(await idsOf(two.order("country_code", { ascending: false }).order("depth_m"))).toEqual([
      3, 2, 1, 4,
    ]);
    const { data } = await from("ports")
      .select("id, ships(id)")
      .eq("id", 2)
      .order("name", { referencedTable: "ships", ascending: false });
    expect<unknown>(data).toEqual([{ id: 2, ships: [{ id: 3 }, { id: 2 }] }]);
  });

  test("limit and range, of an embedded resource too", async () => {
    expect(await idsOf(from("items").select("id").order("id").limit(2))).toEqual([1, 2]);
    expect(await idsOf(from("items").select("id").order("id").range(5, 7))).toEqual([6, 7, 8]);
    const { data } = await from("ports")
      .select("id, ships(id)")
      .eq("id", 2)
      .order("id", { referencedTable: "ships" })
      .limit(1, { referencedTable: "ships" });
    expect<unknown>(data).toEqual([{ id: 2, ships: [{ id: 2 }] }]);
    const ranged = await from("ports")
      .select("id, ships(id)")
      .eq("id", 2)
      .order("id", { referencedTable: "ships" })
      .range(1, 1, { referencedTable: "ships" });
    expect<unknown>(ranged.data).toEqual([{ id: 2, ships: [{ id: 3 }] }]);
  });

  test.each(["exact", "planned", "estimated"] as const)("count, %s", async (count) => {
    const { data, count: counted, status } = await from("items").select("id", { count }).limit(2);
    expect({ rows: data?.length, counted, status }).toEqual({ rows: 2, counted: 15, status: 206 });
  });

  test("count without rows", async () => {
    const answer = await from("items").select("*", { count: "exact", head: true }).gt("id", 10);
    expect(answer).toMatchObject({ data: null, count: 5, status: 200, error: null });
  });

  test("a range beyond the end is an error with the count", async () => {
    const { data, error, status } = await from("items")
      .select("*", { count: "exact" })
      .range(100, 109);
    expect({ data, status, code: error?.code, details: error?.details }).toEqual({
      data: null,
      status: 416,
      code: "PGRST103",
      details: "An offset of 100 was requested, but there are only 15 rows.",
    });
  });

  test("single and maybeSingle", async () => {
    expect(await from("buoys").select("id").eq("id", 1).single()).toMatchObject({
      data: { id: 1 },
      error: null,
    });
    expect(await from("buoys").select("id").single()).toMatchObject({
      data: null,
      status: 406,
      error: { code: "PGRST116", details: "The result contains 2 rows" },
    });
    expect(await from("buoys").select("id").eq("id", 1).maybeSingle()).toMatchObject({
      data: { id: 1 },
      error: null,
    });
    expect(await from("buoys").select("id").eq("id", 99).maybeSingle()).toMatchObject({
      data: null,
      error: null,
    });
    expect(await from("buoys").select("id").maybeSingle()).toMatchObject({
      data: null,
      error: { code: "PGRST116" },
    });
  });

  test("csv", async () => {
    const { data } = await from("buoys").select("id").order("id").csv();
    expect(data).toBe("id\n1\n2");
  });

  test("geojson is refused where there is no PostGIS", async () => {
    const { error, status } = await from("buoys").select().geojson();
    expect({ code: error?.code, status }).toEqual({ code: "PGRST107", status: 406 });
  });

  test("stripNulls, of many and of one", async () => {
    const many = await from("ports").select("id, depth_m").gte("id", 4).order("id").stripNulls();
    expect<unknown>(many.data).toEqual([{ id: 4, depth_m: 9 }, { id: 5 }]);
    const one = await from("ports").select("id, depth_m").eq("id", 5).single().stripNulls();
    expect<unknown>(one.data).toEqual({ id: 5 });
  });

  test("explain, as text and as JSON, with its options", async () => {
    const text = await from("ports").select("id").eq("id", 1).explain();
    expect(text.data).toStartWith("Aggregate");
    const json = await from("ports").select("id").explain({
      format: "json",
      analyze: true,
      verbose: true,
      settings: true,
      buffers: true,
      wal: true,
    });
    expect(json.data).toEqual([
      expect.objectContaining({ Plan: expect.any(Object), "Execution Time": expect.any(Number) }),
    ]);
  });

  test("another schema", async () => {
    const archive = client().schema("archive");
    const { data } = await archive.from("wrecks").select("depth_m, ships(name)").eq("id", 1);
    expect<unknown>(data).toEqual([{ depth_m: 40, ships: { name: "Zephyr" } }]);
    expect((await archive.rpc("greet", { name: "Ann" })).data).toBe("Farewell, Ann");
    expect((await client().schema("nowhere").from("ships").select()).error?.code).toBe("PGRST106");
  });

  test("headers of one request, and an aborted one", async () => {
    const { data } = await client().rpc("header", { name: "x-tide" }).setHeader("x-tide", "low");
    expect(data).toBe("low");
    const { error } = await from("ports").select().abortSignal(AbortSignal.abort());
    expect(error?.message).toContain("AbortError");
  });

  test("types of the answer can be given", async () => {
    const { data } = await from("buoys").select("id").order("id").overrideTypes<{ id: number }[]>();
    expect(data?.map((row) => row.id + 1)).toEqual([2, 3]);
    const { data: one } = await from("buoys")
      .select("id")
      .eq("id", 1)
      .single()
      .overrideTypes<{ id: number }>();
    expect(one?.id).toBe(1);
    const returned = await from("buoys").select("id").order("id").returns<{ id: number }[]>();
    expect(returned.data?.[1]?.id).toBe(2);
  });
}

function writing(): void {
  afterEach(() => world.reset());

  test("insert one, several, and nothing but their number", async () => {
    expect(await from("buoys").insert({ id: 8 })).toMatchObject({
      data: null,
      status: 201,
      error: null,
    });
    const several = await from("crates")
      .insert([{ label: "a" }, { label: "b", weight: 3 }])
      .select("label, weight");
    expect<unknown>(several.data).toEqual([
      { label: "a", weight: null },
      { label: "b", weight: 3 },
    ]);
    const counted = await from("buoys").insert([{ id: 10 }, { id: 11 }], { count: "exact" });
    expect(counted).toMatchObject({ count: 2, status: 201 });
  });

  test("insert with the defaults of what is missing", async () => {
    const { data } = await from("crates")
      .insert([{ label: "a" }, { label: "b", weight: 3 }], { defaultToNull: false })
      .select("label, weight");
    expect<unknown>(data).toEqual([
      { label: "a", weight: 10 },
      { label: "b", weight: 3 },
    ]);
  });

  test("insert and one row back, with what it is related to", async () => {
    const { data } = await from("voyages")
      .insert({ id: 9, ship_id: 2, departed: "2004-01-01T00:00:00Z" })
      .select("id, ships(name)")
      .single();
    expect<unknown>(data).toEqual({ id: 9, ships: { name: "Bela" } });
  });

  test("upsert by key, by unique columns, and leaving duplicates", async () => {
    const merged = await from("berths")
      .upsert([
        { dock: "north", no: 1, ship: "Bela" },
        { dock: "east", no: 9, ship: "X" },
      ])
      .select("dock, ship");
    expect(merged).toMatchObject({
      status: 201,
      data: [
        { dock: "north", ship: "Bela" },
        { dock: "east", ship: "X" },
      ],
    });
    const unique = await from("boxes")
      .upsert({ width: 9, height: 9, code: "AB" }, { onConflict: "code" })
      .select("id, width");
    expect(unique).toMatchObject({ status: 200, data: [{ id: 1, width: 9 }] });
    const ignored = await from("buoys")
      .upsert([{ id: 1 }, { id: 7 }], { ignoreDuplicates: true, count: "exact" })
      .select();
    expect(ignored).toMatchObject({ data: [{ id: 7 }], count: 1 });
  });

  test("update with filters, back and counted", async () => {
    expect(await from("crates").update({ weight: 1 }).eq("id", 1)).toMatchObject({
      data: null,
      status: 204,
      error: null,
    });
    const back = await from("crates")
      .update({ weight: 2 })
      .lt("id", 3)
      .select("id, weight")
      .order("id");
    expect<unknown>(back.data).toEqual([
      { id: 1, weight: 2 },
      { id: 2, weight: 2 },
    ]);
    const counted = await from("crates").update({ weight: 3 }, { count: "exact" }).gt("id", 0);
    expect(counted).toMatchObject({ count: 3, status: 204 });
  });

  test("delete with filters, back and counted", async () => {
    const back = await from("crates").delete().eq("id", 1).select("label");
    expect<unknown>(back.data).toEqual([{ label: "tea" }]);
    expect(await from("crates").delete({ count: "exact" }).gt("id", 1)).toMatchObject({
      count: 2,
      status: 204,
    });
  });

  test("rollback leaves all as it was", async () => {
    const { data } = await from("buoys").insert({ id: 9 }).select().rollback();
    expect<unknown>(data).toEqual([{ id: 9 }]);
    expect(await idsOf(from("buoys").select().order("id"))).toEqual([1, 2]);
  });

  test("maxAffected bounds updates, deletions and calls", async () => {
    const remote = new PostgrestClient<Versioned>(`${world.urlFor("/")}/data/v1`);
    const deleted = await remote.from("scraps").delete().neq("a", "none").maxAffected(2);
    expect(deleted).toMatchObject({ status: 400, error: { code: "PGRST124" } });
    const updated = await remote.from("scraps").update({ b: "z" }).eq("a", "x").maxAffected(1);
    expect(updated).toMatchObject({ status: 204, error: null });
    const called = await remote.rpc("clear_crates").maxAffected(2);
    expect(called).toMatchObject({ status: 400, error: { code: "PGRST124" } });
  });

  test("bigints are sent whole", async () => {
    const { error } = await from("samples").insert({ id: 9, big: 9007199254740993n });
    expect(error).toBeNull();
    const { data } = await from("samples").select("big::text").eq("id", 9).single();
    expect<unknown>(data).toEqual({ big: "9007199254740993" });
  });
}

interface Versioned {
  __InternalSupabase: { PostgrestVersion: "13" };
  public: {
    Tables: {
      scraps: {
        Row: { a: string | null; b: string | null };
        Insert: { a?: string | null; b?: string | null };
        Update: { a?: string | null; b?: string | null };
        Relationships: [];
      };
    };
    Views: Record<string, never>;
    Functions: { clear_crates: { Args: Record<string, never>; Returns: { id: number }[] } };
  };
}

function functions(): void {
  test("by POST, GET and HEAD", async () => {
    expect((await client().rpc("add", { a: 1, b: 2 })).data).toBe(3);
    expect((await client().rpc("add", { a: 1, b: 2 }, { get: true })).data).toBe(3);
    expect(await client().rpc("all_ports", {}, { head: true, count: "exact" })).toMatchObject({
      data: null,
      count: 5,
      error: null,
    });
  });

  test("with arrays, optional arguments and objects", async () => {
    expect((await client().rpc("plus_one", { arr: [1, 2] })).data).toEqual([2, 3]);
    expect((await client().rpc("plus_one", { arr: [1, 2] }, { get: true })).data).toEqual([2, 3]);
    expect(
      (await client().rpc("greet", { name: "Ann", greeting: undefined }, { get: true })).data,
    ).toBe("Ahoy, Ann");
    expect((await client().rpc("keys_of", { document: { a: 1, b: 2 } })).data).toBe("a+b");
    expect(await client().rpc("keys_of", { document: { a: 1 } }, { head: true })).toMatchObject({
      error: null,
    });
  });

  test("of rows: filtered, ordered, limited, embedded, single", async () => {
    const rows = client()
      .rpc("all_ports")
      .select("id, countries(name)")
      .gt("depth_m", 12)
      .order("id", { ascending: false })
      .limit(1);
    expect<unknown>((await rows).data).toEqual([{ id: 3, countries: { name: "Portugal" } }]);
    const one = await client().rpc("ports_of", { code: "NO" }).select("name").single();
    expect(one.data).toEqual({ name: "Bergen" });
  });

  test("of nothing", async () => {
    expect(await client().rpc("hoist")).toMatchObject({ data: null, status: 204, error: null });
  });
}

function errors(): void {
  test("are those of PostgREST and PostgreSQL", async () => {
    expect((await from("prts").select()).error).toEqual({
      code: "PGRST205",
      message: "Could not find the table 'api.prts' in the schema cache",
      details: null,
      hint: "Perhaps you meant the table 'api.ports'",
    } as never);
    expect(await from("buoys").insert({ id: 1 })).toMatchObject({
      status: 409,
      error: { code: "23505", details: "Key (id)=(1) already exists." },
    });
    expect(await from("secrets").select()).toMatchObject({ status: 401, error: { code: "42501" } });
    expect(await client("harbour_master").from("ports").select()).toMatchObject({
      status: 403,
      error: { code: "42501" },
    });
  });

  test("are thrown when asked for, with their type", async () => {
    const error = await from("prts")
      .select()
      .throwOnError()
      .then(
        () => null,
        (thrown: unknown) => thrown,
      );
    expect(error).toBeInstanceOf(PostgrestError);
    expect(error).toMatchObject({ code: "PGRST205", name: "PostgrestError" });
  });

  test("of a client without retries", async () => {
    const { error } = await from("prts").select().retry(false);
    expect(error?.code).toBe("PGRST205");
  });
}

function api(): void {
  test("the description of the API", async () => {
    const { data, error } = await client().getOpenApiSpec();
    expect(error).toBeNull();
    expect(Object.keys(data?.paths ?? {})).toContain("/ports");
  });

  test("a token's rows", async () => {
    expect(await idsOf(client("harbour_clerk").from("cabins").select("id").order("id"))).toEqual([
      1, 3,
    ]);
  });
}
