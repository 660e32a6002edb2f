/** The conformance rows against servers from source, one after the other, on one database. */
import { afterAll, beforeAll, describe, setDefaultTimeout, test } from "bun:test";
import { pendingVariants } from "./pending.ts";
import { runRows } from "./run-rows.ts";
import { variants } from "./variants.ts";
import { type ConformanceWorld, type Harbour, openHarbour } from "./world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let harbour: Harbour;

beforeAll(async () => {
  harbour = await openHarbour();
});

afterAll(() => harbour.close());

for (const { name, settings, pages } of variants) {
  if (pendingVariants.includes(name)) {
    test(`${name}: the server does not know these settings yet`, async () => {
      const started = await harbour.serve(settings).then(
        (world) => world.stop().then(() => true),
        () => false,
      );
      if (started) throw new Error(`starts: take "${name}" off pendingVariants`);
    });
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
