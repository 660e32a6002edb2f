/** Random trees of filters answer the rows that a plain evaluator chooses. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { type DataWorld, openDataWorld } from "./data-world.ts";
import { queryOf, rowsArbitrary, treeArbitrary, truthOf } from "./filter-model.ts";

const TABLES = 20;
const QUERIES = 500;
/** Requests at once: as many as the pool takes without queueing. */
const AT_ONCE = 8;

let world: DataWorld;
beforeAll(async () => {
  world = await openDataWorld({ require_rls: false, max_filters: 1000 });
  await world.sql.unsafe(`create table public.model (id integer primary key, n integer,
    s text collate "C", b boolean, a integer[], j jsonb)`);
  await world.sql.unsafe("notify pgrst");
});
afterAll(() => world.close());

test("10,000 random filters over random tables choose the rows that they mean", async () => {
  const tables = fc.sample(rowsArbitrary, { numRuns: TABLES, seed: 18 });
  for (const [i, rows] of tables.entries()) {
    await world.sql.unsafe("truncate public.model");
    await world.sql`insert into public.model
      select * from jsonb_populate_recordset(null::public.model, ${world.sql.json(rows as never)})`;
    const queries = fc.sample(fc.array(treeArbitrary, { minLength: 1, maxLength: 3 }), {
      numRuns: QUERIES,
      seed: 1000 + i,
    });
    for (let at = 0; at < queries.length; at += AT_ONCE) {
      const some = queries.slice(at, at + AT_ONCE);
      await Promise.all(
        some.map(async (trees) => {
          const query = queryOf(trees);
          const answer = await world.ask(`/model?select=id&order=id&${query}`);
          const found = (await answer.json()) as unknown;
          const meant = rows.filter((row) => trees.every((tree) => truthOf(tree, row) === true));
          expect({ query, found }).toEqual({ query, found: meant.map(({ id }) => ({ id })) });
        }),
      );
    }
  }
}, 300_000);
