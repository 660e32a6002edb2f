/** Registers the rows as tests. Those whose feature is still on its way are listed in `pending.ts`. */
import { describe, expect, test } from "bun:test";
import { checkRow } from "./check-row.ts";
import type { ConformanceWorld } from "./harbour.ts";
import type { Row } from "./kit.ts";
import { pending } from "./pending.ts";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/** @param page the key in `pending` */
export function runRows(page: string, rows: readonly Row[], world: () => ConformanceWorld): void {
  const waiting = new Set(pending[page]);
  describe(page, () => {
    test("every row has a name of its own, and only rows are waited for", () => {
      const names = rows.map(({ name }) => name);
      expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
      expect([...waiting].filter((name) => !names.includes(name))).toEqual([]);
    });
    for (const row of rows) {
      test(row.name, async () => {
        try {
          if (waiting.has(row.name)) await expectFailure(world(), row);
          else await checkRow(world(), row);
        } finally {
          if (!SAFE.has(row.method)) await world().reset();
        }
      });
    }
  });
}

/** A row that has turned green may not stay on the list. */
async function expectFailure(world: ConformanceWorld, row: Row): Promise<void> {
  const failed = await checkRow(world, row).then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error(`passes: take "${row.name}" off pending.ts`);
}
