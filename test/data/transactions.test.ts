/** Requests in the database's eyes: docs.postgrest.org, "Transactions". */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hs256, SECRET } from "../../src/capabilities/data/auth/token.fixture.ts";
import { until } from "../support/until.ts";
import { openServedDatabase, type Served, type ServedDatabase } from "./served-database.ts";

let database: ServedDatabase;
let server: Served;
const JSON_BODY = { "content-type": "application/json" };
const as = (role: string, more: object = {}) => ({
  authorization: `Bearer ${hs256({ role, ...more })}`,
});
const USER = as("authenticated");
const STRANGER = "11111111-1111-4111-8111-111111111111";

beforeAll(async () => {
  database = await openServedDatabase();
  await database.sql.unsafe(`
    create table public.items (id int primary key);
    alter table public.items enable row level security;
    create policy all_rows on public.items using (true);
    create table public.once (id int unique deferrable initially deferred);
    alter table public.once enable row level security;
    create policy all_rows on public.once using (true);
    insert into public.items values (1);`);
  server = await database.serve({ jwt_secret: SECRET });
});
afterAll(() => database.close());

describe("the role's own settings", () => {
  beforeAll(async () => {
    await database.sql.unsafe(`
      alter role authenticated in database ${database.name} set work_mem = '7MB';
      alter role authenticated in database ${database.name} set "my.flag" = 'on';
      alter role authenticated in database ${database.name} set statement_timeout = '8s';
      alter role authenticated in database ${database.name} set default_transaction_isolation = 'REPEATABLE READ';
      alter role anon in database ${database.name} set statement_timeout = '1500ms';
      alter role service_role in database ${database.name} set log_min_duration_statement = '12s';
      alter role service_role in database ${database.name} set search_path = pg_catalog, public;
      create function public.isolation() returns text language sql
        as $$ select current_setting('transaction_isolation') $$;
      notify pgrst`);
    await until("they are known", async () => (await server.setting("work_mem", USER)) === "7MB");
  });
  afterAll(async () => {
    await database.sql.unsafe(`
      alter role authenticated in database ${database.name} reset all;
      alter role anon in database ${database.name} reset all;
      alter role service_role in database ${database.name} reset all;
      notify pgrst`);
    await until("they are gone", async () => (await server.setting("work_mem", USER)) !== "7MB");
  });

  test("hold for its requests alone", async () => {
    expect(await server.setting("my.flag", USER)).toBe("on");
    expect(await server.setting("statement_timeout", USER)).toBe("8s");
    expect(await server.setting("statement_timeout")).toBe("1500ms");
    expect(await server.setting("work_mem")).toBe("4MB");
    // A session reads as empty what an earlier request had set.
    expect((await server.setting("my.flag")) ?? "").toBe("");
  });

  test("are read again with the configuration, too", async () => {
    await database.sql.unsafe(`
      alter role anon in database ${database.name} set statement_timeout = '1400ms';
      notify pgrst, 'reload config'`);
    await until(
      "it is known",
      async () => (await server.setting("statement_timeout")) === "1400ms",
    );
  });

  test("decide the isolation, of functions and of tables", async () => {
    expect(await server.read("/rpc/isolation", USER)).toBe("repeatable read");
    expect(await server.read("/rpc/isolation")).toBe("read committed");
    await database.sql.unsafe(`
      create view public.level with (security_invoker) as
        select current_setting('transaction_isolation') as level;
      grant select on public.level to authenticated; notify pgrst`);
    await until("the view is known", async () => (await server.ask("/level")).status === 200);
    expect(await server.read("/level", USER)).toEqual([{ level: "repeatable read" }]);
  });

  test("that it may not set are left out, unless the login was granted them", async () => {
    const key = { apikey: server.secretKey };
    expect(await server.setting("log_min_duration_statement", key)).toBe("-1");
    await database.sql.unsafe(`
      grant set on parameter log_min_duration_statement to authenticator; notify pgrst`);
    await until(
      "the grant counts",
      async () => (await server.setting("log_min_duration_statement", key)) === "12s",
    );
    await database.sql.unsafe(`
      revoke set on parameter log_min_duration_statement from authenticator; notify pgrst`);
    await until("nor does it any more", async () => {
      const response = await server.ask("/rpc/setting?name=log_min_duration_statement", {
        headers: key,
      });
      return response.ok && (await response.json()) === "-1";
    });
  });

  test("may be a search path, which then is the role's affair", async () => {
    const key = { apikey: server.secretKey };
    expect(await server.setting("search_path", key)).toBe("pg_catalog, public");
    expect(await server.setting("search_path")).toBe('"public", "extensions"');
  });
});

