/** Registers the rows of every variant, each against a server of its settings. */
import { afterAll, beforeAll, describe, test } from "bun:test";
import type { ConformanceWorld, Harbour } from "./harbour.ts";
import { pendingVariants } from "./pending.ts";
import { runRows } from "./run-rows.ts";
import { variants } from "./variants.ts";

export function runVariants(open: () => Harbour | Promise<Harbour>): void {
  let harbour: Harbour;
  beforeAll(async () => {
    harbour = await open();
  });
  afterAll(() => harbour.close());

  for (const { name, settings, pages } of variants) {
    if (pendingVariants.includes(name)) {
      test(`${name}: the server does not know these settings yet`, () =>
        mustNotServe(harbour, settings, name));
      continue;
    }
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

async function mustNotServe(harbour: Harbour, settings: Record<string, unknown>, name: string) {
  const started = await harbour.serve(settings).then(
    (world) => world.stop().then(() => true),
    () => false,
  );
  if (started) throw new Error(`starts: take "${name}" off pendingVariants`);
}
