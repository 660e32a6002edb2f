/** `reactor db`, against a server that remembers what it was sent. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createBench } from "./fake-host.ts";
import { startFakeServer } from "./fake-server.ts";

const bench = createBench();
const server = startFakeServer();
const project = join(bench.dir, "shop");
const sent: Record<string, unknown>[] = [];
afterAll(() => {
  server.stop();
  bench.remove();
});
beforeEach(() => {
  rmSync(project, { recursive: true, force: true });
  mkdirSync(join(project, "migrations"), { recursive: true });
  writeFileSync(join(project, "reactor.toml"), "");
  writeFileSync(join(project, "migrations/0001_notes.sql"), "select 1;\r\n");
  server.announce(join(project, ".reactor"));
  server.answers.clear();
  sent.length = 0;
});

const run = (argv: readonly string[], more: Parameters<typeof bench.run>[1] = {}) =>
  bench.run(argv, { cwd: project, ...more });

function answers(path: string, body: object, status = 200): void {
  server.answers.set(`POST /_admin/db/${path}`, async (request) => {
    sent.push((await request.json()) as Record<string, unknown>);
    return Response.json(body, { status });
  });
}

const DIFF = {
  sql: "drop table x;\n",
  statements: 1,
  warnings: ["mind y"],
  pending: ["app/0002_z"],
};
const NONE = { sql: "", statements: 0, warnings: [], pending: [] };
const MIGRATIONS = [{ name: "0001_notes", sql: "select 1;\n" }];

describe("db diff", () => {
  test("prints SQL, and what is left out beside it", async () => {
    answers("diff", DIFF);
    const { exit, stdout, stderr } = await run(["db", "diff"], { isTerminal: true });
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: "drop table x;\n" });
    expect(stderr).toContain("pending, left out: app/0002_z\nwarning: mind y\n");
    expect(sent).toEqual([{ migrations: MIGRATIONS }]);
    expect((await run(["db", "diff"])).json()["data"]).toEqual(DIFF);
  });

  test("the exit code tells on request whether there is a difference", async () => {
    answers("diff", DIFF);
    expect((await run(["db", "diff", "--exit-code"])).exit).toBe(1);
    answers("diff", NONE);
    const same = await run(["db", "diff", "--exit-code"], { isTerminal: true });
    expect({ exit: same.exit, stdout: same.stdout }).toEqual({
      exit: 0,
      stdout: "-- No difference\n",
    });
  });

  test("a failing migration is the project's fault", async () => {
    answers("diff", { code: "migration_failed", message: "app/0001_notes.sql:1: no" }, 422);
    const { exit, json } = await run(["db", "diff"]);
    expect(exit).toBe(4);
    expect(json()).toMatchObject({ error: { code: "migration_failed" } });
  });
});

describe("db pull", () => {
  const pull = () => answers("pull", { ...DIFF, name: "0002_pulled_schema" });

  test("writes the next migration with what the server said", async () => {
    pull();
    const { exit, json } = await run(["db", "pull"]);
    const file = join(project, "migrations/0002_pulled_schema.sql");
    expect(exit).toBe(0);
    expect(json()["data"]).toEqual({ file, statements: 1, warnings: ["mind y"] });
    expect(readFileSync(file, "utf8")).toBe("drop table x;\n");
    expect(sent).toEqual([{ migrations: MIGRATIONS, name: "0002_pulled_schema" }]);
  });

  test.each([
    [[], "0001_title"],
    [["9_x"], "10_title"],
    [["0009_x", "0010_y"], "0011_title"],
    [["29990101000000_x"], "29990101000001_title"],
    [["20200101000000_x"], /^20[2-9]\d{11}_title$/],
  ])("after %j comes its number", async (names, wanted) => {
    rmSync(join(project, "migrations"), { recursive: true });
    mkdirSync(join(project, "migrations"));
    for (const name of names) writeFileSync(join(project, `migrations/${name}.sql`), "");
    answers("pull", { ...NONE, name: null });
    expect((await run(["db", "pull", "title"])).exit).toBe(0);
    expect(sent[0]?.["name"]).toMatch(wanted);
  });

  test("writes nothing where there is nothing, and nothing over a file", async () => {
    answers("pull", { ...NONE, name: null });
    expect((await run(["db", "pull"], { isTerminal: true })).stdout).toBe("Nothing to pull\n");
    expect(readdirSync(join(project, "migrations"))).toEqual(["0001_notes.sql"]);
    answers("pull", { ...DIFF, name: "0001_notes" });
    expect((await run(["db", "pull"])).json()).toMatchObject({
      error: { code: "file_unwritable" },
    });
    expect(readFileSync(join(project, "migrations/0001_notes.sql"), "utf8")).toBe("select 1;\r\n");
  });

  test.each(["../up", "a b", ""])("the title %j is refused", async (title) => {
    pull();
    expect((await run(["db", "pull", title])).exit).toBe(1);
    expect(sent).toEqual([]);
  });
});

describe("db reset", () => {
  const reset = () =>
    answers("reset", { applied: ["app/0001_notes"], seeded: ["seed.sql"], ms: 3 });

  test("asks a person, and does nothing without a yes", async () => {
    reset();
    const no = await run(["db", "reset"], { isTerminal: true, answer: "y" });
    expect(no.exit).toBe(1);
    expect(no.stderr).toContain("Nothing was done");
    expect(sent).toEqual([]);
    const yes = await run(["db", "reset"], { isTerminal: true, answer: "yes" });
    expect({ exit: yes.exit, stdout: yes.stdout }).toEqual({
      exit: 0,
      stdout: "applied  app/0001_notes\nseeded   seed.sql\n",
    });
  });

  test("without a terminal it wants --yes", async () => {
    reset();
    const refused = await run(["db", "reset"]);
    expect(refused.json()).toMatchObject({ error: { code: "confirmation_needed" } });
    expect(sent).toEqual([]);
    writeFileSync(join(project, "seed.sql"), "select 2");
    expect((await run(["db", "reset", "--yes"])).exit).toBe(0);
    expect((await run(["db", "reset", "-y", "--no-seed"])).exit).toBe(0);
    expect(sent).toEqual([
      { migrations: MIGRATIONS, seeds: [{ name: "seed.sql", sql: "select 2" }] },
      { migrations: MIGRATIONS, seeds: [] },
    ]);
  });

  test("does not go to a server elsewhere because none runs here", async () => {
    reset();
    await run(["context", "add", "prod", "--url", server.url, "--token", "x"]);
    await run(["context", "use", "prod"]);
    rmSync(join(project, ".reactor"), { recursive: true });
    expect((await run(["db", "reset", "--yes"])).exit).toBe(6);
    expect(sent).toEqual([]);
  });
});

describe("db seed", () => {
  test("runs the project's files in the order of its patterns, or those named", async () => {
    writeFileSync(
      join(project, "reactor.toml"),
      '[data]\nseed_files = ["last.sql", "seeds/*.sql"]\n',
    );
    mkdirSync(join(project, "seeds"));
    for (const [name, sql] of Object.entries({ "seeds/b": "b", "seeds/a": "ä", last: "l" })) {
      writeFileSync(join(project, `${name}.sql`), sql);
    }
    answers("seed", { files: ["x.sql"], ms: 1 });
    expect((await run(["db", "seed"], { isTerminal: true })).stdout).toBe("Ran x.sql (1 ms)\n");
    expect((await run(["db", "seed", "seeds/b.sql"])).exit).toBe(0);
    expect(sent).toEqual([
      {
        files: [
          { name: "last.sql", sql: "l" },
          { name: "seeds/a.sql", sql: "ä" },
          { name: "seeds/b.sql", sql: "b" },
        ],
      },
      { files: [{ name: "seeds/b.sql", sql: "b" }] },
    ]);
  });

  test("says where a file is missing", async () => {
    expect((await run(["db", "seed"])).json()).toMatchObject({ error: { code: "seed_not_found" } });
    const named = await run(["db", "seed", "no.sql"]);
    expect(named.json()).toMatchObject({ error: { code: "file_unreadable" } });
  });
});
