/** `[data] db_uri` against a PostgreSQL of the distribution: TCP, TLS, a password, an older version. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { hs256, SECRET } from "../../src/capabilities/data/auth/token.fixture.ts";
import { type ForeignWorld, LOGIN, openForeignWorld } from "../data/foreign-world.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { type ExternalPostgres, startExternalPostgres } from "./debian-servers.ts";

let external: ExternalPostgres;
let world: ForeignWorld;
let before: unknown;
let server: TestServer;

beforeAll(async () => {
  external = await startExternalPostgres();
  world = await openForeignWorld(external.adminUrl);
  before = await world.found();
  const uri = external.url(
    LOGIN,
    "web's password",
    `sslmode=verify-ca&sslrootcert=${external.caFile}`,
  );
  server = await startTestServer({
    only: ["data"],
    databaseUrl: "postgresql://nobody@127.0.0.1:1/none",
    config: {
      data: { db_uri: uri, db_schemas: "api", db_anon_role: "web_anon", jwt_secret: SECRET },
    },
  });
});
afterAll(async () => {
  await server.stop();
  await world.close();
  await external.stop();
});

test("serves it, and leaves nothing in it", async () => {
  const headers = {
    authorization: `Bearer ${hs256({ role: "web_user" })}`,
    "content-type": "application/json",
  };
  const url = `${server.url}/data/v1`;
  expect(await (await fetch(`${url}/films?id=eq.1`)).json()).toEqual([
    { id: 1, title: "Metropolis" },
  ]);
  const body = JSON.stringify({ id: 7, title: "Stalker" });
  expect((await fetch(`${url}/films`, { method: "POST", headers, body })).status).toBe(201);
  expect((await fetch(`${url}/films?id=eq.7`, { method: "DELETE", headers })).status).toBe(204);
  expect(await (await fetch(`${url}/rpc/setting?name=role`, { headers })).json()).toBe("web_user");
  expect(await world.found()).toEqual(before);
  const logins = await world.sql<{ usename: string }[]>`
    select distinct usename from pg_stat_activity
    where application_name = 'reactor' and pid <> pg_backend_pid()`;
  expect(logins.map(({ usename }) => usename)).toEqual([LOGIN]);
});
