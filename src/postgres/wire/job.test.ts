import { expect, test } from "bun:test";
import { Job } from "./job.ts";

test("two roles never share a prepared statement, nor two statements a name", () => {
  const kindOf = (role: string, sql: string) =>
    new Job(
      { role, sql, settings: [], params: [] },
      { timeoutMs: 0, enqueuedAtMs: 0 },
      () => undefined,
      () => undefined,
    ).kind;
  const kinds = [
    kindOf("anon", "select 1"),
    kindOf("service_role", "select 1"),
    kindOf("anon", "select 2"),
    kindOf("anonselect 1", ""),
  ];
  expect(new Set(kinds).size).toBe(4);
  expect(kindOf("anon", "select 1")).toBe(kindOf("anon", "select 1"));
});
