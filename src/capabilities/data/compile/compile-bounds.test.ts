import { expect, test } from "bun:test";
import { compile } from "./compile-search.fixture.ts";

test("a read has no bound where its filters name one row by its key, and only there", () => {
  const isBounded = (table: string, search: string) =>
    compile(table, search).sql.includes(" limit 1000");
  const named = ["id=eq.1", "id=eq.1&name=eq.a", "name=eq.a&id=eq.1"];
  for (const search of named) expect(isBounded("clients", search)).toBe(false);
  expect(isBounded("task_users", "user_id=eq.1&task_id=eq.2")).toBe(false);
  const others = [
    "id=gt.1",
    "id=not.eq.1",
    "id=eq(any).{1}",
    "id=in.(1)",
    "name=eq.a",
    "or=(id.eq.1,id.eq.2)",
    "data->id=eq.1",
  ];
  for (const search of others) expect(isBounded("clients", search)).toBe(true);
  expect(isBounded("task_users", "user_id=eq.1")).toBe(true);
  expect(isBounded("open_view", "id=eq.1")).toBe(true);
});
