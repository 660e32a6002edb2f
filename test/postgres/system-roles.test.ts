import { afterAll, describe, expect, test } from "bun:test";
import { migrate } from "../../src/postgres/migrator.ts";
import { systemClock } from "../../src/shared/clock.ts";
import { silentLog, testPostgres } from "../support/postgres.ts";
import {
  ask,
  asUser,
  connect,
  failure,
  one,
  openWireDatabase,
  systemSet,
  texts,
} from "./wire-database.ts";

const database = await openWireDatabase("create table public.made_later (id int)");
const pool = database.pool();
afterAll(() => database.close());

const SUB = "0190aaaa-0000-7000-8000-000000000001";
const CLAIMS = {
  sub: SUB,
  role: "authenticated",
  email: "a@example.com",
  app_metadata: { x: [1] },
};
const HELPERS = "select auth.uid(), auth.role(), auth.email(), auth.jwt()";

describe("the auth helpers", () => {
  test("read request.jwt.claims", async () => {
    const settings = [["request.jwt.claims", JSON.stringify(CLAIMS)]] as const;
    const [row] = texts(await pool.query(ask(HELPERS, { role: "authenticated", settings })));
    expect(row?.slice(0, 3)).toEqual([SUB, "authenticated", "a@example.com"]);
    expect(JSON.parse(row?.[3] ?? "")).toEqual(CLAIMS);
  });

  test("read the older settings, one for each claim", async () => {
    const settings = [
      ["request.jwt.claim.sub", SUB],
      ["request.jwt.claim.role", "anon"],
      ["request.jwt.claim.email", "b@example.com"],
      ["request.jwt.claim", '{"a":1}'],
    ] as const;
    const [row] = texts(await pool.query(ask(HELPERS, { role: "anon", settings })));
    expect(row).toEqual([SUB, "anon", "b@example.com", '{"a": 1}']);
  });

  test("are NULL without claims, before and after others had some", async () => {
    const single = database.pool({ limits: { size: 1 } });
    const none = [null, null, null, null];
    expect(texts(await single.query(ask(HELPERS, { role: "anon" })))[0]).toEqual(none);
    await single.query(
      ask(HELPERS, { role: "anon", settings: [["request.jwt.claims", JSON.stringify(CLAIMS)]] }),
    );
    expect(texts(await single.query(ask(HELPERS, { role: "anon" })))[0]).toEqual(none);
  });
});

describe("the roles", () => {
  test("have the rights of their names and no more", async () => {
    const rows = await database.sql`
      select rolname, rolcanlogin, rolinherit, rolbypassrls, rolsuper, rolcreaterole, rolcreatedb
        from pg_roles
       where rolname in ('anon', 'authenticated', 'service_role', 'authenticator')
       order by rolname`;
    expect(rows.map((row) => Object.values(row))).toEqual([
      ["anon", false, false, false, false, false, false],
      ["authenticated", false, false, false, false, false, false],
      ["authenticator", true, false, false, false, false, false],
      ["service_role", false, false, true, false, false, false],
    ]);
  });

  test("reach what is made in public later, and nothing private", async () => {
    for (const role of ["anon", "authenticated", "service_role"]) {
      expect(await one(pool, "select count(*) from made_later", { role })).toBe("0");
      const secret = ask("select * from reactor.migrations", { role });
      expect(await failure(pool.query(secret))).toMatchObject({ code: "42501" });
      const table = ask("create table public.planted ()", { role });
      expect(await failure(pool.query(table))).toMatchObject({ code: "42501" });
    }
  });

  test("authenticator by itself may do nothing", async () => {
    const sql = connect(database.userUrl);
    expect(await failure(sql`select * from made_later`)).toMatchObject({ code: "42501" });
    await sql.end();
  });

  test("find the functions of extensions without their schema", async () => {
    const id = await one(pool, "select uuid_generate_v4()", { role: "anon" });
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await one(pool, "select crypt('a', 'ab') is not null", { role: "anon" })).toBe("t");
  });

  test("service_role sees what row security hides from the others", async () => {
    await database.sql.unsafe(
      "create table hidden (id int); insert into hidden values (1); alter table hidden enable row level security",
    );
    expect(await one(pool, "select count(*) from hidden", { role: "anon" })).toBe("0");
    expect(await one(pool, "select count(*) from hidden")).toBe("1");
  });

  test("the publication that realtime clients name is there", async () => {
    const rows =
      await database.sql`select 1 from pg_publication where pubname = 'supabase_realtime'`;
    expect(rows).toHaveLength(1);
  });
});

describe("setting up", () => {
  test("works for an owner who may create roles but is no superuser", async () => {
    const server = await testPostgres();
    await database.sql.unsafe("create role managed_owner login createrole createdb");
    const other = await server.createDatabase();
    await database.sql.unsafe(`alter database "${other.name}" owner to managed_owner`);
    const sql = connect(asUser(other.url, "managed_owner"));
    await migrate(sql, [systemSet], { clock: systemClock, log: silentLog });
    await sql.unsafe("create table mine (id int)");
    const rows = await sql`select has_table_privilege('anon', 'mine', 'select') as ok`;
    expect(rows[0]?.["ok"]).toBe(true);
    await sql.end();
    await other.drop();
    await database.sql.unsafe("drop role managed_owner");
  });

  test("several databases of one server at once does not collide", async () => {
    const server = await testPostgres();
    const others = await Promise.all([1, 2, 3, 4].map(() => server.createDatabase()));
    await Promise.all(
      others.map(async (other) => {
        const sql = connect(other.url);
        await migrate(sql, [systemSet], { clock: systemClock, log: silentLog });
        await sql.end();
      }),
    );
    await Promise.all(others.map((other) => other.drop()));
  });

  test("is refused where anon could pass by row security", async () => {
    const server = await testPostgres();
    const other = await server.createDatabase();
    await database.sql.unsafe("alter role anon bypassrls");
    const sql = connect(other.url);
    try {
      const refused = await failure(
        migrate(sql, [systemSet], { clock: systemClock, log: silentLog }),
      );
      expect(refused).toMatchObject({ code: "migration_failed" });
      expect(refused["message"]).toContain("defeat row security: anon");
    } finally {
      await database.sql.unsafe("alter role anon nobypassrls");
      await sql.end();
      await other.drop();
    }
  });
});
