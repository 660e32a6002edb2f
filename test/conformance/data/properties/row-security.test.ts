/** A sample of `bun run campaign row-security`. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { checkRowSecurity } from "./check-row-security.ts";

setDefaultTimeout(120_000);

test.each([
  ["as PostgREST serves", false],
  ["on a server of ours", true],
])("1,000 users on 4 connections see what a model says they may see, %s", async (_, own) => {
  const run = { own, users: 1_000, requests: 4_000, connections: 4, atOnce: 32, seed: 20_260_102 };
  const { requests, kinds, faults } = await checkRowSecurity(run);
  expect(faults).toEqual([]);
  expect(requests).toBe(4_000);
  expect(Object.keys(kinds)).toHaveLength(15);
});
