/** A sample of `bun run campaign filters`. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { checkFilters } from "./check-filters.ts";

setDefaultTimeout(120_000);

test("random filters over random tables answer the rows that a plain evaluator leaves", async () => {
  expect(await checkFilters({ tables: 12, filtersPerTable: 40, seed: 20_260_101 })).toBe(480);
});
