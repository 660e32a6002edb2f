/** Two tenants on two databases in one process: nothing of one is ever the other's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DEFAULT_TENANT, type TenantCtx } from "../../src/core/tenant.ts";
import { openDirect } from "../../src/postgres/databases.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { createIds } from "../../src/shared/ids.ts";
import { loadProject } from "../../src/shared/project.ts";
import { systemRng } from "../../src/shared/rng.ts";
import { tenantsByHost } from "../../src/shared/tenants.ts";
import { loadMasterKey } from "../../src/shared/vault/master-key.ts";
import { createPostgresVault } from "../../src/shared/vault/postgres-vault.ts";
import { silentLog, type TestDatabase, testPostgres } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { functionOf, sha256Of } from "./admin-client.ts";

const PASSWORD = "correct horse battery";
const NOTES = `create table public.notes (id int primary key, text text);
alter table public.notes enable row level security;
create policy everybody on public.notes for select using (true);
grant select on public.notes to anon, authenticated;`;

interface Side {
  readonly tenant: TenantCtx;
  readonly host: string;
  readonly databaseUrl: string;
  publishable: string;
  secret: string;
  token: string;
  refresh: string;
}

let server: TestServer;
let databases: TestDatabase[];
let a: Side;
let b: Side;

function call(
  side: Side,
  path: string,
  init: RequestInit & { headers?: Record<string, string> } = {},
) {
  const headers = { host: side.host, "content-type": "application/json", ...init.headers };
  return fetch(server.url + path, { ...init, headers });
}
const admin = (side: Side, method: string, path: string, body: BodyInit) =>
  call(side, `/_admin${path}`, {
    method,
    body,
    headers: { authorization: `Bearer ${server.adminToken}` },
  });

async function query(side: Side, statement: string) {
  const sql = openDirect(side.databaseUrl, silentLog);
  try {
    return [...(await sql.unsafe(statement))];
  } finally {
    await sql.end();
  }
}

async function keysOf({ tenant, databaseUrl }: Side) {
  const sql = openDirect(databaseUrl, silentLog);
  try {
    const source = {
      value: server.vaultKey,
      dataDir: server.dataDir,
      rng: systemRng,
      log: silentLog,
    };
    const databases_ = { for: () => ({ system: sql, direct: sql }) };
    const masterKey = await loadMasterKey(source);
    const vault = createPostgresVault({
      databases: databases_,
      master: { kind: "key", key: masterKey, file: null },
      rng: systemRng,
      log: silentLog,
    });
    const ids = createIds(systemClock, systemRng);
    return await loadProject({ vault, tenant, ids, publicUrl: "" });
  } finally {
    await sql.end();
  }
}

/** Signs the same person up, makes the same table with other rows, deploys another function. */
async function furnish(side: Side): Promise<void> {
  const signUp = await call(side, "/auth/v1/signup", {
    method: "POST",
    headers: { apikey: side.publishable },
    body: JSON.stringify({ email: "ann@example.test", password: PASSWORD }),
  });
  expect(signUp.status).toBe(200);
  const session = (await signUp.json()) as { access_token: string; refresh_token: string };
  side.token = session.access_token;
  side.refresh = session.refresh_token;
  const migrations = [{ name: "0001_notes", sql: NOTES }];
  const migrated = await admin(side, "POST", "/migrate", JSON.stringify({ migrations }));
  expect(migrated.status).toBe(200);
  await query(side, `insert into public.notes values (1, 'of ${side.host}')`);
  const code = `export default () => new Response("function of ${side.host}");`;
  await admin(side, "PUT", `/deploy/parts/${sha256Of(code)}`, code);
  const sections = {
    functions: [functionOf("mine", code), functionOf(`only-${side.host[0]}`, code)],
  };
  const deployed = await admin(side, "POST", "/deploy", JSON.stringify({ sections }));
  expect(await deployed.json()).toMatchObject({ status: "complete" });
}

beforeAll(async () => {
  const postgres = await testPostgres();
  databases = [await postgres.createDatabase(), await postgres.createDatabase()];
  const side = (tenant: TenantCtx, host: string, databaseUrl = ""): Side => ({
    ...{ tenant, host, databaseUrl, publishable: "", secret: "", token: "", refresh: "" },
  });
  a = side(DEFAULT_TENANT, "a.test", databases[0]?.url);
  b = side({ id: "b" }, "b.test", databases[1]?.url);
  server = await startTestServer({
    databaseUrl: a.databaseUrl,
    tenants: tenantsByHost({ [a.host]: a.tenant, [b.host]: b.tenant }),
    tenantUrls: { [b.tenant.id]: b.databaseUrl },
  });
  for (const one of [a, b]) {
    const { publishableKey, secretKey } = await keysOf(one);
    one.publishable = publishableKey;
    one.secret = secretKey;
    await furnish(one);
  }
}, 90_000);

afterAll(async () => {
  await server.stop();
  for (const database of databases) await database.drop();
});

const others = () => [[a, b] as const, [b, a] as const];
const ids = async (side: Side) =>
  (await query(side, "select id::text from auth.users")).map((row) => row["id"]);

