/** `reactor dev` of the compiled file applies what is saved. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
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

interface Health {
  readonly status: string;
}

function failureOf(server: RunningExecutable, name: string) {
  const isIt = (line: Readonly<Record<string, unknown>>) =>
    line["event"] === "project.function_failed" && line["function"] === name;
  return logLines(server).find(isIt);
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

test("a fault in a function is logged with its place, the last good one stays, others are deployed", async () => {
  const shop = await bench.project();
  const server = await bench.start(shop, ["dev", "--port", "0"]);
  const before = await call(server, "/fn/v1/hello");
  writeFileSync(join(shop, "functions/hello.ts"), "export default { fetch( };\n");
  writeFileSync(join(shop, "functions/other.ts"), functionSaying("other"));
  const failed = await until("the failure in the log", () => failureOf(server, "hello"));
  expect(failed).toMatchObject({ level: "error", code: "bundle_failed" });
  expect(failed["details"]).toContain("hello.ts:1:");
  await until("the other function", async () => (await call(server, "/fn/v1/other")) === "other");
  expect(await call(server, "/fn/v1/hello")).toBe(before);
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
});

test("a start on functions that are not right serves the others and tells what is wrong with these", async () => {
  const shop = await bench.project();
  writeFileSync(join(shop, "functions/broken.ts"), "export default { fetch( };");
  writeFileSync(join(shop, "functions/junk.wasm"), "junk");
  writeFileSync(join(shop, "functions/znot.zip"), "not a zip");
  writeFileSync(join(shop, "functions/sound.ts"), functionSaying("sound"));
  const server = await bench.start(shop, ["serve", "--port", "0"]);
  expect(await call(server, "/fn/v1/sound")).toBe("sound");
  expect(failureOf(server, "broken")?.["details"]).toContain("broken.ts:1:");
  expect(failureOf(server, "junk")).toMatchObject({ level: "error" });
  expect(failureOf(server, "znot")?.["details"]).toContain("It is no zip archive");
  const health = (await (await fetch(`${server.url}/health`)).json()) as Health;
  const functions = { status: "degraded", details: { not_deployed: 3 } };
  expect(health).toMatchObject({ status: "degraded", parts: { functions } });
  const doctor = await bench.run(shop, ["doctor"]);
  expect(doctor.stdout).toContain("functions is degraded (not deployed of the project: 3)");
});

test("a start on a migration that is not right is exit 4 and tells its place", async () => {
  const shop = await bench.project();
  writeFileSync(join(shop, "migrations/0002_more.sql"), "create tabel more ();");
  const { code, stderr } = await failure(shop, ["dev", "--port", "0"]);
  expect(code).toBe(4);
  expect(stderr).toContain("0002_more.sql:1: syntax error");
  expect(stderr).not.toContain("report it");
});

test("a changed [[functions]] is live, and a save of another file takes nothing of it back", async () => {
  const shop = await bench.project();
  const file = join(shop, "reactor.toml");
  const rest = readFileSync(file, "utf8");
  const withDoor = (isShut: boolean) =>
    writeFileSync(file, `${rest}\n[[functions]]\nname = "door"\nverify_jwt = ${isShut}\n`);
  withDoor(false);
  writeFileSync(join(shop, "functions/door.ts"), functionSaying("come in"));
  const server = await bench.start(shop, ["dev", "--port", "0"]);
  const knock = async () => (await fetch(`${server.url}/fn/v1/door`)).status;
  expect(await knock()).toBe(200);
  withDoor(true);
  await until("the door is shut", async () => (await knock()) === 401);
  writeFileSync(join(shop, "functions/other.ts"), functionSaying("other"));
  await until("the other function", async () => (await call(server, "/fn/v1/other")) === "other");
  expect(await knock()).toBe(401);
  expect(logLines(server).some(({ event }) => event === "project.config_changed")).toBe(false);
  writeFileSync(file, `${readFileSync(file, "utf8")}\n[functions]\n`);
  await until("the fault in the log", () =>
    logLines(server).find(({ event }) => event === "project.reload_failed"),
  );
  expect(await knock()).toBe(401);
});

test("what a function imports from elsewhere in the project is watched", async () => {
  const shop = await bench.project();
  const lib = join(shop, "lib");
  mkdirSync(lib);
  writeFileSync(join(lib, "word.ts"), `export const word = ;`);
  writeFileSync(
    join(shop, "functions/outside.ts"),
    `import { word } from "../lib/word";\nexport default () => new Response(word);`,
  );
  const server = await bench.start(shop, ["dev", "--port", "0"]);
  for (const text of ["before", "after", "later"]) {
    writeFileSync(join(lib, "word.ts"), `export const word = "${text}";`);
    await until("the new word", async () => (await call(server, "/fn/v1/outside")) === text);
  }
});

test("a restart leaves a rollback as it is", async () => {
  const shop = await bench.project();
  writeFileSync(join(shop, "functions/step.ts"), functionSaying("one"));
  const first = await bench.start(shop, ["dev", "--port", "0"]);
  writeFileSync(join(shop, "functions/step.ts"), functionSaying("two"));
  await until("the second", async () => (await call(first, "/fn/v1/step")) === "two");
  expect((await bench.run(shop, ["fn", "rollback", "step"])).code).toBe(0);
  writeFileSync(join(shop, "functions/other.ts"), functionSaying("other"));
  await until("the other function", async () => (await call(first, "/fn/v1/other")) === "other");
  expect(await call(first, "/fn/v1/step")).toBe("one");
  await first.stop();
  const second = await bench.start(shop, ["serve", "--port", "0"]);
  expect(await call(second, "/fn/v1/step")).toBe("one");
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
