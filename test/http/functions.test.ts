import { afterAll, beforeAll } from "bun:test";
import { createRowWorld } from "../support/row-world.ts";
import { type RowWorld, runRows } from "../support/rows.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { rows } from "./functions.rows.ts";

let server: TestServer;
let world: RowWorld;

beforeAll(async () => {
  server = await startTestServer({ project: "test/fixtures/project" });
  world = await createRowWorld(server, () => server.url);
}, 60_000);

afterAll(() => server.stop());

runRows("functions", rows, () => world);