describe("a function's own settings", () => {
  beforeAll(async () => {
    await database.sql.unsafe(`
      create table public.seen (level text, timeout text, memory text);
      alter table public.seen enable row level security;
      create policy all_rows on public.seen using (true);
      create function public.as_called() returns setof public.seen language sql volatile
        set statement_timeout = '4321ms' set work_mem = '6MB'
        set default_transaction_isolation = 'serializable'
        as $$ select current_setting('transaction_isolation'), null, null $$;
      create function public.outside(public.seen) returns text language sql
        as $$ select current_setting('statement_timeout') || ' ' || current_setting('work_mem') $$;
      notify pgrst`);
    await until("they are known", async () => (await server.ask("/rpc/as_called")).ok);
  });

  test("hold for the whole transaction where they are hoisted", async () => {
    const rows = await server.read("/rpc/as_called?select=level,outside");
    expect(rows).toEqual([{ level: "serializable", outside: "4321ms 4MB" }]);
    const hoisted = "work_mem, statement_timeout";
    await database.during({ db_hoisted_tx_settings: hoisted }, async (on) =>
      expect(await on.read("/rpc/as_called?select=level,outside")).toEqual([
        { level: "read committed", outside: "4321ms 6MB" },
      ]),
    );
    await database.during({ db_hoisted_tx_settings: [] }, async (on) =>
      expect(await on.read("/rpc/as_called?select=level,outside")).toEqual([
        { level: "read committed", outside: "3s 4MB" },
      ]),
    );
  });
});

describe("a pre-request function", () => {
  let guarded: Served;
  beforeAll(async () => {
    await database.sql.unsafe(`
      create schema hidden; grant usage on schema hidden to public;
      create function hidden.check_request() returns void language plpgsql as $$
        declare claims json := current_setting('request.jwt.claims', true)::json;
        begin
          if claims ->> 'email' = 'evil@example.test' then
            raise exception 'No, you are evil' using hint = 'Stop being so evil';
          end if;
          if claims ->> 'acts_as' is not null then
            perform set_config('role', claims ->> 'acts_as', true);
          end if;
          perform set_config('response.headers', '[{"X-Checked":"yes"}]', true);
        end $$`);
    guarded = await database.serve({
      jwt_secret: SECRET,
      db_pre_request: "hidden.check_request",
    });
  });

  test("runs before tables and functions, reads and writes", async () => {
    for (const [path, init] of [
      ["/items", {}],
      ["/items", { method: "HEAD" }],
      ["/items?id=eq.99", { method: "DELETE" }],
      ["/items?id=eq.99", { method: "PATCH", body: '{"id":98}', headers: JSON_BODY }],
      ["/rpc/setting?name=role", {}],
    ] as const) {
      const response = await guarded.ask(path, init);
      expect([path, response.headers.get("x-checked")]).toEqual([path, "yes"]);
    }
  });

  test("refuses, and then nothing was done", async () => {
    const response = await guarded.ask("/items", {
      method: "POST",
      headers: { ...JSON_BODY, ...as("service_role", { email: "evil@example.test" }) },
      body: '{"id":666}',
    });
    expect([response.status, await response.json()]).toEqual([
      400,
      { code: "P0001", message: "No, you are evil", details: null, hint: "Stop being so evil" },
    ]);
    expect(await guarded.read("/items?id=eq.666")).toEqual([]);
  });

  test("may have the query run as another role", async () => {
    const headers = as("authenticated", { acts_as: "anon" });
    expect(await guarded.setting("role", headers)).toBe("anon");
    expect(await guarded.setting("role", USER)).toBe("authenticated");
  });

  test("runs once for a count that the planner is asked for, too", async () => {
    await database.sql.unsafe(`create function hidden.tell_run() returns void language sql as
      $$ select pg_notify('pre_request', 'run') $$`);
    const heard: string[] = [];
    const { unlisten } = await database.sql.listen("pre_request", (payload) => heard.push(payload));
    await database.during({ db_pre_request: "hidden.tell_run" }, async (on) => {
      for (const count of ["planned", "estimated"]) {
        const { status } = await on.ask("/items", { headers: { prefer: `count=${count}` } });
        expect(status).toBeOneOf([200, 206]);
      }
    });
    await database.sql.notify("pre_request", "end");
    await until("all was heard", () => heard.includes("end"));
    expect(heard).toEqual(["run", "run", "end"]);
    await unlisten();
  });

  test("that does not exist is told", async () => {
    await database.during({ db_pre_request: "hidden.nothing" }, async (on) => {
      const response = await on.ask("/items");
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
        404,
        "42883",
      ]);
    });
  });
});

