/** Zips with handlers for Node on AWS, unpacked and run in real jailed processes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { writeZip } from "../../src/core/zip/write-zip.ts";
import { until } from "../support/until.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture();
});
afterAll(() => fixture.close());

const LIMITS = { ...DEFAULT_LIMITS, concurrency: 1 };

function zipped(files: Readonly<Record<string, string>>): Uint8Array {
  const all = Object.entries(files);
  return writeZip(
    all.map(([path, text]) => ({ path, content: Buffer.from(text), isExecutable: false })),
  );
}
const zip = (name: string, files: Readonly<Record<string, string>>, more: object = {}) =>
  fixture.lambdaSpec(name, zipped(files), { limits: LIMITS, ...more });

test("several files, packages of node_modules and data beside the code are used as on AWS", async () => {
  const spec = zip("shop", {
    "index.js": `const { total } = require("./lib/total"); const { left } = require("left");
      const fs = require("node:fs"); const path = require("node:path");
      exports.handler = async (event) => ({ total: total([1, 2]), left: left("x"),
        beside: fs.readFileSync(path.join(__dirname, "data/prices.json"), "utf8"),
        relative: fs.readFileSync("data/prices.json", "utf8"),
        root: process.env.LAMBDA_TASK_ROOT === __dirname, handler: process.env._HANDLER,
        path: event.rawPath });`,
    "lib/total.js": `exports.total = (list) => list.reduce((a, b) => a + b);`,
    "data/prices.json": `{"a":1}`,
    "node_modules/left/package.json": `{"name":"left","version":"1.0.0","main":"dist/main.js"}`,
    "node_modules/left/dist/main.js": `exports.left = (s) => require("pad").pad + s;`,
    "node_modules/pad/package.json": `{"name":"pad","type":"module","exports":"./pad.mjs"}`,
    "node_modules/pad/pad.mjs": `export const pad = "-";`,
  });
  const answer = await fixture.invoke(spec, { url: "http://localhost/a/b" });
  expect(await answer.json()).toEqual({
    ...{ total: 3, left: "-x", beside: `{"a":1}`, relative: `{"a":1}`, root: true },
    ...{ handler: "index.handler", path: "/a/b" },
  });
});

test("the handler is the one that is named: folders, endings, exports of exports", async () => {
  const files = {
    "src/app/main.mjs": `export const run = async () => "mjs"; export const deep = { one: async () => "deep" };`,
    "src/app/main.cjs": `exports.run = async () => "not this one";`,
    "old.cjs": `exports.run = async () => "cjs";`,
    "index.js": `export const handler = async () => "esm in .js";`,
    "package.json": `{"type":"module"}`,
  };
  const said = async (entry: string | null) =>
    await (await fixture.invoke(zip(`n${entry?.length ?? 0}`, files, { entry }))).text();
  expect(await said(null)).toBe("esm in .js");
  expect(await said("src/app/main.run")).toBe("mjs");
  expect(await said("src/app/main.deep.one")).toBe("deep");
  expect(await said("old.run")).toBe("cjs");
});

test("a handler that is not there says so", async () => {
  const files = { "index.js": `exports.other = 1;` };
  const no = await failureOf(fixture.invoke(zip("noexport", files)));
  expect(no).toMatchObject({ status: 500, code: "function_failed" });
  expect(no.message).toContain(`export a function "handler"`);
  const none = await failureOf(fixture.invoke(zip("nofile", files, { entry: "app.handler" })));
  expect(none.message).toContain("there is no app.js, .mjs or .cjs");
});

test("it reads its own code and nothing beside it, and changes nothing there", async () => {
  const other = zip("other", { "index.js": `exports.handler = async () => __dirname;` });
  const place = await (await fixture.invoke(other)).text();
  const spec = zip("curious", {
    "index.js": `const fs = require("node:fs");
      const tried = (run) => { try { run(); return "done"; } catch (error) { return error.code; } };
      exports.handler = async (event) => [
        tried(() => fs.readFileSync(event.queryStringParameters.other + "/index.js")),
        tried(() => fs.readdirSync(__dirname + "/..")),
        tried(() => fs.writeFileSync(__dirname + "/index.js", "changed")),
        tried(() => fs.writeFileSync(__dirname + "/new.js", "new")),
        tried(() => fs.unlinkSync(__dirname + "/index.js")),
        tried(() => fs.writeFileSync(process.env.TMPDIR + "/x", "mine")),
        tried(() => fs.readFileSync("/etc/passwd")) ];`,
  });
  const answer = await fixture.invoke(spec, { url: `http://localhost/?other=${place}` });
  const refused = "EACCES";
  expect(await answer.json()).toEqual([...Array(5).fill(refused), "done", refused]);
});

test("it is unpacked once for all its processes, and gone with the last of them", async () => {
  const code = join(fixture.dir, "run/code");
  const before = readdirSync(code).length;
  const spec = zip(
    "many",
    {
      "index.js": `exports.handler = async ({ rawPath }) => {
        if (rawPath === "/hold") await new Promise(() => {}); return process.pid; };`,
    },
    { instances: { min: 0, max: 2 } },
  );
  const leave = new AbortController();
  const held = { url: "http://localhost/hold", init: { signal: leave.signal } };
  const calls = Array.from({ length: 8 }, () => failureOf(fixture.invoke(spec, held)));
  const processes = () => fixture.runtimes.processes().filter((one) => one.function === "many");
  await until("two of them run", () => processes().length === 2);
  expect(readdirSync(code)).toHaveLength(before + 1);
  leave.abort();
  for (const { status } of await Promise.all(calls)) expect(status).toBe(499);
  await fixture.runtimes.lambda.retire("many", spec.version);
  await until("the folder is gone", () => readdirSync(code).length === before);
  expect(await (await fixture.invoke(spec)).text()).toMatch(/^\d+$/);
});

test("one that is damaged on this server's disk is not run, and leaves nothing", async () => {
  const bytes = Buffer.from(zipped({ "index.js": `exports.handler = async () => 1;` }));
  bytes[40] = (bytes[40] ?? 0) ^ 0xff;
  const spec = fixture.lambdaSpec("damaged", bytes, { limits: LIMITS });
  const before = readdirSync(join(fixture.dir, "run/code"));
  expect(await failureOf(fixture.invoke(spec))).toMatchObject({ status: 503 });
  expect(readdirSync(join(fixture.dir, "run/code"))).toEqual(before);
});
