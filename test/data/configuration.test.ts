/** docs.postgrest.org, "Configuration", "Schemas" and "Observability", on a server of one's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hs256, SECRET } from "../../src/capabilities/data/auth/token.fixture.ts";
import type { LogLine } from "../../src/core/ports/log.ts";
import { until } from "../support/until.ts";
import { openServedDatabase, type Served, type ServedDatabase } from "./served-database.ts";

const SPECIAL = 'SPECIAL "@/\\#~_-';
const FOREIGN = "школа";
/** As `fetch` takes and gives the bytes of a header. */
const asBytes = (text: string) => Buffer.from(text).toString("latin1");
let database: ServedDatabase;

beforeAll(async () => {
  database = await openServedDatabase();
  const quoted = `"${SPECIAL.replaceAll('"', '""')}"`;
  await database.sql.unsafe(`
    create schema v1; create schema v2; create schema ${quoted}; create schema ext;
    create schema ${FOREIGN}; create table ${FOREIGN}.имена (id int primary key);
    grant select on ${FOREIGN}.имена to anon;
    grant usage on schema v1, v2, ${quoted}, ${FOREIGN}, ext to anon, authenticated, service_role;
    create table v1.parents (id int primary key, name text);
    create table v2.parents (id int primary key, name text);
    create table v2.only_here (id int primary key);
    create table ${quoted}.names (id int primary key);
    create function v2.add(a int) returns int language sql as 'select a + 2';
    create function v1.add(a int) returns int language sql as 'select a + 1';
    create function v1.setting(name text) returns text language sql volatile
      as $$ select current_setting(name, true) $$;
    create function ext.shout(t text) returns text language sql as 'select upper(t)';
    create function v1.shouted(t text) returns text language plpgsql as 'begin return shout(t); end';
    insert into v1.parents values (1, 'one'); insert into v2.parents values (3, 'three');
    grant all on all tables in schema v1, v2, ${quoted} to anon;`);
});
afterAll(() => database.close());

const OPEN = { require_rls: false };

describe("several schemas", () => {
  let server: Served;
  beforeAll(async () => {
    server = await database.serve({ ...OPEN, db_schemas: ["v1", "v2", SPECIAL, FOREIGN] });
  });

  test("are chosen by Accept-Profile for reading and Content-Profile for writing", async () => {
    const get = (path: string, headers: Record<string, string> = {}) =>
      server.ask(path, { headers });
    for (const [path, headers, status, profile] of [
      ["/parents", {}, 200, "v1"],
      ["/parents", { "Accept-Profile": "v1" }, 200, "v1"],
      ["/parents", { "Accept-Profile": "v2" }, 200, "v2"],
      ["/only_here", { "Accept-Profile": "v2" }, 200, "v2"],
      ["/only_here", { "Accept-Profile": "v1" }, 404, null],
      ["/names", { "Accept-Profile": SPECIAL }, 200, SPECIAL],
      ["/имена", { "Accept-Profile": asBytes(FOREIGN) }, 200, asBytes(FOREIGN)],
      ["/", { "Accept-Profile": asBytes(FOREIGN) }, 200, asBytes(FOREIGN)],
      // Not of a reading request.
      ["/parents", { "Content-Profile": "v2" }, 200, "v1"],
    ] as const) {
      const response = await get(path, headers);
      expect([path, headers, response.status]).toEqual([path, headers, status]);
      if (profile !== null) expect(response.headers.get("content-profile")).toBe(profile);
    }
    expect(await server.read("/parents", { "Accept-Profile": "v2" })).toEqual([
      { id: 3, name: "three" },
    ]);
    const post = (headers: Record<string, string>) =>
      server.ask("/rpc/add", {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: '{"a":5}',
      });
    expect(await (await post({})).json()).toBe(6);
    expect(await (await post({ "Content-Profile": "v2" })).json()).toBe(7);
    expect(await (await post({ "Accept-Profile": "v2" })).json()).toBe(6);
    expect(await server.read("/rpc/add?a=5", { "Accept-Profile": "v2" })).toBe(7);
  });

  test("that are not exposed are refused with those that are", async () => {
    for (const [method, name] of [
      ["GET", "Accept-Profile"],
      ["HEAD", "Accept-Profile"],
      ["POST", "Content-Profile"],
      ["PATCH", "Content-Profile"],
      ["DELETE", "Content-Profile"],
    ] as const) {
      const response = await server.ask("/parents", {
        method,
        headers: { [name]: "pg_catalog" },
        ...(method === "POST" || method === "PATCH" ? { body: "{}" } : {}),
      });
      expect([method, response.status]).toEqual([method, 406]);
      if (method === "HEAD") continue;
      expect(await response.json()).toEqual({
        code: "PGRST106",
        message: "Invalid schema: pg_catalog",
        details: null,
        hint: `Only the following schemas are exposed: v1, v2, ${SPECIAL}, ${FOREIGN}`,
      });
    }
  });

  test("have the extra search path behind them", async () => {
    const shouted = (on: Served) => on.ask("/rpc/shouted?t=a");
    expect((await shouted(server)).status).toBe(404);
    const settings = { ...OPEN, db_schemas: "v1, v2", db_extra_search_path: "ext" };
    await database.during(settings, async (on) => {
      expect(await (await shouted(on)).json()).toBe("A");
      expect(await on.setting("search_path")).toBe('"v1", "ext"');
      expect((await on.ask("/rpc/shout?t=a")).status).toBe(404);
    });
  });
});

