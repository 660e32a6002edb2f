/** `reactor dev` of the compiled file applies what is saved. */
import { expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { logLines, NotReady, type RunningExecutable } from "../support/executable.ts";
import { executableBench } from "../support/executable-bench.ts";
import { until } from "../support/until.ts";

const bench = executableBench();

async function failure(cwd: string, args: readonly string[]) {
  const error = await bench.start(cwd, args).catch((thrown: unknown) => thrown);
  if (!(error instanceof NotReady)) throw new Error("it started");
  return error.finished;
}

async function call({ url, status }: RunningExecutable, path: string): Promise<string> {
  const response = await fetch(`${url}${path}`, { headers: { apikey: status.secret_key } });
  return response.text();
}

const functionSaying = (text: string) =>
  `export default { fetch: () => new Response(${JSON.stringify(text)}) };\n`;

test("a changed function gives its new answer, and a new file becomes a function", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["dev", "--port", "0"]);
  writeFileSync(join(shop, "functions/hello.ts"), functionSaying("changed"));
  await until("the changed answer", async () => (await call(server, "/fn/v1/hello")) === "changed");
  writeFileSync(join(shop, "functions/late.ts"), functionSaying("new here"));
  await until("the new function", async () => (await call(server, "/fn/v1/late")) === "new here");
});

test("a new migration's table is served", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["dev", "--port", "0"]);
  const migration = `create table public.shelves (id int primary key);
    alter table public.shelves enable row level security;
    insert into public.shelves values (7);`;
  writeFileSync(join(shop, "migrations/0002_shelves.sql"), migration);
  await until(
    "the new table",
    async () => (await call(server, "/data/v1/shelves")) === '[{"id":7}]',
  );
});

test("a fault in a function is logged with its place and the last good one stays", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["dev", "--port", "0"]);
  const before = await call(server, "/fn/v1/hello");
  writeFileSync(join(shop, "functions/hello.ts"), "export default { fetch( };\n");
  const failed = await until("the failure in the log", () =>
    logLines(server).find(({ event }) => event === "project.reload_failed"),
  );
  expect(JSON.stringify(failed)).toContain("hello.ts:1:");
  expect(await call(server, "/fn/v1/hello")).toBe(before);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test("a start on a function that is not right is exit 4 and tells its place, and so is a migration", async () => {
  const shop = await bench.project();
  const cases = [
    ["functions/hello.ts", "export default { fetch( };", "hello.ts:1:"],
    ["migrations/0002_more.sql", "create tabel more ();", "0002_more.sql:1: syntax error"],
  ] as const;
  for (const [file, text, place] of cases) {
    writeFileSync(join(shop, file), text);
    const { code, stderr } = await failure(shop, ["dev", "--port", "0"]);
    expect(code).toBe(4);
    expect(stderr).toContain(place);
    expect(stderr).not.toContain("report it");
    rmSync(join(shop, file));
  }
});

test("in an empty folder, the first function and the first migration are taken up", async () => {
  const folder = bench.folder();
  const server = await bench.start(folder, ["dev", "--port", "0"]);
  mkdirSync(join(folder, "functions"));
  writeFileSync(join(folder, "functions/first.ts"), functionSaying("first"));
  await until("the first function", async () => (await call(server, "/fn/v1/first")) === "first");
  mkdirSync(join(folder, "migrations"));
  const migration = `create table public.shelves (id int primary key);
    alter table public.shelves enable row level security;`;
  writeFileSync(join(folder, "migrations/0001_shelves.sql"), migration);
  await until("the first table", async () => (await call(server, "/data/v1/shelves")) === "[]");
});