test("a host that is nobody's is not found", async () => {
  const answer = await call({ ...a, host: "c.test" }, "/health");
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ code: "unknown_host" });
});

test("keys, issuers and signing keys differ", async () => {
  const [left, right] = [await keysOf(a), await keysOf(b)];
  expect(left.issuer).not.toBe(right.issuer);
  expect(left.signingKeys[0]?.kid).not.toBe(right.signingKeys[0]?.kid);
  const jwks = await Promise.all(
    [a, b].map(async (side) => (await call(side, "/auth/v1/.well-known/jwks.json")).text()),
  );
  expect(jwks[0]).not.toBe(jwks[1] ?? "");
});

describe("a credential of one at the other's host is 401", () => {
  test.each(["/data/v1/notes", "/auth/v1/user", "/fn/v1/mine"])("at %s", async (path) => {
    for (const [mine, theirs] of others()) {
      const foreign = [
        { authorization: `Bearer ${theirs.token}` },
        { apikey: mine.publishable, authorization: `Bearer ${theirs.token}` },
        { apikey: theirs.publishable },
        { apikey: theirs.secret },
        { authorization: `Bearer ${theirs.secret}` },
      ];
      for (const headers of foreign) expect((await call(mine, path, { headers })).status).toBe(401);
      const own = { apikey: mine.publishable, authorization: `Bearer ${mine.token}` };
      expect((await call(mine, path, { headers: own })).status).toBe(200);
    }
  });

  test("and so is a refresh token, which stays good at home", async () => {
    for (const [mine, theirs] of others()) {
      const refresh = (side: Side) =>
        call(side, "/auth/v1/token?grant_type=refresh_token", {
          method: "POST",
          headers: { apikey: side.publishable },
          body: JSON.stringify({ refresh_token: theirs.refresh }),
        });
      expect((await refresh(mine)).ok).toBe(false);
      const renewed = await refresh(theirs);
      expect(renewed.status).toBe(200);
      theirs.refresh = ((await renewed.json()) as { refresh_token: string }).refresh_token;
    }
  });
});

test("users are each tenant's own, though of one address", async () => {
  const [left, right] = [await ids(a), await ids(b)];
  expect([left.length, right.length]).toEqual([1, 1]);
  expect(left).not.toEqual(right);
  for (const [side, own] of [[a, left] as const, [b, right] as const]) {
    const headers = { apikey: side.publishable, authorization: `Bearer ${side.token}` };
    expect(await (await call(side, "/auth/v1/user", { headers })).json()).toMatchObject({
      id: own[0],
    });
  }
});

test("rows are read and written at home, many at once", async () => {
  const rows = async (side: Side, n: number) => {
    const headers = { apikey: n % 2 ? side.publishable : side.secret };
    return (await call(side, `/data/v1/notes?select=text&limit=1&order=id`, { headers })).json();
  };
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) => rows(n % 3 ? a : b, n) as Promise<unknown>),
  );
  expect(answers).toEqual(answers.map((_, n) => [{ text: n % 3 ? "of a.test" : "of b.test" }]));
  await call(b, "/data/v1/notes", {
    method: "POST",
    headers: { apikey: b.secret },
    body: JSON.stringify({ id: 2, text: "written at b" }),
  });
  expect(await query(a, "select id from public.notes order by id")).toHaveLength(1);
  expect(await query(b, "select id from public.notes order by id")).toHaveLength(2);
});

test("a table of one is unknown at the other, before and after it is looked for", async () => {
  await query(a, "create table public.only_a (id int); grant all on public.only_a to service_role");
  const ask = async (side: Side) =>
    (await call(side, "/data/v1/only_a", { headers: { apikey: side.secret } })).status;
  expect(await until("a's schema is read again", async () => (await ask(a)) === 200)).toBe(true);
  expect(await ask(b)).toBe(404);
});

test("functions are each tenant's own", async () => {
  for (const [mine, theirs] of others()) {
    const get = (path: string) => call(mine, path, { headers: { apikey: mine.secret } });
    expect(await (await get("/fn/v1/mine")).text()).toBe(`function of ${mine.host}`);
    expect((await get(`/fn/v1/only-${theirs.host[0]}`)).status).toBe(404);
    const list = JSON.stringify(await (await get("/fn/v1/_admin")).json());
    expect(list).toContain(`only-${mine.host[0]}`);
    expect(list).not.toContain(`only-${theirs.host[0]}`);
  }
});

test("keys and values, events, leases and deploys lie in the tenant's own database under its name", async () => {
  for (const [mine] of others()) {
    for (const table of ["kv", "leases", "events"]) {
      const found = await query(mine, `select distinct tenant from reactor.${table}`);
      expect(found.map((row) => row["tenant"])).toEqual([mine.tenant.id]);
    }
    const deploys = await query(mine, "select report::text from reactor.deployments");
    expect(deploys).toHaveLength(1);
    expect(JSON.stringify(deploys)).toContain(`only-${mine.host[0]}`);
  }
  const events = async (side: Side) =>
    JSON.stringify(await query(side, "select subject from reactor.events"));
  expect(await events(a)).not.toContain("only-b");
  expect(await events(b)).not.toContain("only-a");
});