describe("the database's own parameters", () => {
  const alter = (change: string) =>
    database.sql.unsafe(`alter role authenticator in database ${database.name} ${change}`);

  test("win over the file's, are read again when told, and leave again", async () => {
    await alter(`set pgrst.db_schemas = 'v2, v1'`);
    await alter("set pgrst.db_max_rows = '1'");
    await alter("set pgrst.db_channel = 'ignored'");
    await database.during({ ...OPEN, db_schemas: "public", db_max_rows: 5 }, async (on) => {
      expect(await on.read("/parents")).toEqual([{ id: 3, name: "three" }]);
      await database.sql`insert into v2.parents values (4, 'four')`;
      expect(await on.read("/parents")).toEqual([{ id: 3, name: "three" }]);
      await alter("set pgrst.db_max_rows = '2'");
      await database.sql`notify pgrst, 'reload config'`;
      await until("it is read", async () => ((await on.read("/parents")) as object[]).length === 2);
      await alter("set pgrst.db_max_rows = 'many'");
      await database.sql`notify pgrst, 'reload config'`;
      await until("it is refused", () => logged(on, "data.config_not_reloaded").length > 0);
      expect(await on.read("/parents")).toHaveLength(2);
      await alter("reset all");
      await database.sql`notify pgrst, 'reload config'`;
      await until("it is gone", async () => (await on.ask("/rpc/setting?name=role")).ok);
      expect((await on.ask("/parents")).status).toBe(404);
    });
    await database.sql`delete from v2.parents where id = 4`;
  });

  test("come from a function, behind those of the role", async () => {
    await database.sql.unsafe(`
      create schema config; grant usage on schema config to authenticator;
      create function config.pre_config() returns void language sql as $$
        select set_config('pgrst.db_schemas', 'v2', true),
          set_config('pgrst.db_anon_role', 'authenticated', true),
          set_config('pgrst.jwt_secret', '${SECRET}', true) $$`);
    await alter("set pgrst.db_anon_role = 'anon'");
    const settings = { ...OPEN, db_pre_config: "config.pre_config" };
    await database.during(settings, async (on) => {
      expect(await on.read("/rpc/add?a=1")).toBe(3);
      const headers = { authorization: `Bearer ${hs256({ role: "service_role" })}` };
      expect(await on.read("/rpc/add?a=1", headers)).toBe(3);
      expect((await on.ask("/parents")).status).toBe(200);
    });
    await database.during({ ...settings, db_config: false, db_schemas: "v1" }, async (on) => {
      expect(await on.read("/rpc/add?a=1")).toBe(2);
    });
    await alter("reset all");
    await database.during({ ...settings, db_pre_config: "config.missing" }, async (on) => {
      const response = await on.ask("/parents");
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        503,
        "PGRST002",
      ]);
      expect(logged(on, "data.config_load_failed")).not.toEqual([]);
    });
  });

  test("may say which origins call", async () => {
    await alter("set pgrst.server_cors_allowed_origins = 'http://a.test, http://b.test'");
    await database.during(OPEN, async (on) => {
      const allowed = async (origin: string) => {
        const { headers } = await on.ask("/none", { headers: { origin } });
        return [
          headers.get("access-control-allow-origin"),
          headers.get("access-control-allow-credentials"),
        ];
      };
      await on.ask("/none");
      expect(await allowed("http://b.test")).toEqual(["http://b.test", "true"]);
      expect(await allowed("http://c.test")).toEqual([null, null]);
    });
    await alter("reset all");
  });
});

