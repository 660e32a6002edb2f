/** A sample of `bun run campaign rewriter`. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fuzzGenerated, fuzzMutants } from "../support/wasm/fuzz-rewriter.ts";

const SLUGIFY = new Uint8Array(
  readFileSync(join(import.meta.dir, "../../functions/slugify/slugify.wasm")),
);

test("generated modules mean the same after rewriting", () => {
  const { counted, faults } = fuzzGenerated(1, 400);
  expect(faults).toEqual([]);
  expect(counted).toBe(400);
}, 60_000);

test("damaged modules keep their bounds and stop when they are told", async () => {
  const { counted, faults } = await fuzzMutants(1, 300, [SLUGIFY]);
  expect(faults).toEqual([]);
  expect(counted).toBe(300);
}, 60_000);
