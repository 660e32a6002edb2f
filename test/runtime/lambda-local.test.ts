/** Handlers written for AWS Lambda, in real jailed processes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleFunction } from "../../src/runtime/bundle.ts";
import { DEFAULT_LIMITS, failureOf } from "./runtime-call.ts";
import { createFixture, type Fixture } from "./runtime-fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture();
});
afterAll(() => fixture.close());

const LIMITS = { ...DEFAULT_LIMITS, concurrency: 1 };
const local = (name: string, code: string, more: object = {}) =>
  fixture.lambdaSpec(name, code, { limits: LIMITS, ...more });

/** As a deploy makes it of a file of this name. */
async function bundled(file: string, source: string): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "reactor-lambda-"));
  try {
    writeFileSync(join(dir, file), source);
    return (await bundleFunction(join(dir, file))).code;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("a CommonJS handler gets an event and a context, its answer becomes HTTP", async () => {
  const code = await bundled(
    "index.js",
    `exports.handler = async (event, context) => ({
      statusCode: 201, headers: { "x-a": "b" }, cookies: ["a=1", "b=2"],
      body: JSON.stringify({ event, name: context.functionName, memory: context.memoryLimitInMB,
        left: context.getRemainingTimeInMillis() > 1000, env: process.env.MY_VAR,
        known: process.env.AWS_LAMBDA_FUNCTION_NAME, secret: process.env.SECRET_OF_THE_SERVER }) })`,
  );
  const spec = local("cjs", code, { env: { MY_VAR: "mine" } });
  const answer = await fixture.invoke(spec, {
    url: "https://shop.example/a/b?x=1",
    requestId: "req-7",
    init: { method: "POST", body: new Uint8Array([255]), headers: { cookie: "k=v" } },
  });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("x-a")).toBe("b");
  expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  expect(await answer.json()).toMatchObject({
    event: {
      version: "2.0",
      rawPath: "/a/b",
      rawQueryString: "x=1",
      cookies: ["k=v"],
      body: "/w==",
      isBase64Encoded: true,
      requestContext: { requestId: "req-7", http: { method: "POST" } },
    },
    ...{ name: "cjs", memory: "256", left: true, env: "mine", known: "cjs" },
  });
});

test("CommonJS that was not bundled, ESM, and a chosen export", async () => {
  const plain = local("plain", `exports.handler = async () => ({ kind: "plain" });`);
  expect(await (await fixture.invoke(plain)).json()).toEqual({ kind: "plain" });
  const esm = local("esm", `export const handler = async () => "text";`);
  expect(await (await fixture.invoke(esm)).text()).toBe("text");
  const named = `export const one = async () => 1; export const two = async () => 2;`;
  const chosen = local("chosen", named, { entry: "index.two" });
  expect(await (await fixture.invoke(chosen)).json()).toBe(2);
});

test("callback style, and an error given to the callback", async () => {
  const spec = local(
    "callback",
    `exports.handler = (event, context, callback) => {
      queueMicrotask(() => event.rawPath === "/bad"
        ? callback(new Error("no good")) : callback(null, { ok: true })); };`,
  );
  expect(await (await fixture.invoke(spec)).json()).toEqual({ ok: true });
  const failure = await failureOf(fixture.invoke(spec, { url: "http://localhost/bad" }));
  expect(failure).toMatchObject({ status: 500, code: "function_failed", message: "no good" });
  expect(await (await fixture.invoke(spec)).json()).toEqual({ ok: true });
});

test("a throw is 500 with its message, its stack and what it printed are in the log", async () => {
  const spec = local(
    "throws",
    `exports.handler = async () => { console.log("about to"); throw new TypeError("broken"); };`,
  );
  const failure = await failureOf(fixture.invoke(spec, { requestId: "throw-1" }));
  expect(failure).toMatchObject({ status: 500, code: "function_failed", message: "broken" });
  const said = await fixture.line((line) => line.message === "about to");
  expect(said.requestId).toBe("throw-1");
  await fixture.line((line) => line.level === "error" && line.message.includes("broken"));
});

test("an answer that is none says what is wrong", async () => {
  const spec = local("odd", `exports.handler = async () => ({ statusCode: "soon" });`);
  const failure = await failureOf(fixture.invoke(spec));
  expect(failure).toMatchObject({ status: 500, code: "function_failed" });
  expect(failure.message).toContain("statusCode");
});

