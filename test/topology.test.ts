/**
 * The HTTP surface is the same from one process to many: every row of every HTTP table is sent to
 * one whole server and to one server per capability, with identity asked over HTTP. Status, headers
 * and bodies must be equal after masking, and must be what the row says: equal wrong answers prove
 * nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rows as authRows } from "./http/auth.rows.ts";
import { rows as dataRows } from "./http/data.rows.ts";
import { rows as functionRows } from "./http/functions.rows.ts";
import { rows as serverRows } from "./http/server.rows.ts";
import { MASKED_FIELDS, MASKED_HEADERS } from "./support/masked-fields.ts";
import { testPostgres } from "./support/postgres.ts";
import { createRowWorld } from "./support/row-world.ts";
import { checkRow, type HttpRow, type RowWorld, sendRow } from "./support/rows.ts";
import { startTestServer, type TestServer } from "./support/server.ts";

const PROJECT = "test/fixtures/project";
const TABLES: Readonly<Record<string, readonly HttpRow[]>> = {
  auth: authRows,
  data: dataRows,
  functions: functionRows,
  server: serverRows,
};

interface Topology {
  readonly world: RowWorld;
  readonly servers: readonly TestServer[];
  stop(): Promise<void>;
}

async function whole(): Promise<Topology> {
  const server = await startTestServer({ project: PROJECT });
  const world = await createRowWorld(server, () => server.url);
  return { world, servers: [server], stop: () => server.stop() };
}

/** One server a capability, on one database; those that need identity ask for it over HTTP. */
async function split(): Promise<Topology> {
  const database = await (await testPostgres()).createDatabase();
  const databaseUrl = database.url;
  const auth = await startTestServer({ only: ["auth"], project: PROJECT, databaseUrl });
  const remote = {
    databaseUrl,
    vaultKey: auth.vaultKey,
    project: PROJECT,
    config: { auth: { url: auth.url } },
  };
  const data = await startTestServer({ ...remote, only: ["data"] });
  const functions = await startTestServer({
    ...remote,
    only: ["functions"],
    config: { ...remote.config, server: { peers: { data: data.url } } },
  });
  const byPrefix: readonly (readonly [RegExp, TestServer])[] = [
    [/^\/(?:data|rest)\/v1/, data],
    [/^\/(?:fn|functions)\/v1/, functions],
    [/./, auth],
  ];
  const world = await createRowWorld(
    auth,
    (path) => (byPrefix.find(([prefix]) => prefix.test(path))?.[1] ?? auth).url,
  );
  const servers = [functions, data, auth];
  return {
    world,
    servers,
    async stop() {
      for (const server of servers) await server.stop();
      await database.drop();
    },
  };
}

let one: Topology;
let many: Topology;

beforeAll(async () => {
  [one, many] = await Promise.all([whole(), split()]);
});

afterAll(async () => {
  await one.stop();
  await many.stop();
});

/** What both must agree on; links name the server that was asked. */
function comparable(topology: Topology, row: HttpRow, answer: unknown): unknown {
  const base = topology.world.urlFor(row.path);
  const names = Object.entries(topology.world.names);
  let text = JSON.stringify(answer).replaceAll(base, "<base>");
  for (const [name, value] of names) text = text.replaceAll(value, `{${name}}`);
  return JSON.parse(text);
}

for (const [capability, rows] of Object.entries(TABLES)) {
  describe(`${capability} answers alike in one process and in many`, () => {
    for (const row of rows) {
      test(row.name, async () => {
        const [left, right] = [await sendRow(one.world, row), await sendRow(many.world, row)];
        checkRow(one.world, row, left);
        checkRow(many.world, row, right);
        expect(comparable(many, row, right)).toEqual(comparable(one, row, left));
      });
    }
  });
}

test("at most ten fields are masked", () => {
  const masked = Object.keys(MASKED_FIELDS).length + Object.keys(MASKED_HEADERS).length;
  expect(masked).toBeLessThanOrEqual(10);
});