describe("the end of a transaction", () => {
  const key = () => ({ apikey: server.secretKey, ...JSON_BODY });

  async function insert(on: Served, prefer: string | null) {
    const headers = { ...key(), Prefer: ["return=representation", prefer ?? ""].join(", ") };
    const response = await on.ask("/items", { method: "POST", headers, body: '{"id":77}' });
    expect([response.status, await response.json()]).toEqual([201, [{ id: 77 }]]);
    const kept = (await on.read("/items?id=eq.77")) as unknown[];
    await on.ask("/items?id=eq.77", {
      method: "DELETE",
      headers: { ...key(), Prefer: "tx=commit" },
    });
    await database.sql`delete from public.items where id = 77`;
    const applied = response.headers.get("preference-applied") ?? "";
    return `${kept.length === 1 ? "kept" : "undone"} ${/tx=\w+/.exec(applied)?.[0] ?? "-"}`;
  }

  const modes: readonly (readonly [
    mode: string,
    plain: string,
    commit: string,
    rollback: string,
  ])[] = [
    ["commit", "kept -", "kept -", "kept -"],
    ["commit-allow-override", "kept -", "kept tx=commit", "undone tx=rollback"],
    ["rollback", "undone -", "undone -", "undone -"],
    ["rollback-allow-override", "undone -", "kept tx=commit", "undone tx=rollback"],
  ];
  test.each(modes)("of db_tx_end = %s", async (mode, plain, commit, rollback) => {
    await database.during({ db_tx_end: mode }, async (on) => {
      expect(await insert(on, null)).toBe(plain);
      expect(await insert(on, "tx=commit")).toBe(commit);
      expect(await insert(on, "tx=rollback")).toBe(rollback);
    });
  });

  test("that is no end at all checks deferred constraints, too", async () => {
    await database.during({ db_tx_end: "rollback" }, async (on) => {
      const insertOnce = (body: string) =>
        on.ask("/once", { method: "POST", headers: key(), body });
      const twice = await insertOnce('[{"id":1},{"id":1}]');
      expect([twice.status, ((await twice.json()) as { code: string }).code]).toEqual([
        409,
        "23505",
      ]);
      expect((await insertOnce('{"id":1}')).status).toBe(201);
      expect(await on.read("/once")).toEqual([]);
    });
  });
});

describe("what a function leaves behind in its session", () => {
  test("is nobody's identity", async () => {
    await database.sql.unsafe(`
      create function public.stay() returns void language sql
        as $$ select set_config('request.jwt.claim.sub', '${STRANGER}', false) $$;
      create function public.nobody() returns uuid language sql stable as $$ select auth.uid() $$;
      notify pgrst`);
    const stay = () => server.ask("/rpc/stay", { method: "POST" });
    await until("the functions are known", async () => (await stay()).status === 204);
    // Two connections: whichever they are, all have it.
    await Promise.all(Array.from({ length: 20 }, stay));
    const found = await Promise.all(Array.from({ length: 20 }, () => server.read("/rpc/nobody")));
    expect(new Set(found)).toEqual(new Set([null]));
  });
});

