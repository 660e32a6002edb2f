/** The conformance rows against the server from source. */
import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { pages } from "./pages.ts";
import { runRows } from "./run-rows.ts";
import { type ConformanceWorld, openWorld } from "./world.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let world: ConformanceWorld;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.stop());

for (const [page, rows] of Object.entries(pages)) runRows(page, rows, () => world);
