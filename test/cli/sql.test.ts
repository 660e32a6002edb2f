/** `reactor sql`: what it sends, and how it prints what comes; the server is one that answers from memory. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { patternOf } from "../../src/cli/sql/describe-queries.ts";
import { createBench } from "./fake-host.ts";
import { startFakeServer } from "./fake-server.ts";

const bench = createBench();
const server = startFakeServer();
server.announce(join(bench.dir, ".reactor"));
const sent: Record<string, unknown>[] = [];
afterAll(() => {
  server.stop();
  bench.remove();
});

const RESULT = {
  tag: "SELECT 2",
  columns: [
    { name: "id", type: "integer" },
    { name: "name", type: "text" },
    { name: "data", type: "jsonb" },
    { name: "ok", type: "boolean" },
    { name: "big", type: "bigint" },
  ],
  rows: [
    ["1", "Ada", '{"a":1}', "t", "9007199254740993"],
    ["20", "two\nlines\u001b[2J", null, "f", ""],
  ],
  truncated: false,
  ms: 1.5,
};
const TAG = { tag: "INSERT 3", columns: null, rows: [], truncated: false, ms: 0.25 };

beforeEach(() => {
  sent.length = 0;
  answer({ results: [RESULT], notices: [] });
});

function answer(body: object, status = 200): void {
  server.answers.set("POST /_admin/sql", async (request) => {
    sent.push((await request.json()) as Record<string, unknown>);
    return Response.json(body, { status });
  });
}

const terminal = { isTerminal: true };
const sql = (...argv: string[]) => bench.run(["sql", ...argv], terminal);

describe("printing", () => {
  test("a table as psql lays it out, with control characters shown", async () => {
    const { exit, stdout } = await sql("-c", "select");
    expect(exit).toBe(0);
    expect(stdout).toBe(
      [
        " id |      name      |  data   | ok |       big",
        "----+----------------+---------+----+------------------",
        '  1 | Ada            | {"a":1} | t  | 9007199254740993',
        " 20 | two           +|         | f  |",
        "    | lines\\u001b[2J |         |    |",
        "(2 rows)",
        "",
        "",
      ].join("\n"),
    );
  });

  test("one value a line, without head, with a word for null", async () => {
    const { stdout } = await sql("-x", "--null", "∅", "-c", "select");
    expect(stdout).toStartWith("-[ RECORD 1 ]-\nid   | 1\nname | Ada\n");
    expect(stdout).toContain(
      "-[ RECORD 2 ]-\nid   | 20\nname | two\n     | lines\\u001b[2J\ndata | ∅\n",
    );
    const bare = await sql("-t", "-c", "select");
    expect(bare.stdout).toStartWith('  1 | Ada            | {"a":1} | t  | 9007199254740993\n');
    expect(bare.stdout).not.toContain("rows)");
  });

  test("CSV as RFC 4180 has it, null apart from an empty text", async () => {
    answer({
      results: [
        {
          ...RESULT,
          columns: [
            { name: 'a"b', type: "text" },
            { name: "c", type: "text" },
            { name: "d", type: "text" },
          ],
          rows: [
            ["x,y", "", null],
            ['q"q', "l\nl", "=1"],
          ],
        },
      ],
      notices: [],
    });
    const { stdout } = await bench.run(["sql", "--csv", "-c", "select"]);
    expect(stdout).toBe('"a""b",c,d\n"x,y","",\n"q""q","l\nl",=1\n');
  });

  test("JSON for programs: values of JSON's own types, and columns of one name apart", async () => {
    const columns = [...RESULT.columns, { name: "id", type: "double precision" }];
    answer({
      results: [{ ...RESULT, columns, rows: [["1", null, "[1]", "f", "2", "NaN"]] }],
      notices: [],
    });
    const { json } = await bench.run(["sql", "-c", "select"]);
    expect(json()).toMatchObject({
      ok: true,
      data: {
        results: [{ rows: [{ id: 1, name: null, data: [1], ok: false, big: "2", id_2: "NaN" }] }],
        notices: [],
      },
    });
  });

  test("tags, times, notices, and word of rows that were left out", async () => {
    answer({
      results: [TAG, { ...RESULT, truncated: true }],
      notices: [{ severity: "NOTICE", message: "be\u0007ware", detail: null, hint: "so" }],
    });
    const { stdout, stderr } = await sql("--timing", "-c", "x");
    expect(stdout).toStartWith("INSERT 3\nTime: 0.250 ms\n");
    expect(stdout).toEndWith("(first 2 rows; there are more)\n\nTime: 1.500 ms\n");
    expect(stderr).toBe("NOTICE:  be\\u0007ware\nHINT:  so\n");
  });

  test("a fault shows what came before, the line and the place", async () => {
    answer(
      {
        ...{ code: "sql_statement_failed", message: "no such column", details: null, hint: "look" },
        ...{ sqlstate: "42703", line: 2, column: 9, results: [TAG], notices: [] },
      },
      422,
    );
    const { exit, stdout, stderr } = await sql("-c", "insert;\nselect ünope");
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: "INSERT 3\n" });
    expect(stderr).toBe(
      "ERROR:  no such column\nLINE 2: select ünope\n                ^\nHINT:  look\nSQLSTATE:  42703\n",
    );
    const { json } = await bench.run(["sql", "-c", "x"]);
    expect(json()).toMatchObject({
      ok: false,
      error: { code: "sql_statement_failed" },
      data: { sqlstate: "42703", line: 2, results: [{ tag: "INSERT 3" }] },
    });
  });
});

describe("sending", () => {
  test("reads only, as the owner, unless told otherwise", async () => {
    await sql("select 1");
    await sql(
      "--write",
      "-1",
      "--as",
      "anon",
      "--max-rows",
      "5",
      "--timeout",
      "2",
      "-c",
      "select 2",
    );
    expect(sent).toEqual([
      { sql: "select 1", write: false, single_transaction: false },
      {
        ...{ sql: "select 2", write: true, single_transaction: true },
        ...{ as: "anon", max_rows: 5, timeout_ms: 2000 },
      },
    ]);
  });

  test("a file, standard input, or what is piped in", async () => {
    writeFileSync(join(bench.dir, "q.sql"), "select 'file'");
    await sql("-f", "q.sql");
    await bench.run(["sql"], { stdin: "select 'piped'" });
    await bench.run(["sql", "-f", "-"], { stdin: "select 'dash'" });
    expect(sent.map((body) => body["sql"])).toEqual([
      "select 'file'",
      "select 'piped'",
      "select 'dash'",
    ]);
    expect((await sql("-f", "none.sql")).exit).toBe(1);
  });

  test.each([
    [["-c", "a", "b"]],
    [["-c", "a", "-f", "b"]],
    [["--max-rows", "many", "-c", "a"]],
    [["--timeout", "1e9", "-c", "a"]],
  ])("%j is refused", async (argv) => {
    expect((await sql(...argv)).exit).toBe(1);
    expect(sent).toEqual([]);
  });
});

describe("the prompt", () => {
  const type = (...lines: string[]) => bench.run(["sql"], { ...terminal, lines });

  test("sends a statement when it is whole, and remembers it", async () => {
    const { exit, stdout, stderr } = await type(
      "select 1",
      "  , ';",
      "';",
      "",
      "select 2; select 3;",
      " secret;",
    );
    expect(exit).toBe(0);
    expect(sent.map((body) => body["sql"])).toEqual([
      "select 1\n  , ';\n';",
      "select 2; select 3;",
      " secret;",
    ]);
    expect(stdout).toContain("(2 rows)");
    expect(stderr).toContain("Read-only; \\write on to change something");
    const history = join(bench.home, ".local/state/reactor/sql_history");
    expect(readFileSync(history, "utf8")).toBe("select 1 , '; ';\nselect 2; select 3;\n");
    expect(statSync(history).mode & 0o777).toBe(0o600);
  });

  test("Ctrl-C drops what was begun, \\q ends", async () => {
    await type("delete from", "^C", "select 1;", "\\q", "select 2;");
    expect(sent.map((body) => body["sql"])).toEqual(["select 1;"]);
  });

  test("commands change how statements run and are shown", async () => {
    const { stdout } = await type(
      "\\write on",
      "\\as ada@example.test",
      "\\x",
      "select 1;",
      "\\as off",
      "\\write",
      "\\t on",
      "\\x off",
      "\\format csv",
      "select 2;",
    );
    expect(sent).toEqual([
      { sql: "select 1;", write: true, single_transaction: false, as: "ada@example.test" },
      { sql: "select 2;", write: false, single_transaction: false },
    ]);
    expect(stdout).toContain("Statements may change the database.\n");
    expect(stdout).toContain("-[ RECORD 1 ]-");
    expect(stdout).toEndWith('20,"two\nlines\u001b[2J",,f,""\n');
  });

  test("a mistake is told and the prompt goes on", async () => {
    const { exit, stderr } = await type(
      "\\nothing",
      "\\format x",
      "\\i none.sql",
      "\\timing maybe",
      "select 1;",
    );
    expect(exit).toBe(0);
    expect(stderr).toContain("There is no command \\nothing");
    expect(stderr).toContain("'x' is none of table, csv, json");
    expect(sent).toHaveLength(1);
  });

  test("an unreachable server is told of each time", async () => {
    const dir = join(bench.dir, "gone");
    const gone = startFakeServer();
    gone.announce(join(dir, ".reactor"));
    gone.stop();
    const { exit, stderr } = await bench.run(["sql", "--data-dir", join(dir, ".reactor")], {
      ...terminal,
      lines: ["select 1;", "\\dt"],
    });
    expect(exit).toBe(0);
    expect(stderr.match(/No server answers/g)).toHaveLength(2);
  });

  test("without a home nothing is remembered", async () => {
    const { exit } = await bench.run(["sql"], {
      ...terminal,
      lines: ["select 9;"],
      env: { HOME: "" },
    });
    expect(exit).toBe(0);
    expect(existsSync(join(bench.dir, "reactor"))).toBe(false);
  });
});

test.each([
  ["notes", "", "^(?:notes)$"],
  ["Note?_*", "", "^(?:note._.*)$"],
  ['app."No.tes*"', "^(?:app)$", "^(?:No\\.tes\\*)$"],
  ["*.*", "^(?:.*)$", "^(?:.*)$"],
  ['"a""b"', "", '^(?:a"b)$'],
  ["a.b(c", "^(?:a)$", "^(?:b\\(c)$"],
])("the pattern %s", (text, schema, name) => {
  expect(patternOf(text)).toEqual({ schema, name });
});
