import { afterAll, beforeAll, expect, test } from "bun:test";
import { type DataWorld, openDataWorld } from "./data-world.ts";

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld({ anon_statement_timeout_ms: 50 });
  await world.sql.unsafe(`
    create function public.doze() returns text language sql volatile
      as $$ select 'awake' from (select pg_sleep(0.4)) as slept $$;`);
});
afterAll(() => world.close());

const doze = (userId?: string) =>
  world.ask("/rpc/doze", { method: "POST", body: {}, ...(userId ? { userId } : {}) });

test("a query of a caller without an account is cancelled at its own bound", async () => {
  const response = await doze();
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(await response.json()).toMatchObject({ code: "57014" });
});

test("that of a person may take longer", async () => {
  const response = await doze("0190aaaa-0000-7000-8000-000000000001");
  expect([response.status, await response.text()]).toEqual([200, '"awake"']);
});
