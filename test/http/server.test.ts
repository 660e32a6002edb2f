import { afterAll, beforeAll } from "bun:test";
import { createRowWorld } from "../support/row-world.ts";
import { type RowWorld, runRows } from "../support/rows.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { rows } from "./server.rows.ts";

let server: TestServer;
let world: RowWorld;

beforeAll(async () => {
  server = await startTestServer();
  world = await createRowWorld(server, () => server.url);
});

afterAll(() => server.stop());

runRows("server", rows, () => world);
