/** The ecosystem's own client, unchanged, against a running server: what it sends and what it reads. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { startTestServer, type TestServer } from "../support/server.ts";

setDefaultTimeout(60_000);

let server: TestServer;
let anon: SupabaseClient;
let user: SupabaseClient;
let admin: SupabaseClient;
let userId: string;

const OPTIONS = { auth: { persistSession: false, autoRefreshToken: false } };

beforeAll(async () => {
  server = await startTestServer({ project: "test/fixtures/project" });
  anon = createClient(server.url, server.publishableKey, OPTIONS);
  user = createClient(server.url, server.publishableKey, OPTIONS);
  admin = createClient(server.url, server.secretKey, OPTIONS);
  const { data, error } = await user.auth.signUp({
    email: "carol@example.com",
    password: "correct horse 9",
  });
  if (error) throw error;
  userId = data.user?.id ?? "";
});
afterAll(() => server.stop());

describe("supabase-js", () => {
  test("reads with filters, order, range and an exact count", async () => {
    const { data, count, status, error } = await anon
      .from("artists")
      .select("id, name", { count: "exact" })
      .or("id.eq.1,name.ilike.*ö*")
      .order("id", { ascending: false })
      .range(0, 0);
    expect({ data, count, status, error }).toEqual({
      data: [{ id: 2, name: "Björk" }],
      count: 2,
      status: 206,
      error: null,
    });
  });

  test("counts without reading", async () => {
    const { count, data } = await anon
      .from("artists")
      .select("*", { count: "exact", head: true })
      .in("id", [1, 2, 99]);
    expect({ count, data }).toEqual({ count: 2, data: null });
  });

  test("embeds, filters the embedded, and orders it", async () => {
    const { data } = await anon
      .from("artists")
      .select("name, albums!inner(title, covers(url), genres(name))")
      .eq("albums.id", 10)
      .order("id", { referencedTable: "albums.genres" });
    expect<unknown>(data).toEqual([
      {
        name: "Ada",
        albums: [
          {
            title: "First",
            covers: { url: "/covers/10.png" },
            genres: [{ name: "jazz" }, { name: "pop" }],
          },
        ],
      },
    ]);
  });

  test("uses every filter method", async () => {
    const ids = async (query: PromiseLike<{ data: { id: number }[] | null; error: unknown }>) => {
      const { data, error } = await query;
      expect(error).toBeNull();
      return data?.map((row) => row.id);
    };
    const artists = () => anon.from("artists").select("id").order("id");
    expect(await ids(artists().neq("id", 2).gt("id", 1).lte("id", 4))).toEqual([3, 4]);
    expect(await ids(artists().is("born", null))).toEqual([3, 4]);
    expect(await ids(artists().not("born", "is", null))).toEqual([1, 2]);
    expect(await ids(artists().contains("tags", ["jazz"]))).toEqual([1, 3]);
    expect(await ids(artists().containedBy("tags", ["jazz", "pop"]))).toEqual([2, 3, 4]);
    expect(await ids(artists().overlaps("tags", ["live", "pop"]))).toEqual([1, 2]);
    expect(await ids(artists().contains("data", { label: { name: "Blue" } }))).toEqual([1]);
    expect(await ids(artists().likeAnyOf("name", ["A*", "N*"]))).toEqual([1, 4]);
    expect(await ids(artists().ilikeAllOf("name", ["*A*", "%d%"]))).toEqual([1]);
    expect(
      await ids(artists().textSearch("name", "ada", { config: "simple", type: "websearch" })),
    ).toEqual([1]);
    expect(await ids(artists().match({ id: 1, name: "Ada" }))).toEqual([1]);
    expect(await ids(artists().filter("data->label->>name", "eq", "Blue"))).toEqual([1]);
    expect(await ids(artists().in("name", ["Ada", 'qu"ote', "com,ma", "(paren)"]))).toEqual([1]);
    const albums = () => anon.from("albums").select("id").order("id");
    expect(await ids(albums().rangeLt("span", "[5,9)"))).toEqual([10, 12]);
    expect(await ids(albums().rangeAdjacent("span", "[5,9)"))).toEqual([10]);
  });

  test("single and maybeSingle read their errors", async () => {
    const one = await anon.from("artists").select("name").eq("id", 1).single();
    expect(one.data).toEqual({ name: "Ada" });
    const none = await anon.from("artists").select("name").eq("id", 99).single();
    expect({ code: none.error?.code, status: none.status }).toEqual({
      code: "PGRST116",
      status: 406,
    });
    const maybe = await anon.from("artists").select("name").eq("id", 99).maybeSingle();
    expect({ data: maybe.data, error: maybe.error }).toEqual({ data: null, error: null });
  });

  test("reads CSV", async () => {
    const { data } = await anon.from("artists").select("id,name").eq("id", 1).csv();
    expect(data).toBe("id,name\n1,Ada");
  });

  test("inserts, upserts, updates and deletes as the signed-in user", async () => {
    const made = await user
      .from("notes")
      .insert([{ slug: "c1" }, { slug: "c2", stars: 2 }], { defaultToNull: false })
      .select("slug, stars, owner");
    expect(made).toMatchObject({
      status: 201,
      error: null,
      data: [
        { slug: "c1", stars: 1, owner: userId },
        { slug: "c2", stars: 2, owner: userId },
      ],
    });
    const merged = await user
      .from("notes")
      .upsert({ slug: "c1", stars: 5 }, { onConflict: "slug" })
      .select("stars")
      .single();
    expect(merged).toMatchObject({ status: 200, data: { stars: 5 } });
    const ignored = await user
      .from("notes")
      .upsert([{ slug: "c1", stars: 0 }], { onConflict: "slug", ignoreDuplicates: true })
      .select();
    expect(ignored.data).toEqual([]);
    const changed = await user
      .from("notes")
      .update({ body: "new" }, { count: "exact" })
      .like("slug", "c%");
    expect(changed).toMatchObject({ status: 204, count: 2, error: null });
    const gone = await user.from("notes").delete().eq("slug", "c2").select("slug");
    expect(gone).toMatchObject({ status: 200, data: [{ slug: "c2" }] });
    expect((await anon.from("notes").select("slug").eq("slug", "c1")).data).toEqual([]);
    expect((await admin.from("notes").select("slug").eq("slug", "c1")).data).toEqual([
      { slug: "c1" },
    ]);
  });

  test("calls functions", async () => {
    expect((await anon.rpc("add_up", { a: 1, b: 2 })).data).toBe(3);
    expect((await anon.rpc("add_up", { a: 1 }, { get: true })).data).toBe(2);
    const found = await anon
      .rpc("search_albums", { term: "t" }, { count: "exact" })
      .select("title, artists(name)")
      .eq("id", 12);
    expect<unknown>(found.data).toEqual([{ title: "Debut", artists: { name: "Björk" } }]);
    expect((await user.rpc("do_nothing")).status).toBe(204);
  });

  test("reads the errors of Postgres", async () => {
    const denied = await anon.from("notes").insert({ slug: "x" });
    expect({ code: denied.error?.code, status: denied.status }).toEqual({
      code: "42501",
      status: 401,
    });
    const duplicate = await user.from("notes").insert({ slug: "c1" });
    expect({ code: duplicate.error?.code, status: duplicate.status }).toEqual({
      code: "23505",
      status: 409,
    });
    const unknown = await anon.from("nothing").select();
    expect({ code: unknown.error?.code, status: unknown.status }).toEqual({
      code: "PGRST205",
      status: 404,
    });
  });
});