describe("what may be switched off", () => {
  const listeners = async (channel: string) => {
    const [row] = await database.sql<{ count: number }[]>`
      select count(*)::int as count from pg_stat_activity
      where datname = current_database() and query ilike ${`listen "${channel}"`}`;
    return row?.count;
  };

  test("the channel", async () => {
    await database.during({ ...OPEN, db_channel: "mine" }, async (on) => {
      expect((await on.ask("/rpc/setting?name=role")).status).toBe(200);
      expect(await listeners("mine")).toBe(1);
    });
    const silent = { ...OPEN, db_channel: "mine", db_channel_enabled: false };
    await database.during(silent, async (on) => {
      expect((await on.ask("/rpc/setting?name=role")).status).toBe(200);
      expect(await listeners("mine")).toBe(0);
    });
  });

  test("prepared statements", async () => {
    await database.sql.unsafe(`
      create function v1.prepared() returns bigint language sql volatile
        as $$ select count(*) from pg_prepared_statements $$`);
    const prepared = (on: Served) => on.read("/rpc/prepared");
    await database.during({ ...OPEN, db_schemas: "v1" }, async (on) => {
      await prepared(on);
      expect(await prepared(on)).toBeGreaterThan(0);
    });
    const settings = { ...OPEN, db_schemas: "v1", db_prepared_statements: false };
    await database.during(settings, async (on) => {
      await prepared(on);
      expect(await prepared(on)).toBe(0);
    });
  });

  test("time zones", async () => {
    const headers = { Prefer: "handling=strict, timezone=Asia/Tokyo" };
    await database.during(OPEN, async (on) => {
      expect(await on.setting("timezone", headers)).toBe("Asia/Tokyo");
    });
    await database.during({ ...OPEN, db_timezone_enabled: false }, async (on) => {
      const response = await on.ask("/rpc/setting?name=timezone", { headers });
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        400,
        "PGRST122",
      ]);
    });
  });
});

describe("a secret in a file", () => {
  test("is read again with the configuration, and what it verified before is forgotten", async () => {
    const dir = mkdtempSync(join(tmpdir(), "reactor-secret-"));
    const file = join(dir, "jwt");
    writeFileSync(file, `${SECRET}\n`);
    const headers = { authorization: `Bearer ${hs256({ role: "anon" })}` };
    await database.during({ ...OPEN, jwt_secret: `@${file}` }, async (on) => {
      expect((await on.ask("/rpc/setting?name=role", { headers })).status).toBe(200);
      writeFileSync(file, "invalid".repeat(5));
      await database.sql`notify pgrst, 'reload config'`;
      await until("it is read", async () => {
        const response = await on.ask("/rpc/setting?name=role", { headers });
        return response.status === 401;
      });
    });
    rmSync(dir, { recursive: true });
  });

  test("or in the vault is read from there, and one that is not there serves nobody", async () => {
    await database.during({ ...OPEN, jwt_secret: "vault:data/none" }, async (on) => {
      expect((await on.ask("/rpc/setting?name=role")).status).toBe(503);
    });
  });
});