const STREAMS = `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.rawPath === "/early") throw new Error("before the first byte");
  if (event.rawPath !== "/plain") {
    stream = awslambda.HttpResponseStream.from(stream,
      { statusCode: 202, headers: { "content-type": "text/plain" }, cookies: ["a=1"] });
  }
  stream.write("one "); 
  await new Promise((done) => setTimeout(done, 5));
  stream.write("two");
  stream.end();
});`;

test("a streaming handler sends its head ahead, or none", async () => {
  const spec = local("streams", STREAMS);
  const answer = await fixture.invoke(spec);
  expect([answer.status, answer.headers.get("set-cookie")]).toEqual([202, "a=1"]);
  expect(await answer.text()).toBe("one two");
  const plain = await fixture.invoke(spec, { url: "http://localhost/plain" });
  expect([plain.status, await plain.text()]).toEqual([200, "one two"]);
  const failure = await failureOf(fixture.invoke(spec, { url: "http://localhost/early" }));
  expect(failure.message).toBe("before the first byte");
  expect(await (await fixture.invoke(spec)).text()).toBe("one two");
});

test("a stream that fails on the way is cut, and the log says why", async () => {
  const spec = local(
    "cut",
    `exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      stream.write("one");
      await new Promise((done) => setTimeout(done, 5));
      throw new Error("on the way"); });`,
  );
  const answer = await fixture.invoke(spec, { requestId: "cut-1" });
  await failureOf(answer.text());
  const line = await fixture.line(({ message }) => message.includes("on the way"));
  expect(line.requestId).toBe("cut-1");
});

test("calls of one process do not overlap, as on AWS", async () => {
  const spec = local(
    "serial",
    `let running = 0; exports.handler = async () => { running += 1;
      await new Promise((done) => setTimeout(done, 2)); const seen = running; running -= 1; return seen; };`,
  );
  const calls = Array.from({ length: 20 }, () => fixture.invoke(spec).then((one) => one.json()));
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, () => 1));
});

test("a handler that never ends is stopped at its deadline, the next call is answered", async () => {
  const spec = local(
    "stuck",
    `exports.handler = async (event) => { if (event.rawPath === "/stuck") for (;;); return "fine"; };`,
  );
  const brief = { ...spec, limits: { ...LIMITS, deadlineMs: 1500 } };
  const failure = await failureOf(fixture.invoke(brief, { url: "http://localhost/stuck" }));
  expect(failure).toMatchObject({ status: 504, code: "function_timeout" });
  expect(await (await fixture.invoke(spec, { url: "http://localhost/" })).text()).toBe("fine");
});

test("a bundle without a handler is not loaded, and one that fails to begin says why", async () => {
  const none = await failureOf(fixture.invoke(local("none", `export const other = 1;`)));
  expect(none).toMatchObject({ status: 500, code: "function_failed" });
  expect(none.message).toContain('export a function "handler"');
  const init = await failureOf(fixture.invoke(local("init", `throw new Error("no start");`)));
  expect(init.message).toContain("no start");
});

const CUSTOM = `const api = "http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2018-06-01/runtime/";
async function poll() {
  for (;;) {
    const next = await fetch(api + "invocation/next");
    const id = next.headers.get("lambda-runtime-aws-request-id");
    const event = await next.json();
    const post = (kind, body) => fetch(api + "invocation/" + id + "/" + kind, { method: "POST", body });
    if (event.rawPath === "/error") {
      await post("error", JSON.stringify({ errorType: "Mine", errorMessage: "my error" }));
      continue;
    }
    const wrong = await fetch(api + "invocation/other/response", { method: "POST", body: "1" });
    const done = await post("response", JSON.stringify({ statusCode: 200, body: "custom " + wrong.status }));
    globalThis.last = done.status;
  }
}
poll();
export {};`;

test("a runtime of its own polls the Runtime API by fetch", async () => {
  const spec = local("custom", CUSTOM);
  expect(await (await fixture.invoke(spec)).text()).toBe("custom 400");
  const failure = await failureOf(fixture.invoke(spec, { url: "http://localhost/error" }));
  expect(failure).toMatchObject({ status: 500, message: "my error" });
  expect(await (await fixture.invoke(spec)).text()).toBe("custom 400");
});

test("a runtime that reports a failed start is not called", async () => {
  const code = `await fetch("http://" + process.env.AWS_LAMBDA_RUNTIME_API + "/2018-06-01/runtime/init/error",
    { method: "POST", body: JSON.stringify({ errorMessage: "cannot begin", errorType: "Init" }) });`;
  const failure = await failureOf(fixture.invoke(local("noinit", code)));
  expect(failure.message).toContain("cannot begin");
});
