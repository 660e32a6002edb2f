/** The schema cache follows DDL by itself, drops no request, and keeps tenants apart. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { until } from "../support/until.ts";
import { type DataWorld, openDataWorld } from "./data-world.ts";

const OTHER = { id: "other" };
let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld({}, [OTHER]);
});
afterAll(() => world.close());

const statusOf = async (path: string) => (await world.ask(path, { role: "service_role" })).status;

describe("the schema cache", () => {
  test("serves a table that was made after the first request, without being told", async () => {
    expect(await statusOf("/made_later")).toBe(404);
    await world.sql`create table public.made_later (id integer primary key, n text)`;
    await until("the schema is read again", async () => (await statusOf("/made_later")) === 200);
    await world.sql`alter table public.made_later add column extra integer default 7`;
    await until(
      "the schema is read again",
      async () => (await statusOf("/made_later?select=extra")) === 200,
    );
    await world.sql`drop table public.made_later`;
    await until("the schema is read again", async () => (await statusOf("/made_later")) === 404);
  });

  test("sees a foreign key and a primary key that were added", async () => {
    await world.sql`create table public.parts (id integer, album_id integer)`;
    await world.sql`insert into public.parts values (1, 10)`;
    await until("the schema is read again", async () => (await statusOf("/parts")) === 200);
    expect(await statusOf("/parts?select=albums(title)")).toBe(400);
    await world.sql`alter table public.parts add primary key (id), add foreign key (album_id) references public.albums`;
    await until(
      "the schema is read again",
      async () => (await statusOf("/parts?select=albums(title)")) === 200,
    );
    await world.sql`drop table public.parts`;
  });

  test("stops serving a table whose row security is switched off", async () => {
    await until(
      "the schema is read again",
      async () => (await world.ask("/genres")).status === 200,
    );
    await world.sql`alter table public.genres disable row level security`;
    await until(
      "the schema is read again",
      async () => (await world.ask("/genres")).status === 403,
    );
    await world.sql`alter table public.genres enable row level security`;
    await until(
      "the schema is read again",
      async () => (await world.ask("/genres")).status === 200,
    );
  });

  test("follows casts of domains, aggregates and what makes a view writable", async () => {
    await world.sql.unsafe(`
      create domain public.shout as text;
      create table public.shouts (id integer primary key, word public.shout);
      insert into public.shouts values (1, 'hey');
      alter table public.shouts enable row level security;
      create policy everybody on public.shouts for select using (true);
      create view public.two_shouts with (security_invoker = true) as
        select a.id, b.word from public.shouts a join public.shouts b using (id);`);
    const word = async () => (await (await world.ask("/shouts?select=word")).json()) as unknown;
    await until("the table is read", async () => Array.isArray(await word()));
    expect(await word()).toEqual([{ word: "hey" }]);
    await world.sql.unsafe(`
      create function public.as_json(public.shout) returns json language sql immutable
        return to_json(upper($1));
      create cast (public.shout as json) with function public.as_json(public.shout) as implicit;`);
    await until("the cast is known", async () => JSON.stringify(await word()).includes("HEY"));
    const allow = async (path: string) =>
      (await world.ask(path, { method: "OPTIONS" })).headers.get("allow") ?? "";
    expect(await allow("/two_shouts")).not.toContain("DELETE");
    await world.sql.unsafe(`
      create function public.quiet() returns trigger language plpgsql as 'begin return old; end';
      create trigger quiet instead of delete on public.two_shouts
        for each row execute function public.quiet();`);
    await until("it takes deletes", async () => (await allow("/two_shouts")).includes("DELETE"));
    await world.sql.unsafe("drop table public.shouts cascade; drop domain public.shout cascade");
  });

  test("repairs itself when a notification was lost", async () => {
    await world.sql`create table public.renamed (id integer primary key, old_name text)`;
    await until(
      "the schema is read again",
      async () => (await statusOf("/renamed?select=old_name")) === 200,
    );
    await world.sql.begin(async (tx) => {
      await tx`alter event trigger reactor_schema_changed disable`;
      await tx`alter table public.renamed rename column old_name to new_name`;
      await tx`alter event trigger reactor_schema_changed enable`;
    });
    const insert = () =>
      world.ask("/renamed?select=new_name", {
        role: "service_role",
        method: "POST",
        body: { id: 1, old_name: "x" },
      });
    // The cache still believes in the old column; Postgres does not, so the schema is read again.
    await until(
      "the schema is read again",
      async () => ((await (await insert()).json()) as { code: string }).code === "PGRST204",
    );
    await world.sql`drop table public.renamed`;
  });

  test("repairs itself when a key names several rows since, and nobody told", async () => {
    await world.sql`create table public.boxes (id integer primary key)`;
    await world.sql`insert into public.boxes values (1)`;
    await until("the schema is read again", async () => (await statusOf("/boxes")) === 200);
    await world.sql.begin(async (tx) => {
      await tx`alter event trigger reactor_schema_changed disable`;
      await tx`create table public.old_boxes () inherits (public.boxes)`;
      await tx`alter event trigger reactor_schema_changed enable`;
    });
    await world.sql`insert into public.old_boxes values (1)`;
    const rows = async () => {
      const answer = await world.ask("/boxes?id=eq.1", { role: "service_role" });
      return (await answer.json()) as unknown;
    };
    await until("both rows are answered", async () =>
      Bun.deepEquals(await rows(), [{ id: 1 }, { id: 1 }]),
    );
    await world.sql`drop table public.boxes cascade`;
  });

  test("drops no request while it reloads again and again", async () => {
    let stop = false;
    const statuses = new Set<number>();
    const reading = Array.from({ length: 8 }, async () => {
      while (!stop) statuses.add((await world.ask("/artists?select=id,albums(id)")).status);
    });
    for (let i = 0; i < 30; i++) {
      await world.sql.unsafe(`create table public.churn_${i} (id integer)`);
      await world.sql.unsafe(`drop table public.churn_${i}`);
    }
    stop = true;
    await Promise.all(reading);
    expect([...statuses]).toEqual([200]);
  });

  test("belongs to one tenant: another's tables and rows are its own", async () => {
    await world.sql`create table public.only_here (id integer primary key)`;
    await until("the schema is read again", async () => (await statusOf("/only_here")) === 200);
    const there = await world.ask("/only_here", { role: "service_role", tenant: OTHER });
    expect(there.status).toBe(404);
    await world.sql`insert into public.artists values (77, 'Only here')`;
    expect(await (await world.ask("/artists?id=eq.77&select=name")).json()).toEqual([
      { name: "Only here" },
    ]);
    expect(await (await world.ask("/artists?id=eq.77", { tenant: OTHER })).json()).toEqual([]);
    // What one tenant's tables are protected by says nothing about another's of the same names.
    await world.databases.for(OTHER).system`alter table public.genres disable row level security`;
    await until("the schema is read again", async () => {
      const response = await world.ask("/genres", { tenant: OTHER });
      return response.status === 403;
    });
    expect((await world.ask("/genres")).status).toBe(200);
  });
});

describe("settings", () => {
  test("require_rls = false serves tables without row security", async () => {
    const open = await openDataWorld({ require_rls: false });
    expect((await open.ask("/open_table")).status).toBe(200);
    await open.close();
  });

  test("limits are kept: rows, filters, lists, body, URL, depth", async () => {
    const small = await openDataWorld({
      db_max_rows: 2,
      max_filters: 2,
      max_in_list: 2,
      max_body_bytes: 1024,
      max_url_bytes: 1024,
      max_embed_depth: 1,
    });
    const code = async (path: string, asking = {}) =>
      ((await (await small.ask(path, asking)).json()) as { code?: string }).code;
    const rows = async (path: string) => (await (await small.ask(path)).json()) as unknown[];
    expect(await rows("/artists?select=id&order=id")).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await rows("/artists?select=id&order=id&limit=100")).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await rows("/albums?select=genres(id)&id=eq.10&genres.limit=100")).toHaveLength(1);
    const estimated = await small.ask("/artists", { headers: { prefer: "count=estimated" } });
    expect(estimated.headers.get("content-range")).toMatch(/^0-1\/\d+$/);
    expect(await code("/artists?id=eq.1&id=eq.2&id=eq.3")).toBe("too_many_filters");
    expect(await code("/artists?id=in.(1,2,3)")).toBe("in_list_too_long");
    expect(await code(`/artists?name=eq.${"a".repeat(2000)}`)).toBe("url_too_long");
    expect(await code("/artists?select=albums(covers(url))")).toBe("embed_too_deep");
    const body = { slug: "a".repeat(2000) };
    const userId = "11111111-1111-4111-8111-111111111111";
    const refused = await small.ask("/notes", { method: "POST", body, userId });
    expect(await refused.json()).toMatchObject({ code: "payload_too_large" });
    expect(refused.headers.get("proxy-status")).toBe("PostgREST; error=payload_too_large");
    await small.close();
  });

  test("a second schema is chosen by profile and named in the answer", async () => {
    const two = await openDataWorld({ db_schemas: ["public", "private"] });
    const read = await two.ask("/hidden", {
      role: "postgres",
      headers: { "accept-profile": "private" },
    });
    expect(read.status).toBe(403);
    await two.sql`grant usage on schema private to service_role`;
    await two.sql`grant all on private.hidden to service_role`;
    const granted = await two.ask("/hidden", {
      role: "service_role",
      headers: { "accept-profile": "private" },
    });
    expect(granted.status).toBe(200);
    expect(granted.headers.get("content-profile")).toBe("private");
    expect((await two.ask("/artists")).headers.get("content-profile")).toBe("public");
    await two.close();
  });

  test("a function can set the answer's status and headers", async () => {
    const made = await openDataWorld();
    await made.sql.unsafe(`create function public.teapot(public.genres) returns text language sql volatile as $$
      select set_config('response.status', '418', true) || set_config('response.headers', '[{"X-Kind":"pot"},{"Content-Range":"own"}]', true) $$`);
    const response = await made.ask("/genres?select=teapot&id=eq.1");
    expect(response.status).toBe(418);
    expect(response.headers.get("x-kind")).toBe("pot");
    expect(response.headers.get("content-range")).toBe("own");
    await made.close();
  });
});
