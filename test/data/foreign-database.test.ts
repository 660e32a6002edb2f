/** `[data] db_uri`: any database served as PostgREST serves it, by a login that owns nothing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { hs256, SECRET } from "../../src/capabilities/data/auth/token.fixture.ts";
import { StartupError } from "../../src/core/startup-error.ts";
import { parseDatabaseUrl, postgresJsOptions } from "../../src/postgres/url.ts";
import { type TestDatabase, testPostgres } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { asLogin, type ForeignWorld, LOGIN, openForeignWorld } from "./foreign-world.ts";

const OPTIONS = { db_schemas: "api", db_anon_role: "web_anon", jwt_secret: SECRET };
const USER = { authorization: `Bearer ${hs256({ role: "web_user" })}` };

let database: TestDatabase;
let world: ForeignWorld;
let before: unknown;
let server: TestServer;

function startOn(url: string, data: Record<string, unknown> = {}, only = ["data"]) {
  const config = {
    data: { ...OPTIONS, db_uri: url, ...data },
    database: { acquire_timeout_ms: 500 },
  };
  return startTestServer({ only, databaseUrl: "postgresql://nobody@127.0.0.1:1/none", config });
}

const ask = (path: string, init: RequestInit = {}, on = server) =>
  fetch(`${on.url}/data/v1${path}`, init);

beforeAll(async () => {
  database = await (await testPostgres()).createDatabase();
  world = await openForeignWorld(database.url);
  before = await world.found();
  server = await startOn(asLogin(database.url));
});
afterAll(async () => {
  await server.stop();
  await world.close();
  await database.drop();
});

describe("a database of somebody else's", () => {
  test("is read, written and called as the roles of its tokens allow", async () => {
    expect(await (await ask("/films?order=id")).json()).toEqual([
      { id: 1, title: "Metropolis" },
      { id: 2, title: "Solaris" },
    ]);
    const row = JSON.stringify({ id: 3, title: "Stalker" });
    const post = (headers: Record<string, string>) =>
      ask("/films", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: row,
      });
    const refused = await post({});
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(await refused.json()).toMatchObject({ code: "42501" });
    expect((await post(USER)).status).toBe(201);
    const gone = await ask("/films?id=eq.3", { method: "DELETE", headers: USER });
    expect(gone.status).toBe(204);
    expect(await (await ask("/rpc/setting?name=role", { headers: USER })).json()).toBe("web_user");
  });

  test("needs no row security of its tables, unless that is asked for", async () => {
    const strict = await startOn(asLogin(database.url), { require_rls: true });
    try {
      const response = await ask("/films", {}, strict);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        403,
        "42501",
      ]);
    } finally {
      await strict.stop();
    }
  });

  test("sees the headers, the path and the cookies as PostgREST shows them", async () => {
    const setting = async (name: string, headers: Record<string, string> = {}) => {
      const response = await ask(`/rpc/setting?name=${name}`, { headers: { ...USER, ...headers } });
      return (await response.json()) as string;
    };
    expect(await setting("request.path")).toBe("/rpc/setting");
    expect(await setting("request.method")).toBe("GET");
    expect(await setting("request.cookies")).toBe("{}");
    expect(JSON.parse(await setting("request.cookies", { cookie: "a=1; b=x=y" }))).toEqual({
      a: "1",
      b: "x=y",
    });
    const headers = JSON.parse(await setting("request.headers", { cookie: "a=1", apikey: "k" }));
    expect(headers).toMatchObject({ authorization: USER.authorization, apikey: "k" });
    expect(headers.cookie).toBeUndefined();
    expect(JSON.parse(await setting("request.jwt.claims"))).toEqual({ role: "web_user" });
    expect(await setting("request.jwt.claim.sub")).toBeNull();
    expect(await setting("search_path")).toBe('"api", "public"');
  });

  test("is refused to tokens that do not verify, and shown to nobody where there is no anonymous role", async () => {
    const forged = await ask("/films", {
      headers: { authorization: `Bearer ${hs256({ role: "web_user" }, `${SECRET}!`)}` },
    });
    expect([forged.status, ((await forged.json()) as { code: string }).code]).toEqual([
      401,
      "PGRST301",
    ]);
    const unknown = await ask("/films", {
      headers: { authorization: `Bearer ${hs256({ role: "nobody_there" })}` },
    });
    expect([unknown.status, await unknown.json()]).toMatchObject([
      401,
      { code: "22023", message: 'role "nobody_there" does not exist' },
    ]);
    // What stands before it may ask for a password of its own.
    expect((await ask("/films", { headers: { authorization: "Basic eDp5" } })).status).toBe(200);
    const closed = await startOn(asLogin(database.url), { db_anon_role: undefined });
    try {
      const response = await ask("/films", {}, closed);
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect(await response.json()).toEqual({
        code: "PGRST302",
        message: "Anonymous access is disabled",
        details: null,
        hint: null,
      });
      expect((await ask("/films", { headers: USER }, closed)).status).toBe(200);
    } finally {
      await closed.stop();
    }
  });

  test("without a secret refuses tokens as the server's own fault", async () => {
    const keyless = await startOn(asLogin(database.url), { jwt_secret: "" });
    try {
      const response = await ask("/films", { headers: USER }, keyless);
      expect([response.status, await response.json()]).toEqual([
        500,
        { code: "PGRST300", message: "Server lacks JWT secret", details: null, hint: null },
      ]);
      expect((await ask("/films", {}, keyless)).status).toBe(200);
    } finally {
      await keyless.stop();
    }
  });

  test("tells of changes of its schema by NOTIFY", async () => {
    await world.sql.unsafe(`
      create table api.actors (name text); grant select on api.actors to web_anon;
      notify pgrst, 'reload schema'`);
    await until("the new table is served", async () => (await ask("/actors")).status === 200);
    await world.sql.unsafe("drop table api.actors; notify pgrst");
    await until("the table is gone", async () => (await ask("/actors")).status === 404);
  });

  test("has health, metrics and a state, and nothing that only an owner could do", async () => {
    const health = await fetch(`${server.url}/health`);
    expect([health.status, await health.json()]).toMatchObject([
      200,
      {
        parts: {
          database: { status: "ok", details: { kind: "external" } },
          data: { status: "ok" },
        },
      },
    ]);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain(
      "pgrst_jwt_cache_hits_total",
    );
    const headers = {
      authorization: `Bearer ${server.adminToken}`,
      "content-type": "application/json",
    };
    const admin = (path: string, init: RequestInit = {}) =>
      fetch(`${server.url}/_admin${path}`, { headers, ...init });
    expect(await (await admin("/status")).json()).toMatchObject({
      publishable_key: "",
      secret_key: "",
    });
    expect((await admin("/version")).status).toBe(200);
    expect((await admin("/doctor")).status).toBe(200);
    for (const [path, body] of [
      ["/migrate", { dry_run: true }],
      ["/deploy", { dry_run: true }],
    ] as const) {
      const refused = await admin(path, { method: "POST", body: JSON.stringify(body) });
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
        409,
        "database_not_owned",
      ]);
    }
    expect((await admin("/backup")).status).toBe(409);
    expect((await fetch(`${server.url}/realtime/v1/websocket`)).status).toBe(404);
  });

  test("answers an insert with Idempotency-Key once", async () => {
    const insert = () =>
      ask("/films", {
        method: "POST",
        headers: { ...USER, "content-type": "application/json", "idempotency-key": "film-9" },
        body: JSON.stringify({ id: 9, title: "Playtime" }),
      });
    expect((await insert()).status).toBe(201);
    const again = await insert();
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
    await ask("/films?id=eq.9", { method: "DELETE", headers: USER });
  });

  test("ends queries when the login, the role or the function says", async () => {
    await world.sql.unsafe(`
      alter role ${LOGIN} in database ${database.name} set statement_timeout = '10s';
      alter role web_anon in database ${database.name} set statement_timeout = '40ms';
      create function api.long_nap() returns text language sql volatile
        set statement_timeout = '5s' as $$ select api.nap(0.2) $$;
      notify pgrst`);
    const timeout = async (headers: Record<string, string> = {}) =>
      (await (await ask("/rpc/setting?name=statement_timeout", { headers })).json()) as string;
    await until("the role's timeout is known", async () => (await timeout()) === "40ms");
    expect(await timeout(USER)).toBe("10s");
    const nap = await ask("/rpc/nap", { method: "POST", body: '{"seconds":0.3}' });
    expect([nap.status, ((await nap.json()) as { code: string }).code]).toEqual([500, "57014"]);
    const long = await ask("/rpc/long_nap", { method: "POST" });
    expect([long.status, await long.json()]).toEqual([200, "awake"]);
    await world.sql.unsafe(`
      alter role ${LOGIN} in database ${database.name} reset all;
      alter role web_anon in database ${database.name} reset all;
      drop function api.long_nap();
      notify pgrst`);
    await until("the timeout is ours", async () => (await timeout()) === "30s");
  });

  test("has nothing in it that was not there before", async () => {
    expect(await world.found()).toEqual(before);
  });
});

describe("a database that is away", () => {
  test("is waited for: the server starts, tells so, and serves once it comes", async () => {
    const name = "comes_later";
    const later = database.url.replace(database.name, name);
    const waiting = await startOn(asLogin(later));
    try {
      const refused = await until("it answers", async () => {
        const response = await ask("/films", { headers: USER }, waiting);
        return response.status === 503 ? response : null;
      });
      expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
      expect(await refused.json()).toEqual({
        code: "PGRST002",
        message: "Could not query the database for the schema cache. Retrying.",
        details: null,
        hint: null,
      });
      expect((await fetch(`${waiting.url}/health`)).status).toBe(503);
      expect((await fetch(`${waiting.url}/metrics`)).status).toBe(200);
      const created = await (await testPostgres()).createDatabase(name);
      const other = await openForeignWorld(created.url);
      await until(
        "it serves",
        async () => (await ask("/films", { headers: USER }, waiting)).status === 200,
        40_000,
      );
      expect((await fetch(`${waiting.url}/health`)).status).toBe(200);
      await other.close();
      await waiting.stop();
      await created.drop();
    } finally {
      await waiting.stop();
    }
  });

  test("that goes and comes back is served again, with what changed meanwhile", async () => {
    const { ownerUrl } = await testPostgres();
    const elsewhere = postgres({ ...postgresJsOptions(parseDatabaseUrl(ownerUrl)), max: 1 });
    const mayConnect = (may: boolean) =>
      elsewhere.unsafe(`alter database ${database.name} allow_connections ${may}`);
    await mayConnect(false);
    await world.sql.unsafe(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${LOGIN}'`,
    );
    const lost = await ask("/films", { headers: USER });
    expect([lost.status, ((await lost.json()) as { code: string }).code]).toEqual([
      503,
      expect.stringMatching(/^PGRST00[01]$/),
    ]);
    expect(lost.headers.get("retry-after")).toMatch(/^\d+$/);
    await world.sql.unsafe(
      "create table api.props (id int); grant select on api.props to web_anon",
    );
    await mayConnect(true);
    await until("it serves", async () => (await ask("/films")).status === 200, 40_000);
    await until("the change is known", async () => (await ask("/props")).status === 200, 40_000);
    await world.sql.unsafe("drop table api.props; notify pgrst");
    await elsewhere.end();
  });
});

describe("db_uri", () => {
  test("may be key=value pairs", async () => {
    const url = new URL(asLogin(database.url).replace("@/", "@localhost/"));
    const pairs = `host=${url.searchParams.get("host")} port=${url.searchParams.get("port") ?? 5432} user=${LOGIN} dbname=${database.name}`;
    const other = await startOn(pairs);
    try {
      expect((await ask("/films", {}, other)).status).toBe(200);
    } finally {
      await other.stop();
    }
  });

  const faults: readonly (readonly [why: string, data: object, only: string[], code: string])[] = [
    ["with what needs a database of its own", {}, ["auth", "data"], "db_uri_not_alone"],
    ["that names nothing", { db_uri: "nonsense" }, ["data"], "db_uri_invalid"],
    ["with a secret that is too short", { jwt_secret: "short" }, ["data"], "config_invalid"],
    ["with a role path that is none", { jwt_role_claim_key: "role" }, ["data"], "config_invalid"],
    ["with a system schema", { db_schemas: "api, pg_catalog" }, ["data"], "config_invalid"],
    ["with no URI as audience", { jwt_aud: "http://%%x" }, ["data"], "config_invalid"],
    [
      "with a secret that is not base64",
      { jwt_secret_is_base64: true, jwt_secret: "no base-64!" },
      ["data"],
      "config_invalid",
    ],
  ];
  test.each(faults)("%s is refused at the start", async (_, data, only, code) => {
    const failure = await startOn(asLogin(database.url), { ...data }, only).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(StartupError);
    expect((failure as StartupError).code).toBe(code);
    expect((failure as StartupError).message).not.toContain("nonsense");
  });
});
