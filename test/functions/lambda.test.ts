/** Lambda functions through the capability: deploy, call, credentials, go back. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { writeZip } from "../../src/core/zip/write-zip.ts";
import { CREDENTIALS, type FakeLambda, startFakeLambda } from "../runtime/fake-lambda.ts";
import { failureOf } from "../runtime/runtime-call.ts";
import {
  type FunctionsDatabase,
  type FunctionsWorld,
  openFunctionsDatabase,
  startFunctions,
} from "./world.ts";

let aws: FakeLambda;
let database: FunctionsDatabase;
let world: FunctionsWorld;
beforeAll(async () => {
  aws = startFakeLambda();
  database = await openFunctionsDatabase();
  world = await startFunctions(database, {
    lambda: { region: "eu-central-1", endpoint: aws.endpoint },
  });
});
beforeEach(() => aws.answer((seen) => Response.json({ asked: seen.path })));
afterAll(async () => {
  await world?.stop();
  await database?.close();
  await aws?.stop();
});

const target = (name: string, more: object = {}) => JSON.stringify({ function: name, ...more });

test("deployed, called with its own credentials, deployed anew and rolled back", async () => {
  const settings = { runtime: "lambda", env: CREDENTIALS };
  await world.deploy("orders", target("orders-one"), settings);
  const first = await world.call("/fn/v1/orders/a/b?x=1", { method: "POST", body: "hi" });
  expect(first.status).toBe(200);
  expect(first.headers.get("x-reactor-function")).toBe("orders");
  expect(await first.json()).toEqual({ asked: "/2015-03-31/functions/orders-one/invocations" });
  expect(aws.seen[0]?.isSigned).toBe(true);
  const event = JSON.parse(aws.seen[0]?.body ?? "");
  expect(event).toMatchObject({ rawPath: "/a/b", rawQueryString: "x=1" });
  expect(event.headers["x-reactor-auth"]).toContain("service_role");
  expect(event.headers["apikey"]).toBeUndefined();
  await world.deploy("orders", target("orders-two"), settings);
  expect(await (await world.call("/fn/v1/orders")).text()).toContain("orders-two");
  await world.call("/fn/v1/_admin/orders/rollback", { method: "POST" });
  expect(await (await world.call("/fn/v1/orders")).text()).toContain("orders-one");
});

test("nobody calls it without a credential, and AWS is not asked", async () => {
  await world.deploy("closed", target("closed"), { runtime: "lambda", env: CREDENTIALS });
  expect((await world.call("/fn/v1/closed", {}, "")).status).toBe(401);
  expect(aws.seen).toHaveLength(0);
});

test("a handler for AWS runs here, with an event and the caller, and goes back as others do", async () => {
  const says = (word: string) =>
    `exports.handler = async (event) => ({ statusCode: 200, cookies: ["a=1"],
      body: "${word} " + event.rawPath + " " + JSON.parse(event.headers["x-reactor-auth"]).role });`;
  await world.deploy("local", says("one"), { runtime: "lambda" });
  const first = await world.call("/fn/v1/local/a?x=1");
  expect([first.status, first.headers.get("set-cookie")]).toEqual([200, "a=1"]);
  expect(await first.text()).toBe("one /a service_role");
  await world.deploy("local", says("two"), { runtime: "lambda" });
  expect(await (await world.call("/fn/v1/local")).text()).toStartWith("two");
  await world.call("/fn/v1/_admin/local/rollback", { method: "POST" });
  expect(await (await world.call("/fn/v1/local")).text()).toStartWith("one");
  expect(aws.seen).toHaveLength(0);
  expect((await world.call("/fn/v1/local", {}, "")).status).toBe(401);
});

test("a WebSocket is refused", async () => {
  await world.deploy("orders", target("orders"), { runtime: "lambda", env: CREDENTIALS });
  const init = { headers: { upgrade: "websocket", connection: "Upgrade" } };
  const refused = await world.call("/fn/v1/orders", init);
  expect(await refused.json()).toMatchObject({ code: "sockets_not_supported" });
});

const BAD: [string, string, string][] = [
  ["no JSON", "{function", "not valid JSON"],
  ["both", '{"function":"a","url":"https://x"}', "either function or url"],
  ["neither", "{}", "either function or url"],
  ["an unknown key", '{"function":"a","endpoint":"http://10.0.0.1"}', "'endpoint' is not a key"],
  ["another host", '{"url":"https://169.254.169.254/"}', "must be a function URL"],
  [
    "a host that only begins so",
    '{"url":"https://abcdefgh.lambda-url.eu-west-1.on.aws.evil.example/"}',
    "must be a function URL",
  ],
  ["a path for a name", '{"function":"../x"}', "a name or an ARN"],
  ["a bad region", '{"function":"a","region":"x@evil"}', "region must be"],
  ["a bad qualifier", '{"function":"a","qualifier":"a/b"}', "qualifier must be"],
  ["a bad kind of call", '{"function":"a","invoke":"now"}', "invoke must be"],
];
for (const [what, code, fault] of BAD) {
  test(`a bad target is refused at the deploy: ${what}`, async () => {
    const failure = await failureOf(world.deploy("bad", code, { runtime: "lambda" }));
    expect(failure.status).toBe(422);
    expect(JSON.stringify(failure)).toContain(fault);
  });
}

const zipped = (files: Readonly<Record<string, string>>) =>
  writeZip(
    Object.entries(files).map(([path, text]) => ({
      path,
      content: Buffer.from(text),
      isExecutable: false,
    })),
  );

test("a zip is deployed, called by its handler, reported on and rolled back", async () => {
  const shop = (word: string) =>
    zipped({
      "src/app.js": `const fs = require("fs"); const { word } = require("./word");
        require("net"); // https://api.shop.example/
        exports.run = async () => ({ statusCode: 200, body: word });`,
      "src/word.js": `exports.word = "${word}";`,
      "node_modules/x/index.js": `fetch("https://not.looked.example/")`,
    });
  const settings = { runtime: "lambda", handler: "src/app.run", egress: [] };
  const change = await world.deploy("zipped", shop("one"), settings);
  expect(change.report).toMatchObject({ imports: ["fs", "node:net"], hosts: ["api.shop.example"] });
  expect(await (await world.call("/fn/v1/zipped")).text()).toBe("one");
  await world.deploy("zipped", shop("two"), settings);
  expect(await (await world.call("/fn/v1/zipped")).text()).toBe("two");
  await world.call("/fn/v1/_admin/zipped/rollback", { method: "POST" });
  expect(await (await world.call("/fn/v1/zipped")).text()).toBe("one");
});

const BAD_ZIPS: [string, () => Uint8Array, object, string][] = [
  ["a way out", () => zipped({ "../index.js": "" }), {}, "leads out"],
  ["no handler", () => zipped({ "main.js": "" }), {}, "there is no index.js"],
  ["no such file", () => zipped({ "index.js": "" }), { entry: "a/b.c" }, "there is no a/b.js"],
  ["no export", () => zipped({ "index.js": "" }), { entry: "index" }, "folder/file.export"],
  ["damaged", () => zipped({ "index.js": "" }).fill(7, 14, 60), {}, "its zip: "],
  ["another runtime", () => zipped({ "index.js": "" }), { runtime: "bun" }, 'must be \\"lambda\\"'],
  ["a bad name", () => zipped({ "index.js": "" }), { handler: "../x.y" }, "handler must be"],
];
for (const [what, zip, more, fault] of BAD_ZIPS) {
  test(`a bad zip is refused at the deploy: ${what}`, async () => {
    const failure = await failureOf(world.deploy("bad", zip(), { runtime: "lambda", ...more }));
    expect(failure.status).toBe(422);
    expect(JSON.stringify(failure)).toContain(fault);
  });
}
