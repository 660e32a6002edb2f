/** `/_admin/sql` of a running server: results as texts, read-only unless asked, as somebody on request. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { signUp } from "../support/row-world.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { adminOf } from "./admin-client.ts";

setDefaultTimeout(60_000);

interface Answer {
  results: {
    tag: string;
    columns: { name: string; type: string }[] | null;
    rows: (string | null)[][];
    truncated: boolean;
    ms: number;
  }[];
  notices: { severity: string; message: string; hint: string | null }[];
}
interface Refusal extends Answer {
  code: string;
  message: string;
  hint: string | null;
  sqlstate: string;
  line: number | null;
  column: number | null;
}

let server: TestServer;
let admin: ReturnType<typeof adminOf>;
let alice: { id: string };
beforeAll(async () => {
  server = await startTestServer({ project: "test/fixtures/project" });
  admin = adminOf(server);
  alice = await signUp(server.url, server.publishableKey, "alice");
  await run(
    `insert into notes (owner, slug) values ('${alice.id}', 'alices'), (gen_random_uuid(), 'strange')`,
    { write: true },
  );
});
afterAll(() => server.stop());

const send = (sql: string, more: object = {}) =>
  admin.send("POST", "/sql", { body: JSON.stringify({ sql, ...more }) });

async function run(sql: string, more: object = {}): Promise<Answer> {
  const answer = await send(sql, more);
  const body = await answer.text();
  expect({ status: answer.status, body: answer.ok ? "" : body }).toEqual({ status: 200, body: "" });
  return JSON.parse(body);
}

async function refused(sql: string, more: object = {}): Promise<Refusal> {
  const answer = await send(sql, more);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  return (await answer.json()) as Refusal;
}

/** Of each statement its rows, or its tag. */
const shown = ({ results }: Answer) =>
  results.map(({ tag, columns, rows }) => (columns ? rows : tag));

describe("statements", () => {
  test("are answered with every value as PostgreSQL writes it", async () => {
    const { results } = await run(
      `select 9007199254740993 as big, true as yes, null as none, '{"a": [1, 2]}'::jsonb as json,
         array[1, 2] as list, '\\x00ff'::bytea as bytes, date '2026-01-02' as day, 1.10::numeric as exact`,
    );
    expect(results[0]).toMatchObject({
      tag: "SELECT 1",
      truncated: false,
      columns: [
        { name: "big", type: "bigint" },
        { name: "yes", type: "boolean" },
        { name: "none", type: "text" },
        { name: "json", type: "jsonb" },
        { name: "list", type: "integer[]" },
        { name: "bytes", type: "bytea" },
        { name: "day", type: "date" },
        { name: "exact", type: "numeric" },
      ],
      rows: [
        ["9007199254740993", "t", null, '{"a": [1, 2]}', "{1,2}", "\\x00ff", "2026-01-02", "1.10"],
      ],
    });
  });

  test("come one after the other, with what they say beside", async () => {
    const answer = await run(
      "select 1 where false; create temp table x (id int); insert into x values (1), (2); select id from x; do $$ begin raise notice 'hi; there'; end $$; show timezone",
      { write: true },
    );
    expect(answer.results.map(({ tag }) => tag)).toEqual([
      "SELECT 0",
      "CREATE TABLE",
      "INSERT 2",
      "SELECT 2",
      "DO",
      "SHOW 1",
    ]);
    expect(answer.results.map(({ columns }) => columns === null)).toEqual([
      false,
      true,
      true,
      false,
      true,
      false,
    ]);
    expect(answer.notices).toEqual([
      { severity: "NOTICE", message: "hi; there", detail: null, hint: null } as never,
    ]);
    expect((await run("")).results).toEqual([]);
  });

  test("are cut at as many rows as asked for", async () => {
    const { results } = await run("select n from generate_series(1, 2000) n; select 2", {
      max_rows: 1200,
    });
    expect({ rows: results[0]?.rows.length, truncated: results[0]?.truncated }).toEqual({
      rows: 1200,
      truncated: true,
    });
    expect(results[1]?.rows).toEqual([["2"]]);
    const all = await run("select n from generate_series(1, 1200) n", { max_rows: 1200 });
    expect({ rows: all.results[0]?.rows.length, truncated: all.results[0]?.truncated }).toEqual({
      rows: 1200,
      truncated: false,
    });
  });

  test("take parameters, one at a time", async () => {
    const { results } = await run("select $1::text || $2::text as x", { params: ["a'", '"b'] });
    expect(results[0]?.rows).toEqual([["a'\"b"]]);
    expect((await refused("select $1::text; select 2", { params: ["a"] })).code).toBe(
      "bad_request",
    );
  });

  test("a fault says where it is and what came before", async () => {
    const fault = await refused("select 'ü' as a;\n\nselect\n  nothing from notes; select 3");
    expect(fault).toMatchObject({
      code: "sql_statement_failed",
      message: 'column "nothing" does not exist',
      sqlstate: "42703",
      line: 4,
      column: 3,
    });
    expect(fault.results.map(({ rows }) => rows)).toEqual([[["ü"]]]);
  });

  test("a statement that takes too long is cancelled", async () => {
    expect((await refused("select pg_sleep(30)", { timeout_ms: 50 })).sqlstate).toBe("57014");
  });
});

