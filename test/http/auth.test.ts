import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { createRowWorld } from "../support/row-world.ts";
import { type RowWorld, runRows } from "../support/rows.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { rows } from "./auth.rows.ts";

// A busy machine takes its time to start a database and a server.
setDefaultTimeout(60_000);

let server: TestServer;
let world: RowWorld;

beforeAll(async () => {
  server = await startTestServer({ project: "test/fixtures/project" });
  world = await createRowWorld(server, () => server.url);
});

afterAll(() => server.stop());

runRows("identity", rows, () => world);