describe("what answers tell of themselves", () => {
  const phases = (response: Response) =>
    (response.headers.get("server-timing") ?? "")
      .split(", ")
      .map((part) => /^(\w+);dur=\d+\.\d$/.exec(part)?.[1] ?? part);

  test("is how long each phase took, up to where an error came from", async () => {
    const settings = { ...OPEN, db_schemas: "v1", server_timing_enabled: true };
    await database.during(settings, async (on) => {
      const whole = ["jwt", "parse", "plan", "transaction", "response"];
      const headers = { "content-type": "application/json" };
      const requests: readonly (readonly [path: string, init: RequestInit, want: string[]])[] = [
        ["/parents", {}, whole],
        ["/parents", { method: "HEAD" }, whole],
        ["/parents", { method: "POST", headers, body: '{"id":8}' }, whole],
        ["/parents?id=eq.8", { method: "PATCH", headers, body: '{"name":"x"}' }, whole],
        ["/parents?id=eq.8", { method: "DELETE" }, whole],
        ["/rpc/add", { method: "POST", headers, body: '{"a":1}' }, whole],
        ["/", { method: "HEAD" }, whole],
        ["/parents", { method: "OPTIONS" }, ["jwt", "parse", "response"]],
        ["/rpc/add?a=1", { method: "OPTIONS" }, ["jwt", "parse", "response"]],
        ["/parents", { headers: { authorization: "Bearer x.y" } }, ["jwt"]],
        ["/parents?id=oops", {}, ["jwt", "parse"]],
        ["/parents?id=eq.oops", {}, ["jwt", "parse", "plan", "transaction"]],
      ];
      for (const [path, init, want] of requests) {
        expect([path, init, phases(await on.ask(path, init))]).toEqual([path, init, want]);
      }
    });
    await database.during(OPEN, async (on) =>
      expect((await on.ask("/none")).headers.get("server-timing")).toBeNull(),
    );
  });

  test("is the trace header of the request, also of an error", async () => {
    for (const name of ["X-Trace", "X-Request-Id"]) {
      await database.during({ ...OPEN, server_trace_header: name }, async (on) => {
        const headers = { [name]: "123" };
        expect((await on.ask("/none", { headers })).headers.get(name)).toBe("123");
        expect((await on.ask("/rpc/setting?name=a", { headers })).headers.get(name)).toBe("123");
        expect((await on.ask("/none")).headers.get("x-trace")).toBeNull();
      });
    }
  });

  test("is less of errors where they are to be minimal", async () => {
    await database.during({ ...OPEN, client_error_verbosity: "minimal" }, async (on) => {
      const response = await on.ask("/none");
      expect([response.status, await response.json()]).toEqual([
        404,
        {
          code: "PGRST205",
          message: "Could not find the table 'public.none' in the schema cache",
        },
      ]);
      expect(response.headers.get("content-type")).toStartWith("application/json");
    });
  });
});

function logged(on: Served, event: string): readonly LogLine[] {
  return on.logs.buffer.recent().filter((line) => line.event === event);
}

describe("log_level", () => {
  const levels: readonly (readonly [level: string, statuses: number[]])[] = [
    ["crit", []],
    ["error", [503]],
    ["warn", [404, 503]],
    ["info", [200, 404, 503]],
    ["debug", [200, 404, 503]],
  ];
  test.each(levels)("%s", async (level, statuses) => {
    const settings = { ...OPEN, db_schemas: "v1", log_level: level, log_query: true };
    await database.sql.unsafe(`
      create or replace function v1.away() returns void language plpgsql
        as $$ begin raise sqlstate 'PT503'; end $$`);
    await database.during(settings, async (on) => {
      await on.ask("/parents");
      await on.ask("/none");
      await on.ask("/rpc/away", { method: "POST" });
      const seen = logged(on, "http.request").filter(({ path }) =>
        String(path).startsWith("/data/"),
      );
      expect(seen.map(({ status }) => status)).toEqual(statuses);
      const queries = logged(on, "data.query").map(({ sql }) => String(sql));
      expect(queries.some((sql) => sql.includes('"parents"'))).toBe(statuses.includes(200));
    });
  });
});