describe("a read-only request", () => {
  test.each([
    ["a write", "delete from notes", "25006"],
    ["a write in a function", "select nextval('notes_id_seq')", "25006"],
    ["another mode of the transaction", "set transaction read write; delete from notes", "25001"],
    ["another mode by its setting", "set transaction_read_only = off; delete from notes", "25001"],
    [
      "the same by a function",
      "select set_config('transaction_read_only', 'off', true); delete from notes",
      "25001",
    ],
    ["a savepoint", "savepoint s; set transaction read write; delete from notes", "25001"],
    ["a procedure that commits", "do $$ begin commit; delete from notes; end $$", "2D000"],
  ])("refuses %s", async (_name, sql, sqlstate) => {
    expect((await refused(sql)).sqlstate).toBe(sqlstate);
  });

  test.each([
    ["commit; delete from notes", "sql_read_only"],
    ["/* x */ Rollback; delete from notes", "sql_read_only"],
    ["-- x\nEND", "sql_read_only"],
    ["begin; delete from notes; commit", "sql_read_only"],
    ["abort", "sql_read_only"],
    ["prepare transaction 'x'", "sql_read_only"],
    ["start transaction read write", "sql_read_only"],
    ["copy notes to program 'true'", "sql_unsupported"],
  ])("refuses %s before asking", async (sql, code) => {
    expect((await refused(sql)).code).toBe(code);
  });

  test("leaves nothing behind", async () => {
    await run("set search_path = private; select 1");
    expect(shown(await run("select count(*) from notes where slug = 'alices'"))).toEqual([[["1"]]]);
  });
});

