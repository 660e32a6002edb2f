import { expect, test } from "bun:test";
import { QueryCosts } from "./query-costs.ts";

test("a query is slow until it was seen to be quick, and again once it slows down", () => {
  const costs = new QueryCosts();
  expect(costs.isSlow("a")).toBe(true);
  costs.note("a", 1);
  expect(costs.isSlow("a")).toBe(false);
  costs.note("a", 500);
  expect(costs.isSlow("a")).toBe(true);
});

test("a query is quick when it is known to take a millisecond at most", () => {
  const costs = new QueryCosts();
  expect(costs.isQuick("a")).toBe(false);
  costs.note("a", 0.2);
  expect(costs.isQuick("a")).toBe(true);
  costs.note("a", 50);
  expect(costs.isQuick("a")).toBe(false);
});

test("only so many kinds are remembered, the oldest go", () => {
  const costs = new QueryCosts();
  for (let kind = 0; kind <= 2_000; kind += 1) costs.note(String(kind), 1);
  expect(costs.isSlow("0")).toBe(true);
  expect(costs.isSlow("1")).toBe(false);
});
