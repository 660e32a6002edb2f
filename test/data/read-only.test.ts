import { afterAll, beforeAll, expect, test } from "bun:test";
import { type DataWorld, openDataWorld } from "./data-world.ts";

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld();
  await world.sql.unsafe(`
    create table public.traces (n integer);
    alter table public.traces enable row level security;
    grant all on public.traces to service_role;
    create function public.trace(public.genres) returns integer language sql volatile
      as $$ insert into public.traces values (1) returning n $$;`);
});
afterAll(() => world.close());

test.each(["GET", "HEAD"])(
  "%s writes nothing, even through a function that would",
  async (method) => {
    const asking = { role: "service_role", method };
    const response = await world.ask("/genres?select=id,trace&id=eq.1", asking);
    if (method === "GET") {
      expect(response.status).toBe(405);
      expect(await response.json()).toMatchObject({ code: "25006" });
    }
    const [row] = await world.sql`select count(*)::int as traces from public.traces`;
    expect(row?.["traces"]).toBe(0);
  },
);

test("the same function writes where writing is asked for", async () => {
  const response = await world.ask("/genres?id=eq.1&select=trace", {
    role: "service_role",
    method: "PATCH",
    body: { name: "Rock" },
    headers: { prefer: "return=representation" },
  });
  expect(response.status).toBe(200);
  const [row] = await world.sql`select count(*)::int as traces from public.traces`;
  expect(row?.["traces"]).toBe(1);
});
