import { afterAll, describe, expect, test } from "bun:test";
import { createSeededRng } from "../support/seeded-rng.ts";
import { ask, failure, one, openWireDatabase, texts } from "./wire-database.ts";

const USERS = Array.from(
  { length: 20 },
  (_, at) => `0190aaaa-0000-7000-8000-0000000000${String(at + 10)}`,
);
const database = await openWireDatabase(`
  create table notes (id int generated always as identity, owner uuid default auth.uid(), body text);
  alter table notes enable row level security;
  create policy own on notes to authenticated using (owner = (select auth.uid()))
    with check (owner = (select auth.uid()));
  create table open_notes (body text);
  insert into notes (owner, body)
    select ('0190aaaa-0000-7000-8000-0000000000' || (u + 10))::uuid, 'note ' || i
      from generate_series(0, 19) u, generate_series(1, 5) i;
`);
afterAll(() => database.close());

const claims = (sub: string) =>
  [["request.jwt.claims", JSON.stringify({ sub, role: "authenticated" })]] as const;
const asUser = (sub: string) => ({ role: "authenticated", settings: claims(sub) });

describe("users on shared, pipelined connections", () => {
  test("see their own rows only, in 1,000 queries in any order", async () => {
    const pool = database.pool({ limits: { size: 2, depth: 8 } });
    const rng = createSeededRng(42);
    const strangers: string[] = [];
    const run = async () => {
      const user = rng.pick(USERS);
      const who = rng.below(10);
      if (who === 0) {
        const anonymous = texts(await pool.query(ask("select owner from notes", { role: "anon" })));
        if (anonymous.length > 0) strangers.push("anon saw rows");
      } else if (who === 1) {
        await failure(pool.query(ask("select owner, 1/(id-id) from notes", asUser(user))));
      } else {
        const sql = rng.below(2)
          ? "select owner from notes"
          : "select owner, auth.uid() from notes";
        const rows = texts(await pool.query(ask(sql, asUser(user))));
        if (rows.length !== 5) strangers.push(`${rows.length} rows`);
        for (const row of rows)
          if (row.some((id) => id !== user)) strangers.push(`${user}: ${row.join()}`);
      }
    };
    await Promise.all(Array.from({ length: 1_000 }, run));
    expect(strangers).toEqual([]);
    expect(pool.stats().connections).toBe(2);
  });

  test("role, claims and read-only end with each query", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    const look =
      "select current_user || '|' || current_setting('request.jwt.claims', true) || '|' || current_setting('transaction_read_only') || '|' || current_setting('request.path', true)";
    const settings = [...claims("x"), ["request.path", "/p"]] as const;
    const rich = await one(pool, look, { role: "authenticated", settings, readOnly: true });
    expect(rich).toBe('authenticated|{"sub":"x","role":"authenticated"}|on|/p');
    expect(await one(pool, look, { role: "anon" })).toBe("anon||off|");
    await failure(pool.query(ask("select 1/0", { role: "authenticated", settings })));
    expect(await one(pool, look, { role: "anon" })).toBe("anon||off|");
  });

  test("more settings than a function has arguments are all set, in their order", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    const settings = Array.from({ length: 250 }, (_, at) => [`app.s${at}`, String(at)] as const);
    const again = [...settings, ["app.s0", "last"] as const];
    const look =
      "select string_agg(current_setting('app.s' || i), ',') from generate_series(0, 249) i";
    const expected = ["last", ...settings.slice(1).map(([, value]) => value)].join();
    expect(await one(pool, look, { settings: again, readOnly: true })).toBe(expected);
  });

  test("a role that authenticator was not granted is refused", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    const refused = await failure(pool.query(ask("select 1", { role: "postgres" })));
    expect(refused).toMatchObject({ code: "42501" });
    expect(await failure(pool.query(ask("select 1", { role: "no_one" })))).toMatchObject({
      code: "22023",
    });
    expect(await one(pool, "select 1")).toBe("1");
  });

  test("a read-only query cannot write", async () => {
    const pool = database.pool();
    const write = ask("insert into open_notes values ('x')", { readOnly: true });
    expect(await failure(pool.query(write))).toMatchObject({ code: "25006" });
  });

  test("a failing statement takes back what it had written", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    const sql =
      "with written as (insert into open_notes values ('gone') returning 1 as n) select n / 0 from written";
    expect(await failure(pool.query(ask(sql)))).toMatchObject({ code: "22012" });
    expect(await one(pool, "select count(*) from open_notes where body = 'gone'")).toBe("0");
  });

  test("a failing settings select keeps the statement from running", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    const query = ask("insert into open_notes values ('never')", { role: "no_one" });
    await failure(pool.query(query));
    expect(await one(pool, "select count(*) from open_notes where body = 'never'")).toBe("0");
  });

  test("a statement that opens a transaction of its own never reaches the next user", async () => {
    const pool = database.pool({ limits: { size: 1, depth: 8 } });
    await one(pool, "select current_user", { role: "anon" });
    const begin = failure(pool.query(ask("begin", asUser(USERS[0] ?? ""))));
    expect(await begin).toMatchObject({ code: "transaction_left_open" });
    expect(await one(pool, "select current_user", { role: "anon" })).toBe("anon");
    expect(
      await one(pool, "select coalesce(current_setting('request.jwt.claims', true), '')"),
    ).toBe("");
  });

  test("no write behind such a statement is reported done and then lost", async () => {
    const pool = database.pool({ limits: { size: 1, depth: 8 } });
    const write = (n: number) =>
      pool.query(ask("insert into open_notes values ($1)", { params: [`ghost ${n}`] }));
    await write(0);
    // From its second time on it is known to be quick, and others are sent behind it.
    await failure(pool.query(ask("begin")));
    const begin = failure(pool.query(ask("begin")));
    const outcomes = await Promise.allSettled([1, 2, 3].map(write));
    await begin;
    const done = outcomes.filter(({ status }) => status === "fulfilled").length;
    const count = "select count(*) from open_notes where body ~ '^ghost [1-3]'";
    expect(await one(pool, count)).toBe(String(done));
  });

  test("COPY is refused without hanging the connection", async () => {
    const pool = database.pool({ limits: { size: 1 } });
    for (const sql of ["copy open_notes from stdin", "copy open_notes to stdout"]) {
      expect(await failure(pool.query(ask(sql)))).toMatchObject({ code: "copy_unsupported" });
      expect(await one(pool, "select 1")).toBe("1");
    }
  });
});