describe("settings of the application", () => {
  test("are in every request", async () => {
    const app_settings = { jwt_secret: "s3 ' \\ cret", "mail.from": "a@b.test" };
    await database.during({ app_settings }, async (on) => {
      expect(await on.setting("app.settings.jwt_secret")).toBe("s3 ' \\ cret");
      expect(await on.setting("app.settings.mail.from")).toBe("a@b.test");
    });
  });
});

describe("tokens of somebody else's", () => {
  test("say the role; the project's keys go on working, and no bad credential counts as none", async () => {
    expect(await server.setting("role", USER)).toBe("authenticated");
    expect(await server.setting("role", { apikey: server.secretKey })).toBe("service_role");
    expect(await server.setting("role", { authorization: `Bearer ${server.secretKey}` })).toBe(
      "service_role",
    );
    expect(await server.setting("role", { apikey: server.publishableKey, ...USER })).toBe(
      "authenticated",
    );
    const refused: readonly (readonly [headers: Record<string, string>, message: string])[] = [
      [{ authorization: "Bearer " }, "Empty JWT is sent in Authorization header"],
      [{ authorization: "bearer x.y" }, "Expected 3 parts in JWT; got 2"],
      [{ authorization: "Bearer sb_secret_guess" }, "Expected 3 parts in JWT; got 1"],
      [{ authorization: "Basic eDp5" }, "JWT cryptographic operation failed"],
      [
        { authorization: USER.authorization.replace("Bearer ", "") },
        "JWT cryptographic operation failed",
      ],
      [{ apikey: "sb_secret_guess" }, "JWT cryptographic operation failed"],
      [
        { authorization: `Bearer ${hs256({ role: "service_role" }, "y".repeat(40))}` },
        "No suitable key or wrong key type",
      ],
      [
        { authorization: `Bearer ${hs256({ role: "postgres" })}` },
        'permission denied to set role "postgres"',
      ],
    ];
    for (const [headers, message] of refused) {
      const response = await server.ask("/items", { headers });
      const body = (await response.json()) as { message: string };
      expect([headers, body.message]).toEqual([headers, message]);
      expect(response.status).toBe(message.startsWith("permission") ? 403 : 401);
    }
  });

  test("are put into auth.uid() where the subject is a user's id", async () => {
    await database.sql.unsafe(`
      create function public.me() returns text language sql as $$ select auth.uid()::text $$;
      notify pgrst`);
    await until("it is known", async () => (await server.ask("/rpc/me")).ok);
    const sub = "0190aaaa-0000-7000-8000-000000000001";
    expect(await server.read("/rpc/me", as("authenticated", { sub }))).toBe(sub);
    expect(await server.read("/rpc/me")).toBeNull();
    const claims = await server.setting("request.jwt.claims", as("authenticated", { n: 1 }));
    expect(JSON.parse(claims ?? "")).toEqual({ role: "authenticated", n: 1 });
  });

  test("may name a role elsewhere; nobody's role is configured", async () => {
    const settings = {
      jwt_secret: SECRET,
      jwt_role_claim_key: '.app.roles[?(@ ^== "r_")][2:]',
      db_anon_role: "service_role",
    };
    await database.during(settings, async (on) => {
      const claims = { app: { roles: ["x", "r_anon"] }, role: "authenticated" };
      const headers = { authorization: `Bearer ${hs256(claims)}` };
      expect(await on.setting("role", headers)).toBe("anon");
      expect(JSON.parse((await on.setting("request.jwt.claims", headers)) ?? "")).toEqual({
        app: { roles: ["x", "r_anon"] },
        role: "anon",
      });
      expect(await on.setting("role")).toBe("service_role");
      expect(await on.setting("role", { authorization: `Bearer ${hs256({})}` })).toBe(
        "service_role",
      );
    });
  });

  test("are refused to nobody where there is no anonymous role, with the server's identity, too", async () => {
    await database.during({ db_anon_role: "" }, async (on) => {
      const response = await on.ask("/items");
      expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect(await response.json()).toMatchObject({ code: "PGRST302" });
      expect((await on.ask("/items", { headers: { apikey: on.publishableKey } })).status).toBe(200);
    });
  });
});
