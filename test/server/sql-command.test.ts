/** The commands of the database against a real server: `sql` with psql's own, `db`, `types`. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LISTS } from "../../src/cli/sql/describe-queries.ts";
import { createBench } from "../cli/fake-host.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

setDefaultTimeout(60_000);

const bench = createBench();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ development: true, project: "test/fixtures/project" });
});
afterAll(async () => {
  await server.stop();
  bench.remove();
});

const run = (argv: readonly string[], more: Parameters<typeof bench.run>[1] = {}) =>
  bench.run(argv, {
    isTerminal: true,
    ...more,
    env: { REACTOR_URL: server.url, REACTOR_TOKEN: server.adminToken },
  });

describe("sql", () => {
  test("prints what the database says", async () => {
    const { exit, stdout } = await run([
      "sql",
      "-c",
      "select id, name from artists where id < 3 order by id",
    ]);
    expect(exit).toBe(0);
    expect(stdout).toBe(" id | name\n----+-------\n  1 | Ada\n  2 | Björk\n(2 rows)\n\n");
  });

  test("reads only unless told to write", async () => {
    const refused = await run(["sql", "-c", "delete from artists"]);
    expect(refused.exit).toBe(4);
    expect(refused.stderr).toContain("cannot execute DELETE in a read-only transaction");
    const written = await run(["sql", "--write", "-c", "insert into genres values (77, 'noise')"]);
    expect(written.stdout).toBe("INSERT 1\n");
  });

  test("as somebody", async () => {
    const { stdout } = await run(["sql", "-t", "--as", "anon", "-c", "select slug from notes"]);
    expect(stdout).toBe(" stranger-shared\n");
  });

  test.each(Object.keys(LISTS))("\\%s answers", async (list) => {
    const { exit, stdout, stderr } = await run(["sql", `\\${list}`]);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
    expect(stdout).toMatch(/\(\d+ rows?\)\n/);
    const none = await run(["sql", `\\${list === "d" ? "dt" : list} no_such*thing`]);
    expect(none.stdout).toContain("(0 rows)");
  });

  test("\\dt by pattern and schema", async () => {
    const { stdout } = await run(["sql", "\\dt alb*"]);
    expect(stdout).toMatch(/ public \| album_genres \| table/);
    expect(stdout).toMatch(/ public \| albums {7}\| table/);
    expect(stdout).toContain("(2 rows)");
    expect((await run(["sql", "\\dt private.*"])).stdout).toMatch(/ private \| hidden \| table/);
    expect((await run(["sql", `\\dt "Odd ""Names"" 💿"`])).stdout).toContain("(1 row)");
  });

  test("\\d of a table tells columns, keys, policies", async () => {
    const { stdout } = await run(["sql", "\\d notes"]);
    expect(stdout).toStartWith("table public.notes\n");
    expect(stdout).toMatch(/ owner +\| uuid +\| not null +\| auth\.uid\(\)/);
    expect(stdout).toContain(
      'Indexes:\n    "notes_pkey" PRIMARY KEY, btree (id)\n    "notes_slug_key" UNIQUE, btree (slug)\n',
    );
    expect(stdout).toContain(
      'Constraints:\n    "notes_stars_check" CHECK (((stars >= 0) AND (stars <= 5)))\n',
    );
    expect(stdout).toContain(
      'Referenced by:\n    TABLE note_lines CONSTRAINT "note_lines_note_id_fkey"',
    );
    expect(stdout).toContain("Row security:\n    enabled\n");
    expect(stdout).toContain('    "insert_own" FOR INSERT TO authenticated\n      WITH CHECK (');
    expect((await run(["sql", "\\d safe_view"])).stdout).toContain(
      "View definition:\n     SELECT id,\n",
    );
    const none = await run(["sql", "\\d nothing"]);
    expect(none.exit).toBe(1);
    expect(none.stderr).toContain("There is no relation 'nothing'");
  });
});

describe("a project's round", () => {
  test("made by hand, pulled, no difference, reset, seeded, typed", async () => {
    const project = join(bench.dir, "shop");
    mkdirSync(join(project, "migrations"), { recursive: true });
    writeFileSync(join(project, "reactor.toml"), "");
    const source = "test/fixtures/project/migrations/0001_record_shop.sql";
    writeFileSync(
      join(project, "migrations/0001_record_shop.sql"),
      readFileSync(join(import.meta.dir, "../..", source)),
    );
    writeFileSync(join(project, "seed.sql"), "insert into public.moods values ('blue');");
    const here = { cwd: project };
    expect((await run(["db", "diff", "--exit-code"], here)).exit).toBe(0);
    await run(["sql", "--write", "-c", "create table public.moods (name text primary key)"], here);
    const diff = await run(["db", "diff", "--exit-code"], here);
    expect(diff.exit).toBe(1);
    expect(diff.stdout).toStartWith("create table public.moods (");
    expect((await run(["db", "pull", "moods"], here)).exit).toBe(0);
    expect(readdirSync(join(project, "migrations")).sort()).toEqual([
      "0001_record_shop.sql",
      "0002_moods.sql",
    ]);
    expect((await run(["db", "diff", "--exit-code"], here)).exit).toBe(0);
    const types = await run(["types", "--token", server.secretKey], here);
    expect(types.stdout).toContain("      moods: {\n        Row: {\n          name: string\n");
  });
});
