/** Registers the rows of every variant, each against a server of its settings. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { checkRow } from "./check-row.ts";
import type { ConformanceWorld, Harbour } from "./harbour.ts";
import type { Row } from "./kit.ts";
import type { Variant } from "./variants.ts";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

export function runVariants(
  open: () => Harbour | Promise<Harbour>,
  variants: readonly Variant[],
): void {
  let harbour: Harbour;
  beforeAll(async () => {
    harbour = await open();
  });
  afterAll(() => harbour.close());

  for (const { name, settings, pages } of variants) {
    describe(name, () => {
      let world: ConformanceWorld;
      beforeAll(async () => {
        world = await harbour.serve(settings);
      });
      afterAll(() => world.stop());
      for (const [page, rows] of Object.entries(pages)) runRows(page, rows, () => world);
    });
  }
}

function runRows(page: string, rows: readonly Row[], world: () => ConformanceWorld): void {
  describe(page, () => {
    test("every row has a name of its own", () => {
      const names = rows.map(({ name }) => name);
      expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
    });
    for (const row of rows) {
      test(row.name, async () => {
        try {
          await checkRow(world(), row);
        } finally {
          if (!SAFE.has(row.method)) await world().reset();
        }
      });
    }
  });
}