describe("a request that writes", () => {
  test("keeps what was done before a fault, unless all or nothing was asked for", async () => {
    const text = "create table public.kept (id int); insert into kept values (1); select 1/0";
    expect((await refused(text, { write: true })).sqlstate).toBe("22012");
    expect(shown(await run("select count(*) from kept"))).toEqual([[["1"]]]);
    const more = "insert into kept values (2); select 1/0";
    await refused(more, { write: true, single_transaction: true });
    expect(shown(await run("select count(*) from kept"))).toEqual([[["1"]]]);
  });

  test("may hold its own transaction, which does not outlive it", async () => {
    await run("begin; insert into kept values (3); commit", { write: true });
    const open = await run("begin; insert into kept values (4)", { write: true });
    expect(open.notices.at(-1)).toMatchObject({
      severity: "WARNING",
      message: "A transaction was left open and was rolled back",
    });
    expect(shown(await run("select id from kept order by 1"))).toEqual([[["1"], ["3"]]]);
  });

  test.each([
    "select 1",
    "begin; select 1; commit",
    "begin; select 1; rollback work",
    "begin; savepoint s; rollback to s; commit and chain; end",
    "prepare p as select 1; execute p",
    "do $$ begin commit; end $$",
  ])("ends no transaction that is not there: %s", async (sql) => {
    expect((await run(sql, { write: true })).notices).toEqual([]);
  });

  test.each([
    "select 1/0",
    "begin; commit; select 1/0",
    "begin; select 1; select 1/0",
    "begin; commit and chain; select 1/0",
    "begin nonsense",
    "create temp table a (id int primary key);" +
      "create temp table b (id int references a deferrable initially deferred);" +
      "begin; insert into b values (1); commit",
  ])("nor after a fault: %s", async (sql) => {
    expect((await refused(sql, { write: true })).notices).toEqual([]);
  });

  test.each(["begin; rollback to nothing", "begin; commit and chain", "start transaction"])(
    "a transaction is not left to others: %s",
    async (sql) => {
      const answer = await send(sql, { write: true });
      const { notices, sqlstate } = (await answer.json()) as Refusal;
      const isTold = notices.some(({ message }) =>
        message.startsWith("A transaction was left open"),
      );
      expect(isTold || sqlstate === "3B001").toBe(true);
    },
  );

  test("runs what cannot be in a transaction", async () => {
    expect(
      (await run("vacuum kept; create index concurrently kept_id on kept (id)", { write: true }))
        .results,
    ).toHaveLength(2);
    expect((await refused("copy kept to stdout", { write: true })).code).toBe("sql_unsupported");
  });
});

describe("as somebody", () => {
  const visible = "select slug from notes where slug in ('alices', 'strange') order by 1";

  test("a role sees what its policies show", async () => {
    expect(shown(await run(visible, { as: "anon" }))).toEqual([[]]);
    expect(shown(await run(visible, { as: "service_role" }))).toEqual([[["alices"], ["strange"]]]);
    expect(shown(await run("select current_user, auth.role()", { as: "anon" }))).toEqual([
      [["anon", "anon"]],
    ]);
  });

  test("an account is its user, by id or by address", async () => {
    for (const as of [alice.id, "ALICE@example.test"]) {
      expect(shown(await run(visible, { as }))).toEqual([[["alices"]]]);
      expect(shown(await run("select auth.uid(), auth.email(), current_user", { as }))).toEqual([
        [[alice.id, "alice@example.test", "authenticated"]],
      ]);
    }
  });

  test("a write is checked by the policies", async () => {
    const stolen = "insert into notes (owner, slug) values (gen_random_uuid(), 'stolen')";
    const denied = await refused(stolen, { as: alice.id, write: true });
    expect(denied).toMatchObject({
      sqlstate: "42501",
      message: 'new row violates row-level security policy for table "notes"',
    });
    await run("insert into notes (slug) values ('made')", { as: alice.id, write: true });
    expect(shown(await run("select owner::text from notes where slug = 'made'"))).toEqual([
      [[alice.id]],
    ]);
  });

  test.each([
    "reset role",
    "set role postgres",
    "set local role postgres",
    "set session authorization default",
    "reset session authorization",
    "reset all",
    "discard all",
    "commit",
  ])("does not become somebody else by %s", async (sql) => {
    const { code } = await refused(`${sql}; ${visible}`, { as: "anon", write: true });
    expect(code).toBe("sql_role_fixed");
  });

  test("nobody of that name", async () => {
    for (const as of ["nobody@example.test", "00000000-0000-4000-8000-0000000000ff", "'; drop"]) {
      expect((await refused("select 1", { as })).code).toBe("sql_person_unknown");
    }
  });
});

test("only the holder of the admin token runs SQL", async () => {
  const body = JSON.stringify({ sql: "select 1" });
  expect((await admin.send("POST", "/sql", { body }, server.secretKey)).status).toBe(401);
  expect((await admin.send("POST", "/sql", { body }, "wrong")).status).toBe(401);
});

test.each([{}, { sql: 1 }, { sql: "select 1", writes: true }, { sql: "", max_rows: -1 }])(
  "a body that is not its own is refused: %j",
  async (body) => {
    expect((await admin.send("POST", "/sql", { body: JSON.stringify(body) })).status).toBe(400);
  },
);
