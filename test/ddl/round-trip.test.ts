/** A schema that is written out and applied to an empty database is the same schema. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeScript } from "../../src/postgres/ddl/write-script.ts";
import { apply, compared, openSchema, RICH, type SchemaDatabase } from "./databases.ts";
import { describeSchema } from "./oracle.ts";

setDefaultTimeout(60_000);

let rich: SchemaDatabase;
let empty: SchemaDatabase;
beforeAll(async () => {
  rich = await openSchema(RICH);
  empty = await openSchema();
});
afterAll(async () => {
  await rich.close();
  await empty.close();
});

describe("a schema with an object of every kind", () => {
  test("is nothing new to itself", async () => {
    expect(await compared(rich, rich)).toEqual({ statements: [], warnings: [] });
  });

  test("applied to an empty database it is the same, by our own reading and by PostgreSQL's views", async () => {
    const { statements, warnings } = await compared(empty, rich);
    expect(warnings).toEqual([]);
    const copy = await openSchema(`begin;\n${writeScript(statements)}\ncommit;`);
    try {
      expect(await compared(copy, rich)).toEqual({ statements: [], warnings: [] });
      const [wanted, got] = [await describeSchema(rich), await describeSchema(copy)];
      for (const [question, rows] of Object.entries(wanted)) {
        expect({ question, rows: got[question] ?? [] }).toEqual({ question, rows });
        expect(rows.length, question).toBeGreaterThan(0);
      }
    } finally {
      await copy.close();
    }
  });

  test("what is written is written as people write it", async () => {
    const script = writeScript((await compared(empty, rich)).statements);
    expect(script).toStartWith("set local check_function_bodies = off;\n\ncreate schema crew;\n");
    expect(script).toContain(`
create table public.profiles (
  post_id uuid not null,
  text text,
  constraint profiles_pkey PRIMARY KEY (post_id)
);
`);
    expect(script).toContain(`
create policy "own posts" on public."Posts" as restrictive
  for all to anon, authenticated
  using ((author = 1))
  with check ((title <> 'x'::text));
`);
  });

  test("its own removal leaves an empty schema", async () => {
    const copy = await openSchema(RICH);
    try {
      await apply(copy, (await compared(copy, empty)).statements);
      expect(await compared(copy, empty)).toEqual({ statements: [], warnings: [] });
      expect(await describeSchema(copy).then((d) => d["tables"])).toEqual([]);
    } finally {
      await copy.close();
    }
  });
});
