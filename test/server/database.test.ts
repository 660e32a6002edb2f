/** What a developer does with the database of a running server: diff, pull, reset, seed. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openDirect } from "../../src/postgres/databases.ts";
import { silentLog } from "../support/postgres.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { adminOf } from "./admin-client.ts";

setDefaultTimeout(60_000);

const RICH = readFileSync(join(import.meta.dir, "../fixtures/rich/schema.sql"), "utf8");

interface Diff {
  sql: string;
  statements: number;
  warnings: string[];
  pending: string[];
}

let server: TestServer;
let admin: ReturnType<typeof adminOf>;
beforeAll(async () => {
  server = await startTestServer({ development: true });
  admin = adminOf(server);
});
afterAll(() => server.stop());

async function query(statement: string, url = server.ownerUrl): Promise<Record<string, unknown>[]> {
  const sql = openDirect(url, silentLog);
  try {
    return (await sql.unsafe(statement)).map((row) => ({ ...row }));
  } finally {
    await sql.end();
  }
}

const post = (path: string, body: object) =>
  admin.send("POST", `/db/${path}`, { body: JSON.stringify(body) });

async function refused(path: string, body: object) {
  const answer = await post(path, body);
  return { status: answer.status, ...((await answer.json()) as { code: string; message: string }) };
}

const NOTES = { name: "0001_notes", sql: "create table public.notes (id int primary key);" };

describe("diff and pull", () => {
  test("a database that has only what the migrations make differs in nothing", async () => {
    expect(await admin.json<Diff>("POST", "/db/diff", {})).toEqual({
      sql: "",
      statements: 0,
      warnings: [],
      pending: [],
    });
  });

  test("what was made by hand is told, what is not applied yet is left out", async () => {
    await query("create table public.by_hand (id int primary key)");
    const migrations = [NOTES];
    const diff = await admin.json<Diff>("POST", "/db/diff", { migrations });
    expect(diff.pending).toEqual(["app/0001_notes"]);
    expect(diff.sql).toBe(`create table public.by_hand (
  id integer not null,
  constraint by_hand_pkey PRIMARY KEY (id)
);
`);
    expect(await refused("pull", { migrations, name: "0002_x" })).toMatchObject({
      status: 409,
      code: "migrations_pending",
    });
    await admin.json("POST", "/migrate", { migrations });
    expect((await admin.json<Diff>("POST", "/db/diff", { migrations })).pending).toEqual([]);
  });

  test("a rich schema is pulled, noted as applied, and is then no difference", async () => {
    await query(RICH);
    // A trigger on a table of the server's own belongs to the project.
    await query(`create function public.greet() returns trigger language plpgsql as 'begin return new; end';
      create trigger greet after insert on auth.users for each row execute function public.greet()`);
    const pull = await admin.json<Diff & { name: string }>("POST", "/db/pull", {
      migrations: [NOTES],
      name: "0002_pulled",
    });
    expect(pull.name).toBe("0002_pulled");
    expect(pull.warnings).toEqual([]);
    expect(pull.sql).toContain("CREATE TRIGGER greet AFTER INSERT ON auth.users");
    expect(pull.sql).not.toContain("reactor");
    expect(pull.sql).not.toContain("create table public.notes");
    const migrations = [NOTES, { name: pull.name, sql: pull.sql }];
    expect(await admin.json("POST", "/migrate", { dry_run: true, migrations })).toMatchObject({
      pending: [],
    });
    expect((await admin.json<Diff>("POST", "/db/diff", { migrations })).sql).toBe("");
    const again = await admin.json<{ name: null }>("POST", "/db/pull", {
      migrations,
      name: "0003_x",
    });
    expect(again.name).toBeNull();
  });

  test("what following a table does to it is no difference, what people publish is", async () => {
    await query(`create table public.followed (id int primary key);
      alter table public.followed enable row level security`);
    const ending = new AbortController();
    const subscribe = () =>
      fetch(`${server.url}/data/v1/followed/subscribe`, {
        headers: { apikey: server.secretKey },
        signal: ending.signal,
      });
    // The schema is read again when it has changed.
    await until("the stream", async () => (await subscribe()).status === 200);
    await query(`create trigger reactor_realtime after insert on public.followed
        for each row execute function reactor.write_change();
      create publication of_people for table public.followed`);
    const members = await query(
      "select pubname from pg_publication_tables where tablename = 'followed' order by 1",
    );
    expect(members.map(({ pubname }) => pubname)).toEqual(["of_people", "supabase_realtime"]);
    const { sql } = await admin.json<Diff>("POST", "/db/diff", {});
    expect(sql).toContain("create table public.followed");
    expect(sql).toContain("alter publication of_people add table public.followed;");
    expect(sql).not.toMatch(/supabase_realtime|reactor/);
    ending.abort();
    await query("drop publication of_people; drop table public.followed");
  });

  test("no scratch database stays behind, also after a migration that fails", async () => {
    const broken = { name: "0001_notes", sql: "create table public.notes (id int primary key);" };
    const failing = await refused("diff", { migrations: [{ ...broken, sql: "select 1/0" }] });
    expect(failing.code).toBe("migration_drift");
    const rows = await query(
      "select datname from pg_database where datname like 'reactor_scratch_%'",
    );
    expect(rows).toEqual([]);
  });

  test.each([
    ["diff", { migrations: [{ name: "x", sql: "" }] }],
    ["diff", { migration: [] }],
    ["pull", {}],
    ["pull", { name: "../../etc/passwd" }],
    ["seed", { files: [{ name: "x" }] }],
    ["reset", {}],
  ])("%s refuses a body that is not its own", async (path, body) => {
    expect((await refused(path, body)).status).toBe(400);
  });

  test("only the holder of the admin token may ask", async () => {
    for (const path of ["diff", "pull", "reset", "seed"]) {
      const answer = await admin.send("POST", `/db/${path}`, { body: "{}" }, server.secretKey);
      expect(answer.status).toBe(401);
    }
  });
});

describe("seed", () => {
  test("runs all files in one transaction", async () => {
    const files = [
      { name: "a.sql", sql: "create table public.seeded (id int);" },
      { name: "b.sql", sql: "insert into seeded values (1), (2);\ninsert into seeded values (3)" },
    ];
    expect(await admin.json("POST", "/db/seed", { files })).toMatchObject({
      files: ["a.sql", "b.sql"],
    });
    expect(await query("select count(*)::int as n from public.seeded")).toEqual([{ n: 3 }]);
  });

  test("a fault is told with file and line, and nothing is kept", async () => {
    const files = [
      { name: "a.sql", sql: "insert into seeded values (4)" },
      {
        name: "seeds/b.sql",
        sql: "insert into seeded values (5);\n-- ü\nselect *\n  from nothing;",
      },
    ];
    expect(await refused("seed", { files })).toMatchObject({
      status: 422,
      code: "sql_failed",
      message: 'seeds/b.sql:4: relation "nothing" does not exist',
    });
    expect(await query("select count(*)::int as n from public.seeded")).toEqual([{ n: 3 }]);
  });
});

describe("reset", () => {
  test("makes the project's part anew and leaves accounts alone", async () => {
    await query(
      `create extension citext; create schema "od d"; create table "od d".t (id extensions.citext);
      revoke all on schema public from anon; create operator public.=== (leftarg = int, rightarg = int,
      function = int4eq); insert into auth.users (id, email) values
      ('00000000-0000-4000-8000-00000000000a', 'a@example.test')`.replace(
        "extensions.citext",
        "public.citext",
      ),
    );
    const migrations = [NOTES, { name: "0005_more", sql: "create table public.more (id int);" }];
    const seeds = [{ name: "seed.sql", sql: "insert into notes values (7)" }];
    expect(await admin.json("POST", "/db/reset", { migrations, seeds })).toMatchObject({
      applied: ["app/0001_notes", "app/0005_more"],
      seeded: ["seed.sql"],
    });
    expect(
      await query("select tablename from pg_tables where schemaname = 'public' order by 1"),
    ).toEqual([{ tablename: "more" }, { tablename: "notes" }]);
    expect(await query("select id from public.notes")).toEqual([{ id: 7 }]);
    expect(await query("select count(*)::int as n from auth.users")).toEqual([{ n: 1 }]);
    expect(
      await query("select nspname from pg_namespace where nspname in ('crew', 'od d')"),
    ).toEqual([]);
    // The first rights of what is made in public are as at the start.
    expect(
      await query(`select has_schema_privilege('anon', 'public', 'usage') as usage,
        has_table_privilege('anon', 'public.more', 'insert') as insert`),
    ).toEqual([{ usage: true, insert: true }]);
    expect((await admin.json<Diff>("POST", "/db/diff", { migrations })).sql).toBe("");
  });

  test("a server in production refuses", async () => {
    const production = await startTestServer();
    try {
      await query("create table public.precious (id int)", production.ownerUrl);
      const answer = await adminOf(production).send("POST", "/db/reset", {
        body: JSON.stringify({ migrations: [], seeds: [] }),
      });
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ code: "not_in_development" });
      const rows = await query("select to_regclass('public.precious') as t", production.ownerUrl);
      expect(rows[0]?.["t"]).not.toBeNull();
    } finally {
      await production.stop();
    }
  });
});
